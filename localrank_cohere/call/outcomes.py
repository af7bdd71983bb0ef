"""What a localrank server says became of a call: warnings and a name that give the caller's result the same outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localrank.contract.types import OUTCOME_OF_WARNING, RerankWarning

__all__ = ["OUTCOME_HEADER", "told_outcome"]

OUTCOME_HEADER = "x-localrank-outcome"

_REASON_OF = {"skipped": "rerank_skipped", "partial": "incomplete_ranking", "degraded": "fallback"}
"""The reason that stands for a kind where the answer names none that makes it."""


def told_outcome(
    headers: Mapping[str, str], rest: Mapping[str, Any] | None
) -> tuple[tuple[RerankWarning, ...], str | None]:
    """Return the warnings, and who served where the answer says so; neither of any other server's answer.

    Args:
        headers: Of the answer, by lower-case name; the kind of the outcome is in one of them, whatever the dialect.
        rest: What the body says beside the results; of some dialects `meta.outcome` is the whole outcome.
    """
    kind = headers.get(OUTCOME_HEADER)
    if kind is None:
        return (), None
    meta = (rest or {}).get("meta")
    told = meta.get("outcome") if isinstance(meta, Mapping) else None
    told = told if isinstance(told, Mapping) else {}
    server = told.get("served_by")
    served_by = server if isinstance(server, str) and server else None
    if kind not in _REASON_OF:
        return (), served_by
    given = told.get("reasons")
    reasons = [reason for reason in given if reason in OUTCOME_OF_WARNING] if isinstance(given, list) else []
    if all(OUTCOME_OF_WARNING[reason] != kind for reason in reasons):
        reasons.append(_REASON_OF[kind])
    by = f", served by {served_by}" if served_by else ""
    message = f"The server says that the ranking is {kind}{by}."
    return tuple(RerankWarning(reason, message) for reason in dict.fromkeys(reasons)), served_by
