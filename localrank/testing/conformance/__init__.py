"""The rules of a good reranker as plain functions over a maker of models; no test framework is needed.

A maker takes nothing and returns a fresh model. Each `check_…(maker)` is awaited, under asyncio or trio, and raises
`BrokenRuleError` where the model breaks that rule. Models are closed by the rule that made them.
"""

from __future__ import annotations

from collections.abc import Mapping

from localrank.contract.errors import InvalidRequestError
from localrank.providers.registry import unknown_model
from localrank.testing.conformance import concurrency, manners, ranking, scores, stopping, texts
from localrank.testing.conformance.bench import (
    DEFAULT_TOLERANCE,
    BrokenRuleError,
    Check,
    ConformanceError,
    Maker,
    rule_name,
)

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

CONFORMANCE_CHECKS: tuple[Check, ...] = tuple(
    rule
    for rules in (ranking, scores, texts, concurrency, stopping, manners)
    for name, rule in vars(rules).items()
    if name in rules.__all__
)
"""Every rule of the kit: what its files export, in their order."""


async def run_conformance(
    make: Maker, *, waive: Mapping[str, str] | None = None, tolerance: float = DEFAULT_TOLERANCE
) -> None:
    """Await every rule that is not waived.

    Args:
        make: Takes nothing and returns a fresh model; the rules close it.
        waive: Rules that do not hold for this model, by name, each with the reason.
        tolerance: How far two scores of one pair may lie apart.

    Raises:
        ConformanceError: Names each broken rule, with what was expected and what was seen.
        InvalidRequestError: `make` is no function, or a waiver names no rule or gives no reason.
    """
    if not callable(make):
        raise InvalidRequestError(
            f"make is of type {type(make).__name__}, and each rule wants a fresh model.",
            hint="Pass what returns one: the class of your reranker, or lambda: MyReranker(…).",
        )
    waived = valid_waivers(waive or {})
    failures: list[BrokenRuleError] = []
    for check in CONFORMANCE_CHECKS:
        if rule_name(check) in waived:
            continue
        try:
            await check(make, tolerance=tolerance)
        except BrokenRuleError as failure:
            failures.append(failure)
    if failures:
        raise ConformanceError(failures)


def valid_waivers(waivers: Mapping[str, str]) -> Mapping[str, str]:
    """Return `waivers` if each names a rule and gives a reason.

    Raises:
        InvalidRequestError: One does not.
    """
    names = [rule_name(check) for check in CONFORMANCE_CHECKS]
    for name, reason in waivers.items():
        if name not in names:
            hint = unknown_model("rule", name, names).hint
            raise InvalidRequestError(f"A waiver names the rule {name!r}; there is none.", hint=hint)
        if not isinstance(reason, str) or not reason.strip():
            raise InvalidRequestError(f"The waiver of {name!r} has no reason.", hint="Say why in a sentence.")
    return waivers
