"""What an object held is let go of once nobody refers to the object any more, in a thread of its own.

Python collects garbage in whatever thread happens to allocate, wherever that stands: in an event loop, which must not wait, or
inside a lock, which it would then ask for again. So the end of an object only begins the work there.
"""

from __future__ import annotations

import atexit
import weakref
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from itertools import count

from localrank.contract.errors import InferenceError
from localrank.providers.worker import run_soon

__all__ = ["close_when_unused"]

_closing: dict[int, Callable[[], object]] = {}
"""Of each object that lives, what lets go of what it holds. Changed by single steps, between which nothing can come."""
_numbers = count()


def close_when_unused(owner: object, close: Callable[[], object]) -> None:
    """Have `close()` called in another thread once nobody refers to `owner` any more, or here at the end of the process.

    Args:
        owner: Something that can be referred to weakly.
        close: Refers to what is to be let go, and not to `owner`. It may block, and raises nothing.
    """
    number = next(_numbers)
    _closing[number] = close
    weakref.finalize(owner, _begin, number).atexit = False
    _at_exit()


def _begin(number: int) -> None:
    close = _closing.pop(number, None)
    if close is not None:
        with suppress(
            InferenceError
        ):  # no thread can be had: memory goes with the last reference all the same
            run_soon(close)


@cache
def _at_exit() -> None:
    """Close what is open at the end, before what was there first ends: modules that are imported earlier."""
    atexit.register(_close_all)


def _close_all() -> None:
    while _closing:
        _, close = _closing.popitem()
        close()
