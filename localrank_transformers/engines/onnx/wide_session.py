"""A second session of ONNX Runtime with many threads, for calls of one long document; made once they keep coming."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from localrank.contract.errors import InferenceError
from localrank.providers.beside import start
from localrank.providers.forking import RenewedLock, hold_off_forks, leave_behind, renew_after_fork

__all__ = ["WIDE_FROM_TOKENS", "WideSession"]

WIDE_FROM_TOKENS = 96
"""A shorter document is computed by one core before others could help: at 128 tokens two threads are 1.5 times as fast in
float32, at 44 no faster. (In int8 they are no faster at any length.)"""

_MADE_AT_CALL = 3
"""It holds the weights a second time, which a chance call is not worth."""


Session = TypeVar("Session")


class WideSession(Generic[Session]):
    """Safe to use from many threads.

    Args:
        make: Makes the session; takes the number of its threads.
    """

    def __init__(self, make: Callable[[int], Session]) -> None:
        self._make = make
        self._lock = RenewedLock()
        self._asked = 0
        self._maker: threading.Thread | None = None
        self._session: Session | None = None
        renew_after_fork(self, WideSession._renew)

    def get(self, threads: int) -> Session | None:
        """Return the session once it is there; until then None, and the third call that asks has it made."""
        with self._lock:
            self._asked += 1
            if self._asked == _MADE_AT_CALL:
                # no daemon: the end of the process must not tear the interpreter down beneath it
                maker = threading.Thread(target=self._run, args=(threads,), name="localrank-wide")
                with suppress(InferenceError):  # no thread now: the session that is there goes on serving
                    start(maker)
                    self._maker = maker
            return self._session

    def settle(self) -> None:
        """Wait until nothing is being made, and make nothing from now on."""
        with self._lock:
            self._asked = max(self._asked, _MADE_AT_CALL)
            maker = self._maker
        if maker is not None:
            maker.join()

    def _run(self, threads: int) -> None:
        try:
            with hold_off_forks():
                session = self._make(threads)
        except Exception:  # too little memory, for one: the session that is there goes on serving
            return
        with self._lock:
            self._session = session

    def _renew(self) -> None:
        """In a child, begin anew: the threads of a session are the parent's, and its end would wait for them."""
        leave_behind(self._session)
        self._asked, self._maker, self._session = 0, None, None
