"""How much of a thread's stack something takes: it runs on one that was painted before."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable

import numpy as np

__all__ = ["bytes_taken"]

_SIZE = 1 << 20
_PAINT = 0xAA
_ROOM_OF_ATTRIBUTES = 128
"""More than any pthread_attr_t."""


def bytes_taken(work: Callable[[], object]) -> int:
    """Return how deep `work` reaches into the stack of a thread of POSIX, in bytes, Python's own frames included."""
    libc, stack = ctypes.CDLL(None), mmap.mmap(-1, _SIZE)
    stack.write(bytes([_PAINT]) * _SIZE)
    painted = np.frombuffer(stack, dtype=np.uint8)
    attributes, thread = ctypes.create_string_buffer(_ROOM_OF_ATTRIBUTES), ctypes.c_ulong()
    errors: list[BaseException] = []

    @ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
    def begin(_: object) -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    assert libc.pthread_attr_init(attributes) == 0
    assert (
        libc.pthread_attr_setstack(attributes, ctypes.c_void_p(painted.ctypes.data), ctypes.c_size_t(_SIZE))
        == 0
    )
    assert libc.pthread_create(ctypes.byref(thread), attributes, begin, None) == 0
    assert libc.pthread_join(thread, None) == 0
    assert not errors, errors
    return _SIZE - int(np.argmax(painted != _PAINT))
