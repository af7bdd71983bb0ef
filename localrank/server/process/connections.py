"""Connections that ask nothing: how many are kept, and how long one may take to ask."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

__all__ = ["IdleConnections"]

SILENCE_S = 10.0
"""How long the head of a request may take to come; uvicorn itself bounds only the time between two requests."""


class IdleConnections:
    """Closes what is beyond the bounds; what reads or ranks a request is no part of it.

    Args:
        most: Idle connections that are kept.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._since: dict[Any, float] = {}

    def look(self, connections: Collection[Any], now: float) -> int:
        """Close those that have been idle longest where there are too many, and those that were silent for too long.

        Args:
            connections: uvicorn's, each with the `cycle` of its last request, or None before the first.
            now: Seconds on a clock that never goes back.

        Returns:
            How many were closed.
        """
        idle = [one for one in connections if one.cycle is None or one.cycle.response_complete]
        self._since = {one: self._since.get(one, now) for one in idle}
        longest = sorted(idle, key=self._since.__getitem__)
        surplus = max(0, len(idle) - self.most)
        closed = longest[:surplus] + [
            one for one in longest[surplus:] if now - self._since[one] > SILENCE_S and one.cycle is None
        ]
        for one in closed:
            one.shutdown()
        return len(closed)
