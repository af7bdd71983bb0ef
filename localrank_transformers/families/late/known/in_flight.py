"""Texts that some thread is reading now: another call that wants one of them waits for it instead of reading it too."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from localrank.contract.cancellation import POLL_INTERVAL_S
from localrank.contract.errors import InferenceError
from localrank.providers.forking import RenewedLock, renew_after_fork
from localrank_transformers.families.late.known.packed import PackedDocument

__all__ = ["Flight", "Flights"]


class Flight:
    """One text that is being read."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._document: PackedDocument | None = None

    def end(self, document: PackedDocument | None) -> None:
        """Hand over what was read; None where the reading thread was stopped or failed."""
        self._document = document
        self._ended.set()

    def wait(self, is_stopped: Callable[[], bool]) -> PackedDocument | None:
        """Return what was read, or None where it was not.

        Raises:
            InferenceError: `is_stopped` became true before.
        """
        while not self._ended.wait(POLL_INTERVAL_S):
            if is_stopped():
                raise InferenceError("The run was stopped.")
        return self._document


class Flights:
    """Safe to use from many threads.

    Only a thread that is reading holds a flight: it waits for nobody meanwhile, so that nobody waits in a circle.
    """

    def __init__(self) -> None:
        self._flights: dict[bytes, Flight] = {}
        self._lock = RenewedLock()
        renew_after_fork(self, Flights._renew)

    def begin(self, keys: Sequence[bytes]) -> tuple[dict[bytes, Flight], dict[bytes, Flight]]:
        """Return new flights of those keys that nobody reads, which the caller must `end`, and those of other threads."""
        own: dict[bytes, Flight] = {}
        others: dict[bytes, Flight] = {}
        with self._lock:
            for key in keys:
                flight = self._flights.get(key)
                if flight is None:
                    own[key] = self._flights[key] = Flight()
                elif key not in own:
                    others[key] = flight
        return own, others

    def end(self, key: bytes, flight: Flight, document: PackedDocument | None) -> None:
        """End a flight of `begin`; None wakes those who wait empty-handed."""
        with self._lock:
            if self._flights.get(key) is flight:
                del self._flights[key]
        flight.end(document)

    def _renew(self) -> None:
        """In a child none of the parent's threads reads on."""
        self._flights = {}
