"""Give freed memory back to the system: an allocator keeps it otherwise, and a closed model would still be seen."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["give_back_freed"]


def give_back_freed() -> None:
    """Ask glibc to return free pages (`malloc_trim(3)`); elsewhere the allocator decides for itself."""
    if not sys.platform.startswith("linux"):
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # musl has none
        trim(0)
