"""The abort token: anything with `is_set()`, looked at by polling.

A token is polled, never awaited: an `asyncio.Event` that another thread sets does not wake its waiter, and an event of one
async library cannot be awaited under another.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from localrank.contract.errors import AbortPhase, RerankAbortedError

__all__ = ["POLL_INTERVAL_S", "AbortToken", "LinkedToken", "is_aborted", "raise_if_aborted"]

POLL_INTERVAL_S = 0.005
"""How often a token is looked at, in seconds."""


@runtime_checkable
class AbortToken(Protocol):
    """`anyio.Event`, `asyncio.Event`, `trio.Event`, `threading.Event`, or any object with `is_set()`."""

    def is_set(self) -> bool:
        """Return True once the caller wants the work to stop."""
        ...


def is_aborted(token: AbortToken | None) -> bool:
    """Return whether `token` is given and set."""
    return token is not None and token.is_set()


def raise_if_aborted(token: AbortToken | None, phase: AbortPhase = "in_call") -> None:
    """Raise `RerankAbortedError` with `phase` if `token` is set."""
    if is_aborted(token):
        raise RerankAbortedError(phase=phase)


class LinkedToken:
    """A token of its own that is also set when the caller's is.

    Wrappers and worker threads take one, so that work stops on the caller's token, on a deadline and on a cancelled task
    alike.
    """

    __slots__ = ("_outer", "_set")

    def __init__(self, outer: AbortToken | None = None) -> None:
        self._outer = outer
        self._set = False

    def set(self) -> None:
        """Set this token; the outer one is left alone."""
        self._set = True

    def is_set(self) -> bool:
        """Return whether this token or the outer one is set."""
        return self._set or is_aborted(self._outer)
