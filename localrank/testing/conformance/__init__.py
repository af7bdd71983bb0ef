"""The rules of a good reranker as plain functions over a maker of models; no test framework is needed.

A maker takes nothing and returns a fresh model. Each `check_…(maker)` is awaited, under asyncio or trio, and raises
`BrokenRuleError` where the model breaks that rule. Models are closed by the rule that made them.
"""

from __future__ import annotations

from localrank.testing.conformance.bench import (
    DEFAULT_TOLERANCE,
    BrokenRuleError,
    Check,
    ConformanceError,
    Maker,
    rule_name,
)
from localrank.testing.conformance.runner import CONFORMANCE_CHECKS, run_conformance, valid_waivers

__all__ = [
    "CONFORMANCE_CHECKS",
    "DEFAULT_TOLERANCE",
    "BrokenRuleError",
    "Check",
    "ConformanceError",
    "Maker",
    "rule_name",
    "run_conformance",
    "valid_waivers",
]
