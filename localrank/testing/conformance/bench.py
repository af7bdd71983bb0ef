"""What each rule works with: fresh models that are closed again, one call, and a verdict with rule and model in it."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import anyio

from localrank.calling.rerank import rerank
from localrank.contract.model import AnyReranker, DoRerankOptions, scores_comparable
from localrank.contract.texts import shortened
from localrank.contract.types import RerankResult
from localrank.providers.calls import call_model

__all__ = [
    "DEFAULT_TOLERANCE",
    "DOCUMENTS",
    "QUERY",
    "Bench",
    "BrokenRuleError",
    "Check",
    "ConformanceError",
    "Maker",
    "by_index",
    "close",
    "pointwise_rule",
    "rule",
    "rule_name",
]

Maker: TypeAlias = Callable[[], AnyReranker]
"""Takes nothing and returns a fresh model."""

DEFAULT_TOLERANCE = 1e-5
"""How far two scores of one pair may lie apart: what float32 sums in another order differ by, with room."""

QUERY = "What is the capital of France?"
DOCUMENTS = (
    "Berlin is the capital of Germany and its largest city.",
    "Paris is the capital of France; the Seine runs through it.",
    "Bake the dough for twenty minutes, until the crust is brown.",
    "France lies in western Europe. Its capital, Paris, has about two million inhabitants.",
    "A capital letter begins every sentence.",
    "The museum is closed on Mondays.",
)


class BrokenRuleError(AssertionError):
    """A model broke one rule of the kit.

    Attributes:
        rule: The rule's name, as a waiver gives it.
        model: `provider:model-id`.
        expected: What the rule asks for.
        seen: What the model did.
    """

    def __init__(self, rule: str, model: str, expected: str, seen: str) -> None:
        super().__init__(rule, model, expected, seen)
        self.rule, self.model, self.expected, self.seen = rule, model, expected, seen

    def __str__(self) -> str:
        return _complaint([self])


class ConformanceError(AssertionError):
    """A model broke one rule of the kit or several.

    Attributes:
        failures: One `BrokenRuleError` each.
    """

    def __init__(self, failures: Sequence[BrokenRuleError]) -> None:
        super().__init__(tuple(failures))
        self.failures = tuple(failures)

    def __str__(self) -> str:
        alike: dict[tuple[str, str, str], list[BrokenRuleError]] = {}
        for failure in self.failures:
            alike.setdefault((failure.model, failure.expected, failure.seen), []).append(failure)
        count = len(self.failures)
        total = "1 rule is broken." if count == 1 else f"{count} rules are broken."
        return "\n".join([total, *(f"- {_complaint(failures)}" for failures in alike.values())])


def _complaint(failures: Sequence[BrokenRuleError]) -> str:
    """Return what broke these rules, which differ in their names alone."""
    one = failures[0]
    rules = "the rule" if len(failures) == 1 else f"{len(failures)} rules in the same way,"
    names = ", ".join(repr(failure.rule) for failure in failures)
    return f"{one.model} breaks {rules} {names}: expected {one.expected}, saw {one.seen.removesuffix('.')}."


class Check(Protocol):
    """One rule."""

    __name__: str

    async def __call__(self, make: Maker, *, tolerance: float = DEFAULT_TOLERANCE) -> None:
        """Raise `BrokenRuleError` where a model that `make` returns breaks the rule."""


@dataclass(slots=True)
class Bench:
    """One rule at work on one maker."""

    rule: str
    make: Maker
    tolerance: float
    name: str = "the model"

    @asynccontextmanager
    async def model(self) -> AsyncIterator[AnyReranker]:
        """Give a fresh model, and close it."""
        model = self.take()
        try:
            yield model
        finally:
            with anyio.CancelScope(shield=True):
                await close(model)

    def take(self) -> AnyReranker:
        """Return a fresh model, which the rule closes itself."""
        model = self.make()
        self.name = f"{getattr(model, 'provider', '?')}:{getattr(model, 'model_id', '?')}"
        return model

    async def scores(self, model: AnyReranker, documents: Sequence[str]) -> list[float]:
        """Return the score of each document, in the order of `documents`."""
        return by_index(await rerank(model, QUERY, documents, max_retries=0))

    async def raw(self, model: AnyReranker, **changes: Any) -> Any:
        """Return the checked answer of the model itself, past the core."""
        wanted: dict[str, Any] = {"query": QUERY, "documents": DOCUMENTS, **changes}
        return await call_model(model, DoRerankOptions(**wanted))

    def require(self, holds: bool, expected: str, seen: object) -> None:  # noqa: FBT001  # the one thing asserted
        """Raise `BrokenRuleError` unless `holds`."""
        if not holds:
            self.fail(expected, seen)

    def fail(self, expected: str, seen: object) -> None:
        """Raise `BrokenRuleError`."""
        raise BrokenRuleError(self.rule, self.name, expected=expected, seen=shortened(str(seen), 300))

    def require_same(self, expected: Sequence[float], seen: Sequence[float], when: str) -> None:
        """Raise `BrokenRuleError` where two lists of scores differ by more than the tolerance."""
        self.require(len(seen) == len(expected), f"{len(expected)} scores {when}", len(seen))
        gaps = [abs(wanted - got) for wanted, got in zip(expected, seen, strict=True)]
        worst = max(gaps, default=0.0)
        self.require(
            worst <= self.tolerance,
            f"the same scores {when}, within {self.tolerance:g}",
            f"a difference of {worst:.3g} at documents[{gaps.index(worst) if gaps else 0}]",
        )


def by_index(result: RerankResult[Any]) -> list[float]:
    """Return the scores of a full ranking in the order of the documents."""
    return [hit.score for hit in sorted(result, key=lambda hit: hit.index)]


async def close(model: AnyReranker) -> None:
    """Close `model` where it can be closed."""
    aclose = getattr(model, "aclose", None)
    if aclose is not None:
        await aclose()


def rule(check: Callable[[Bench], Awaitable[None]]) -> Check:
    """Make a rule of `check`: an error that it does not expect breaks the rule too."""
    name = rule_name(check)

    @functools.wraps(check)
    async def run(make: Maker, *, tolerance: float = DEFAULT_TOLERANCE) -> None:
        bench = Bench(name, make, tolerance)
        try:
            await check(bench)
        except BrokenRuleError:
            raise
        except Exception as error:
            seen = f"{type(error).__name__}: {shortened(str(error), 200)}"
            raise BrokenRuleError(name, bench.name, expected="no error", seen=seen) from error

    return run


def pointwise_rule(check: Callable[[Bench], Awaitable[None]]) -> Check:
    """Make a rule that holds only for models with `scores_comparable`: a listwise score depends on its neighbours."""

    @functools.wraps(check)
    async def run(bench: Bench) -> None:
        async with bench.model() as model:
            listwise = not scores_comparable(model)
        if not listwise:
            await check(bench)

    return rule(run)


def rule_name(check: Callable[..., Any]) -> str:
    """Return the name by which a rule is waived: `top_k` for `check_top_k`."""
    return check.__name__.removeprefix("check_")
