"""Memory that was freed goes back to the system."""

from __future__ import annotations

import ctypes
import sys
import threading
from pathlib import Path

import pytest

from localrank_transformers.rerankers.memory import give_back_freed, give_back_when_freed

LINUX_WITH_GLIBC = sys.platform.startswith("linux") and hasattr(ctypes.CDLL(None), "malloc_trim")


def allocator() -> ctypes.CDLL:
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = (
        ctypes.c_void_p,
        [ctypes.c_size_t],
        [ctypes.c_void_p],
    )
    return libc


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not LINUX_WITH_GLIBC, reason="only glibc keeps and returns pages in this way")
def test_freed_pages_return_to_the_system() -> None:
    libc = allocator()
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


@pytest.mark.skipif(not LINUX_WITH_GLIBC, reason="only glibc has a heap for each thread")
def test_the_heap_of_another_thread_is_given_back_when_it_is_freed() -> None:
    libc = allocator()
    libc.free(
        libc.malloc(30 << 20)
    )  # from now on glibc would keep as much as twice this, and map no smaller block
    blocks: list[int] = []

    def work() -> None:
        blocks.extend(libc.malloc(100 << 10) for _ in range(400))
        for block in blocks:
            ctypes.memset(block, 1, 100 << 10)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    before = resident()
    give_back_when_freed()
    for block in blocks:
        libc.free(block)
    give_back_freed()
    assert before - resident() > 38_000_000  # of 41; without the threshold 36
