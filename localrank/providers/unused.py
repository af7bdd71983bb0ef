"""What an object held is let go of once nobody refers to the object any more, in a thread of its own.

Python collects garbage in whatever thread happens to allocate, wherever that stands: in an event loop, which must not wait, or
inside a lock, which it would then ask for again. So the end of an object only begins the work there.
"""

from __future__ import annotations

import atexit
import time
import weakref
from collections.abc import Callable
from functools import cache, partial
from itertools import count

from localrank.contract.errors import InferenceError
from localrank.providers.forking import call_after_fork
from localrank.providers.worker import run_soon

__all__ = ["close_when_unused"]

EXIT_GRACE_S = 5.0
"""How long the end of the process waits for what is being closed: a thread that comes back from compiled code while the
interpreter is taken apart would abort the process."""

_POLL_S = 0.001

# Changed by single steps, between which nothing can come.
_open: dict[int, Callable[[], object]] = {}
"""Of each object that lives, what lets go of what it holds."""
_closing: dict[int, None] = {}
_numbers = count()


def close_when_unused(owner: object, close: Callable[[], object]) -> None:
    """Have `close()` called in another thread once nobody refers to `owner` any more, or here at the end of the process.

    Args:
        owner: Something that can be referred to weakly.
        close: Refers to what is to be let go, and not to `owner`. It may block, and raises nothing.
    """
    number = next(_numbers)
    _open[number] = close
    weakref.finalize(owner, _begin, number).atexit = False
    _at_exit()


def _begin(number: int) -> None:
    close = _open.pop(number, None)
    if close is None:
        return
    _closing[number] = None
    try:
        run_soon(partial(_close, number, close))
    except InferenceError:  # no thread can be had; memory goes with the last reference all the same
        _closing.pop(number, None)


def _close(number: int, close: Callable[[], object]) -> None:
    try:
        close()
    finally:
        _closing.pop(number, None)


@cache
def _at_exit() -> None:
    """Close what is open at the end, before what was there first ends: modules that are imported earlier."""
    atexit.register(_close_all)


def _close_all() -> None:
    while _open:
        _, close = _open.popitem()
        close()
    last = time.monotonic() + EXIT_GRACE_S
    while _closing and time.monotonic() < last:
        time.sleep(_POLL_S)


call_after_fork(_closing.clear)
