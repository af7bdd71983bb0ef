"""Memory that was freed goes back to the system."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import pytest

from localrank_transformers.memory import give_back_freed

LINUX_WITH_GLIBC = sys.platform.startswith("linux") and hasattr(ctypes.CDLL(None), "malloc_trim")


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not LINUX_WITH_GLIBC, reason="only glibc keeps and returns pages in this way")
def test_freed_pages_return_to_the_system() -> None:
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = (
        ctypes.c_void_p,
        [ctypes.c_size_t],
        [ctypes.c_void_p],
    )
    size = 64 << 10  # below the size that is mapped, and so returned, by itself
    blocks = [libc.malloc(size) for _ in range(1_000)]
    for block in blocks:
        ctypes.memset(block, 1, size)
    for block in blocks[:-1]:
        libc.free(block)  # the last one holds the top of the heap, so nothing shrinks by itself
    before = resident()
    give_back_freed()
    libc.free(blocks[-1])
    assert before - resident() > 32 << 20
