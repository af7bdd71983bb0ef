"""What long work that nobody may want any more is handed: a question that it asks now and then."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

__all__ = ["ShouldStop", "never"]

ShouldStop: TypeAlias = Callable[[], bool]
"""Polled while a file is fetched; True ends the download, which a later one continues."""


def never() -> bool:
    """Return False: nobody asks to stop."""
    return False
