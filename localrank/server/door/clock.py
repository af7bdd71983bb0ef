"""How much time a request has."""

from __future__ import annotations

import math
import time

from starlette.requests import Request

from localrank.server.dialects.wire import RefusedError

__all__ = ["TIMEOUT_HEADER", "Clock"]

TIMEOUT_HEADER = "X-Request-Timeout"
"""Seconds after which the client wants no answer any more; the server's own limit holds too."""


class Clock:
    """The time of one request.

    Args:
        request: May ask for less than `most` by `X-Request-Timeout`.
        most: Seconds that the server gives.

    Raises:
        RefusedError: The header is no number of seconds.
    """

    def __init__(self, request: Request, most: float) -> None:
        self._began = time.monotonic()
        given = request.headers.get(TIMEOUT_HEADER)
        try:
            seconds = most if given is None else float(given)
        except ValueError:
            seconds = math.nan
        if not seconds > 0:
            raise RefusedError(422, f"{TIMEOUT_HEADER} is no number of seconds above 0.", "invalid_request")
        self._seconds = min(seconds, most)

    @property
    def left(self) -> float:
        """Seconds that are left; never 0, which would mean that there is no bound."""
        return max(1e-3, self._began + self._seconds - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Whether nothing is left."""
        return time.monotonic() >= self._began + self._seconds

    def over(self) -> RefusedError:
        """Return the refusal of a request that took too long."""
        return RefusedError(
            504,
            f"The request was not finished after {self._seconds:g} s (--timeout and {TIMEOUT_HEADER} bound it).",
            "timeout",
        )
