"""One event loop in a thread of its own, for callers that have none: what `rerank_sync` runs on.

It lives as long as the process, so pooled connections of a remote model serve the next call too, and it works beside a loop
that is already running, as in a notebook.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextvars import ContextVar
from typing import TypeVar

import anyio
from anyio.from_thread import BlockingPortal

from localrank.providers.beside import begin

__all__ = ["run_blocking"]

T = TypeVar("T")

EXIT_GRACE_S = 2.0
"""How long the interpreter waits at its end for the loop to close what is open."""

_END_POLL_S = 0.005

_lock = threading.Lock()
_portal: BlockingPortal | None = None
_thread: threading.Thread | None = None
_callers = 0
_ended = False
_shared_loop_waits: ContextVar[bool] = ContextVar("localrank_shared_loop_waits", default=False)


def run_blocking(function: Callable[[], Awaitable[T]]) -> T:
    """Await `function()` on the shared loop and return its result; Ctrl-C cancels it.

    A call from that loop's own thread (an async reranker that calls `rerank_sync`) gets a loop of its own instead, since the
    shared one cannot wait for itself; and so does every call inside that one, since the shared loop waits for it.
    """
    if threading.current_thread() is _thread or _shared_loop_waits.get():
        return _run_beside(function)
    portal = _enter()
    if portal is None:
        return _run_beside(function)
    try:
        future = portal.start_task_soon(function)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise
    finally:
        _leave()


def _enter() -> BlockingPortal | None:
    """Return the shared portal and count the caller; None once the program ends."""
    global _portal, _thread, _callers
    with _lock:
        if _ended:
            return None
        if _portal is None or _thread is None or not _thread.is_alive():
            started: Future[BlockingPortal] = Future()
            _thread = threading.Thread(
                target=_run_portal, args=(started,), name="localrank-sync", daemon=True
            )
            _thread.start()
            _portal = started.result()
            # What lives on the loop, such as open connections, is closed there before the interpreter is taken apart.
            atexit.register(_thread.join, EXIT_GRACE_S)
        _callers += not threading.current_thread().daemon
        return _portal


def _leave() -> None:
    global _callers
    with _lock:
        _callers -= not threading.current_thread().daemon


def _run_portal(started: Future[BlockingPortal]) -> None:
    async def serve() -> None:
        async with BlockingPortal() as portal:
            threading.Thread(
                target=_stop_with_main_thread, args=(portal,), name="localrank-sync-end", daemon=True
            ).start()
            started.set_result(portal)
            await portal.sleep_until_stopped()

    anyio.run(serve)


def _stop_with_main_thread(portal: BlockingPortal) -> None:
    """End the loop when the main thread ends: its worker threads would keep the interpreter from exiting.

    Calls of threads that the interpreter waits for are let through first; later ones get a loop of their own.
    """
    global _ended
    threading.main_thread().join()
    while True:
        with _lock:
            if not _callers:
                _ended = True
                break
        time.sleep(_END_POLL_S)
    with contextlib.suppress(RuntimeError):  # the loop has ended already
        portal.call(portal.stop, True)


def _run_beside(function: Callable[[], Awaitable[T]]) -> T:
    def run() -> T:
        _shared_loop_waits.set(True)
        return anyio.run(function)

    return begin(run, name="localrank-sync-nested").result()


def _forget_after_fork() -> None:
    global _lock, _portal, _thread, _callers
    _lock, _portal, _thread, _callers = threading.Lock(), None, None, 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
