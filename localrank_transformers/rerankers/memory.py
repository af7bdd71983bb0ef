"""Give freed memory back to the system: an allocator keeps it otherwise, and a closed model would still be seen."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

__all__ = ["give_back_freed", "give_back_when_freed"]

_TRIM_THRESHOLD = -1
"""`M_TRIM_THRESHOLD` of `mallopt(3)`."""

_KEPT_AT_MOST = 128 << 10
"""What glibc itself begins with."""


def give_back_when_freed() -> None:
    """Make glibc return what is free at the end of a thread's heap beyond 128 kB; to be called before a model is let go.

    `malloc_trim` does not reach all of it: after a model and 150 long documents 25 to 29 MB stay, 24 to 37 with 4 MiB a heap.
    The threshold is the whole process's (`mallopt(3)`); left alone, it grows to twice the largest block ever freed, which is a
    model's weights.
    """
    set_option = _glibc("mallopt")
    if set_option is not None:
        set_option(_TRIM_THRESHOLD, _KEPT_AT_MOST)


def give_back_freed() -> None:
    """Ask glibc to return free pages (`malloc_trim(3)`); elsewhere the allocator decides for itself."""
    trim = _glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _glibc(name: str) -> Callable[..., int] | None:
    """Return a function of glibc, None elsewhere: musl has no `malloc_trim`, and its `mallopt` does nothing."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return getattr(library, name, None) if hasattr(library, "malloc_trim") else None
