"""For people who write rerankers, and for tests of code that calls one: the conformance kit, doubles, `assert_ranks`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localrank.testing.acceptance import assert_ranks
from localrank.testing.conformance import (
    CONFORMANCE_CHECKS,
    BrokenRuleError,
    ConformanceError,
    run_conformance,
)
from localrank.testing.doubles import LexicalReranker, MockReranker

if TYPE_CHECKING:
    from localrank.testing.suite import RerankerConformance

__all__ = [
    "CONFORMANCE_CHECKS",
    "BrokenRuleError",
    "ConformanceError",
    "LexicalReranker",
    "MockReranker",
    "RerankerConformance",
    "assert_ranks",
    "run_conformance",
]


def __getattr__(name: str) -> Any:
    if name == "RerankerConformance":  # the one name that needs pytest
        from localrank.testing.suite import RerankerConformance  # noqa: PLC0415

        return RerankerConformance
    raise AttributeError(f"module 'localrank.testing' has no attribute {name!r}")
