"""Forks: what a child process takes over, made usable before its first own line runs.

A fork copies memory, not threads. A lock that another thread held stays locked in the child for ever, work in progress stays
half done, and a module that was being imported stays half imported. So a fork waits until no thread is inside `hold_off_forks`,
and in the child everything that registered itself is renewed.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from types import BuiltinFunctionType, TracebackType
from typing import Any, TypeVar

__all__ = [
    "RenewedLock",
    "call_after_fork",
    "half_imported",
    "hold_off_forks",
    "leave_behind",
    "let_forks_through",
    "renew_after_fork",
    "threads_are_greenlets",
    "wait_before_others",
    "was_cut_short",
]

T = TypeVar("T")

LONGEST_WAIT_S = 60.0
"""How long a fork waits for work that must not be cut in two: to import torch takes half a minute on a busy machine."""

_POLL_S = 0.001

# Plain dictionaries and no lock: each step below is one that the interpreter does not interrupt, and a lock could be held by a
# thread that the child does not have.
_inside: dict[int, int] = {}
_forking: dict[int, None] = {}
_owners: dict[int, tuple[weakref.ref[Any], Callable[[Any], None]]] = {}
_functions: list[Callable[[], None]] = []
_numbers = count()
_cut_short = False


def call_after_fork(function: Callable[[], None]) -> None:
    """Have `function` called in every child, in its one thread, before any other code."""
    _functions.append(function)


def renew_after_fork(owner: T, renew: Callable[[T], None]) -> None:
    """Have `renew(owner)` called in every child for as long as `owner` lives.

    Args:
        owner: Something that can be referred to weakly.
        renew: No bound method, which would keep `owner` alive.
    """
    number = next(_numbers)
    _owners[number] = weakref.ref(owner, lambda _: _owners.pop(number, None)), renew


@contextmanager
def hold_off_forks() -> Iterator[None]:
    """Keep other threads of this process from forking meanwhile, up to 60 s; for work that a child could not use half done.

    The thread inside may fork itself: it goes on in the child where it was.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def let_forks_through() -> None:
    """Let a fork that waits happen now; for a place inside `hold_off_forks` where nothing is half done."""
    me = threading.get_ident()
    if not _forking or me not in _inside:
        return
    depth = _inside.pop(me)
    _wait_for_forks()
    _inside[me] = depth


def was_cut_short() -> bool:
    """Whether this process is a child, and some thread of its parent did not come to an end of its work before the fork."""
    return _cut_short


def half_imported() -> list[str]:
    """Return the modules that the parent's threads were importing when the fork cut them short: no import of them ends."""
    if not _cut_short:
        return []
    specs = [(name, getattr(module, "__spec__", None)) for name, module in list(sys.modules.items())]
    return sorted(name for name, spec in specs if getattr(spec, "_initializing", False))


def leave_behind(thing: object) -> None:
    """Never free `thing`, not at the end of the process either: its end would wait for the parent's threads or locks."""
    if thing is not None:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def threads_are_greenlets() -> bool:
    """Whether a library has exchanged `threading` for greenlets, of which one runs until it waits."""
    return not isinstance(time.sleep, BuiltinFunctionType)


class RenewedLock:
    """A `threading.Lock` that is open in every child, whichever thread of the parent held it.

    It may also be older than what a library exchanges threads for, greenlets (`eventlet.monkey_patch()`); then a wait for it
    lets the other greenlets run, one of which holds it.
    """

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        renew_after_fork(self, RenewedLock._renew)

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002  # as threading's
        """Take the lock and return True; False where it could not be had."""
        lock = self._lock
        if lock.acquire(blocking=False):
            return True
        if not blocking:
            return False
        if not threads_are_greenlets():
            return lock.acquire(timeout=timeout)
        last = None if timeout < 0 else time.monotonic() + timeout
        while not lock.acquire(blocking=False):
            if last is not None and time.monotonic() >= last:
                return False
            time.sleep(_POLL_S)
        return True

    def release(self) -> None:
        """Give the lock back; nothing where the thread that held it is now the child's."""
        try:
            self._lock.release()
        except RuntimeError:
            if self._lock.locked():
                raise

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def _renew(self) -> None:
        self._lock = threading.Lock()


def _enter() -> None:
    me = threading.get_ident()
    depth = _inside.get(me)
    if depth is not None:
        _inside[me] = depth + 1
        return
    _inside[me] = 1  # first, so that a fork that begins now sees it
    while _forking:
        del _inside[me]
        _wait_for_forks()
        _inside[me] = 1


def _leave() -> None:
    me = threading.get_ident()
    depth = _inside.get(me, 1)
    if depth > 1:
        _inside[me] = depth - 1
    else:
        _inside.pop(me, None)


def _wait_for_forks() -> None:
    while _forking:
        time.sleep(_POLL_S)


def _others_inside() -> bool:
    me = threading.get_ident()
    return any(ident != me for ident in list(_inside))


def _before() -> None:
    if threading.get_ident() in _forking:  # registered more than once
        return
    _forking[threading.get_ident()] = None
    last = time.monotonic() + LONGEST_WAIT_S
    while _others_inside() and time.monotonic() < last:
        time.sleep(_POLL_S)


def _after_in_parent() -> None:
    _forking.pop(threading.get_ident(), None)


def _after_in_child() -> None:
    global _cut_short
    _cut_short = _others_inside()
    me = threading.get_ident()
    for ident in [ident for ident in _inside if ident != me]:
        del _inside[ident]
    _forking.clear()
    for reference, renew in list(_owners.values()):
        owner = reference()
        if owner is not None:
            renew(owner)
    for function in _functions:
        function()


def wait_before_others() -> None:
    """Have a fork wait here before it asks those who registered later: some stop every other thread, as filelock does."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_before)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
