"""Warnings into the log `localrank`, for interfaces whose answer has no place for them."""

from __future__ import annotations

import logging
from typing import TypeVar

from localrank.contract.types import RerankResult

__all__ = ["logged"]

logger = logging.getLogger("localrank")

D = TypeVar("D")


def logged(result: RerankResult[D]) -> RerankResult[D]:
    """Log what the model warned of, and return the result."""
    for warning in result.warnings:
        logger.warning("%s: %s", warning.type, warning.message)
    return result
