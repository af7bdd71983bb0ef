"""How many bytes of bodies the server holds at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from localrank.server.dialects.wire import RefusedError
from localrank.server.door.state import State

__all__ = ["Bodies", "HeldBody", "declared_length", "too_large"]

_DIGITS = 20


def declared_length(headers: Mapping[str, str]) -> int:
    """Return what `Content-Length` says, or 0 where it says nothing."""
    declared = headers.get("content-length", "")
    return int(declared[:_DIGITS]) if declared.isascii() and declared.isdigit() else 0


def too_large(most: int) -> RefusedError:
    """Return the refusal of a body beyond `most` bytes."""
    return RefusedError(413, f"The body is larger than {most:,} bytes (--max-body-bytes raises it).", "limit")


class Bodies:
    """The bodies that are read or ranked at this moment.

    Args:
        state: Gives the limits.

    Attributes:
        bytes: What they hold, or said that they would.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.bytes = 0

    @contextmanager
    def hold(self) -> Iterator[HeldBody]:
        """Hold one body until its request is answered."""
        held = HeldBody(self)
        try:
            yield held
        finally:
            self.bytes -= held.counted

    def add(self, count: int, counted: int) -> None:
        """Count more of a body of which `counted` bytes are counted; one that meets no other is always taken.

        Raises:
            RefusedError: 413 where it is too large by itself, 429 with `Retry-After` where all are together.
        """
        limits = self._state.limits
        if counted + count > limits.max_body_bytes:
            raise too_large(limits.max_body_bytes)
        if self.bytes > counted and self.bytes + count > limits.max_held_bytes:
            raise RefusedError(
                429,
                f"The server is busy: bodies of {self.bytes:,} bytes are held, and {limits.max_held_bytes:,} may be "
                "(--max-held-bytes raises it).",
                "busy",
                {"Retry-After": "1"},
            )
        self.bytes += count


class HeldBody:
    """One body.

    Attributes:
        counted: Bytes that are counted for it: those that came, or that it said would.
    """

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._came = 0
        self.counted = 0

    def expect(self, length: int) -> None:
        """Count what is said to come.

        Raises:
            RefusedError: See `Bodies.add`.
        """
        self._grow(length - self.counted)

    def take(self, count: int) -> None:
        """Count what came.

        Raises:
            RefusedError: See `Bodies.add`.
        """
        self._came += count
        self._grow(self._came - self.counted)

    def _grow(self, count: int) -> None:
        if count > 0:
            self._bodies.add(count, self.counted)
            self.counted += count
