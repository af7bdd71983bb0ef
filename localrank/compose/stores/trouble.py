"""The warnings for a store that does not do what it should."""

from __future__ import annotations

from localrank.contract.texts import shortened
from localrank.contract.types import RerankWarning

__all__ = ["damaged_scores", "is_unusable", "unusable_store"]

_UNUSABLE = "cache_unavailable"
_DAMAGED = "cache_damaged"


def unusable_store(error: Exception) -> RerankWarning:
    """Return the warning for a store that raised `error`."""
    return RerankWarning(
        _UNUSABLE,
        f"The cache could not be used ({_reason(error)}), so the call went on without it.",
        feature="store",
    )


def damaged_scores(count: int) -> RerankWarning:
    """Return the warning for `count` kept scores that are no finite numbers."""
    return RerankWarning(
        _DAMAGED,
        f"{count} kept scores are damaged, so the model was asked for them again.",
        feature="store",
    )


def is_unusable(warning: RerankWarning) -> bool:
    """Whether the store failed as a whole."""
    return warning.type == _UNUSABLE


def _reason(error: Exception) -> str:
    """Return the type, and the words of the system or of SQLite; those of another library may hold an address with its key."""
    kind = type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        return f"{kind}: {error.strerror}"
    if type(error).__module__ == "sqlite3":
        return f"{kind}: {shortened(str(error), 120)}"
    return kind
