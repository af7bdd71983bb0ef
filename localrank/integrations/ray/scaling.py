"""How many replicas: by the tokens that wait in them, since a request may hold one short document or a thousand long ones.

Ray Serve hands this file to its controller by value, so it imports nothing of ours.
"""

from __future__ import annotations

import math
from typing import Any

__all__ = ["WAITING_TOKENS", "TokensWaiting"]

WAITING_TOKENS = "waiting_tokens"
"""What a replica reports: the estimated tokens that it accepted and has not finished."""


class TokensWaiting:
    """A policy for `AutoscalingConfig`: as many replicas as keep the tokens that wait in each near a figure.

    Args:
        tokens_a_replica: That figure.
    """

    def __init__(self, tokens_a_replica: int) -> None:
        self._tokens_a_replica = tokens_a_replica

    def __call__(self, context: Any) -> tuple[int, dict[str, Any]]:
        """Return how many replicas are wanted; Ray Serve applies bounds and delays."""
        reported = (context.aggregated_metrics or {}).get(WAITING_TOKENS, {})
        return math.ceil(sum(reported.values()) / self._tokens_a_replica), {}
