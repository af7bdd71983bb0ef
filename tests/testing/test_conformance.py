"""Each rule of the kit finds the model that breaks it, names it, and leaves a good model alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anyio
import pytest

from localrank import (
    DoRerankOptions,
    DoRerankResult,
    InvalidRequestError,
    RerankAbortedError,
    RerankUsage,
    ScoredIndex,
)
from localrank.providers.unscored import unscored
from localrank.testing import (
    CONFORMANCE_CHECKS,
    BrokenRuleError,
    ConformanceError,
    LexicalReranker,
    run_conformance,
)
from localrank.testing.conformance import rule_name
from localrank.testing.conformance.bench import DOCUMENTS

pytestmark = pytest.mark.anyio

RULES = {rule_name(check): check for check in CONFORMANCE_CHECKS}


class Bad(LexicalReranker):
    """A good reranker with one fault."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        self.calls += 1
        return await self.spoil(options, await super().do_rerank(options))

    async def spoil(self, options: DoRerankOptions, answer: DoRerankResult) -> DoRerankResult:
        return answer


def rescored(answer: DoRerankResult, score: Callable[[ScoredIndex], float]) -> DoRerankResult:
    return replace(answer, results=[replace(item, score=score(item)) for item in answer.results])


class FailsWithoutDocuments(Bad):
    async def spoil(self, options: DoRerankOptions, answer: DoRerankResult) -> DoRerankResult:
        return replace(
            answer, results=[*answer.results, ScoredIndex(max(map(len, options.documents)), 0.5)][:-1]
        )


class SqueezesOneDocument(Bad):
    async def spoil(self, options: DoRerankOptions, answer: DoRerankResult) -> DoRerankResult:
        return replace(answer, results=[]) if len(options.documents) == 1 else answer


class CutsBeforeSorting(Bad):
    async def spoil(self, options: DoRerankOptions, answer: DoRerankResult) -> DoRerankResult:
        return replace(answer, results=answer.results[: options.top_k])


class LosesOne(Bad):
    async def spoil(self, options: DoRerankOptions, answer: DoRerankResult) -> DoRerankResult:
        return replace(answer, results=answer.results[1:])


class RepeatsAnIndex(Bad):
    async def spoil(self, options: DoRerankOptions, answer: DoRerankResult) -> DoRerankResult:
        return replace(answer, results=[*answer.results, *answer.results[:1]])


class NotANumber(Bad):
    async def spoil(self, options: DoRerankOptions, answer: DoRerankResult) -> DoRerankResult:
        return rescored(answer, lambda item: float("nan"))


class ScoresByPosition(Bad):
    async def spoil(self, options: DoRerankOptions, answer: DoRerankResult) -> DoRerankResult:
        return rescored(answer, lambda item: item.score + item.index / 100)


class ScoresByNeighbours(Bad):
    async def spoil(self, options: DoRerankOptions, answer: DoRerankResult) -> DoRerankResult:
        return rescored(answer, lambda item: item.score / len(options.documents))


class ScoresByTheHour(Bad):
    async def spoil(self, options: DoRerankOptions, answer: DoRerankResult) -> DoRerankResult:
        return rescored(answer, lambda item: item.score + self.calls)


class WrongKind(Bad):
    score_kind: Any = "percentage"


class ProbabilityAboveOne(Bad):
    score_kind: Any = "probability"

    async def spoil(self, options: DoRerankOptions, answer: DoRerankResult) -> DoRerankResult:
        return rescored(answer, lambda item: item.score + 1)


def refusing(name: str, hates: Callable[[str], bool]) -> type[Bad]:
    class Refusing(Bad):
        async def spoil(self, options: DoRerankOptions, answer: DoRerankResult) -> DoRerankResult:
            if any(hates(text) for text in (options.query, *options.documents)):
                raise RuntimeError(f"the tokenizer dislikes this {name}")
            return answer

    return Refusing


class WritesIntoOptions(Bad):
    async def spoil(self, options: DoRerankOptions, answer: DoRerankResult) -> DoRerankResult:
        for given in (options.provider_options or {}).values():
            given.get("nested", []).append(2)
        return answer


class NotReentrant(Bad):
    def __init__(self) -> None:
        super().__init__()
        self._busy = 0

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        self._busy += 1
        await anyio.sleep(0.005)
        answer = await super().do_rerank(options)
        crowd, self._busy = self._busy, self._busy - 1
        return rescored(answer, lambda item: item.score + crowd - 1)


class BrokenByAbort(Bad):
    _broken = 0.0

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        if options.abort_event is not None:
            self._broken = 1.0
        return rescored(await super().do_rerank(options), lambda item: item.score + self._broken)


class AbortsWithItsOwnError(Bad):
    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        try:
            return await super().do_rerank(options)
        except RerankAbortedError:
            raise RuntimeError("the engine was terminated") from None


class SwallowsCancellation(Bad):
    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        try:
            await anyio.sleep(0.01)
        except BaseException:
            raise ValueError("cancelled? me?") from None
        return await super().do_rerank(options)


class DropsUnscored(Bad):
    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        if options.deadline is not None:
            return DoRerankResult([])
        return await super().do_rerank(options)


class SilentDeadline(Bad):
    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        if options.deadline is not None:
            return DoRerankResult(unscored(range(len(options.documents))))
        return await super().do_rerank(options)


class Renames(Bad):
    async def spoil(self, options: DoRerankOptions, answer: DoRerankResult) -> DoRerankResult:
        self.model_id = "another"
        return answer


class Nameless(Bad):
    provider = "a:b"


class OddMember(Bad):
    max_documents_per_call = "many"


class NegativeUsage(Bad):
    async def spoil(self, options: DoRerankOptions, answer: DoRerankResult) -> DoRerankResult:
        return replace(answer, usage=RerankUsage(input_tokens=-1))


class NoWarnings(Bad):
    async def spoil(self, options: DoRerankOptions, answer: DoRerankResult) -> DoRerankResult:
        return replace(answer, warnings=())


class ReadsForeignOptions(Bad):
    async def spoil(self, options: DoRerankOptions, answer: DoRerankResult) -> DoRerankResult:
        foreign = bool(options.provider_options)
        return rescored(answer, lambda item: -item.score if foreign else item.score)


class ProgressBeyondTheTotal(Bad):
    async def spoil(self, options: DoRerankOptions, answer: DoRerankResult) -> DoRerankResult:
        options.report_progress(len(options.documents) + 1, len(options.documents))
        return answer


class WarmsUpOnce(Bad):
    _warm = False

    async def warm_up(self) -> None:
        if self._warm:
            raise RuntimeError("already warm")
        self._warm = True


class ClosesOnce(Bad):
    _closed = False

    async def aclose(self) -> None:
        if self._closed:
            raise RuntimeError("already closed")
        self._closed = True


class ForgetsInPickle(Bad):
    bias = 0.0

    async def spoil(self, options: DoRerankOptions, answer: DoRerankResult) -> DoRerankResult:
        return rescored(answer, lambda item: item.score + self.bias)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, bias=1.0)


class RefusesPickleInSilence(Bad):
    def __reduce__(self) -> Any:
        raise TypeError


VIOLATIONS: list[tuple[str, type[Bad]]] = [
    ("empty_documents", FailsWithoutDocuments),
    ("one_document", SqueezesOneDocument),
    ("top_k", CutsBeforeSorting),
    ("every_document_ranked", LosesOne),
    ("every_document_ranked", RepeatsAnIndex),
    ("scores_are_finite_floats", NotANumber),
    ("order_of_input", ScoresByPosition),
    ("batch_composition", ScoresByNeighbours),
    ("duplicates", ScoresByPosition),
    ("same_answer_twice", ScoresByTheHour),
    ("score_kind", WrongKind),
    ("score_kind", ProbabilityAboveOne),
    ("empty_text", refusing("blank", lambda text: not text.strip())),
    ("very_long_text", refusing("length", lambda text: len(text) > 10_000)),
    ("other_scripts", refusing("script", lambda text: "الس" in text or "巴黎" in text)),
    ("emoji", refusing("emoji", lambda text: "🎉" in text)),
    ("long_and_empty_query", refusing("query", lambda text: text == "" or len(text) > 10_000)),
    ("errors_belong_to_the_tree", refusing("surrogate", lambda text: "\ud83d" in text)),
    ("inputs_not_mutated", WritesIntoOptions),
    ("concurrent_tasks", NotReentrant),
    ("concurrent_threads", NotReentrant),
    ("abort_during_the_call", BrokenByAbort),
    ("abort_of_the_model_itself", AbortsWithItsOwnError),
    ("cancelled_by_the_host", SwallowsCancellation),
    ("deadline", DropsUnscored),
    ("deadline", SilentDeadline),
    ("identity", Renames),
    ("identity", Nameless),
    ("optional_members", OddMember),
    ("usage", NegativeUsage),
    ("unknown_option", NoWarnings),
    ("instruction", NoWarnings),
    ("options_of_others", ReadsForeignOptions),
    ("progress", ProgressBeyondTheTotal),
    ("warm_up", WarmsUpOnce),
    ("close_twice", ClosesOnce),
    ("pickle", ForgetsInPickle),
    ("pickle", RefusesPickleInSilence),
]

HELD_BY_THE_CORE = {"sorted", "ties_by_index", "callers_objects_come_back", "abort_before_start"}
"""Rules that no model can break through `rerank`; the kit keeps them for other ways in."""


@pytest.mark.parametrize(
    ("name", "model"), VIOLATIONS, ids=[f"{rule}-{model.__name__}" for rule, model in VIOLATIONS]
)
async def test_a_rule_finds_the_model_that_breaks_it(name: str, model: type[Bad]) -> None:
    with pytest.raises(BrokenRuleError) as caught:
        await RULES[name](model)

    assert caught.value.rule == name
    assert caught.value.model.endswith(":default") or name == "identity"
    seen = caught.value.seen.removesuffix(".")
    assert f"the rule {name!r}: expected {caught.value.expected}, saw {seen}." in str(caught.value)


def test_every_rule_is_shown_to_bite() -> None:
    assert set(RULES) - HELD_BY_THE_CORE == {name for name, _ in VIOLATIONS}


def test_there_are_as_many_names_as_rules_and_each_says_what_it_asks() -> None:
    assert len(RULES) == len(CONFORMANCE_CHECKS) >= 25
    assert all(check.__doc__ for check in CONFORMANCE_CHECKS)


async def test_a_good_model_breaks_no_rule() -> None:
    await run_conformance(LexicalReranker)


async def test_the_kit_names_every_broken_rule_at_once() -> None:
    with pytest.raises(ConformanceError) as caught:
        await run_conformance(NoWarnings)

    assert [failure.rule for failure in caught.value.failures] == [
        "deadline",
        "unknown_option",
        "instruction",
    ]
    assert "3 rules are broken" in str(caught.value)


async def test_what_breaks_many_rules_in_one_way_is_said_once() -> None:
    class WithoutNames:
        def do_rerank_sync(self, options: DoRerankOptions) -> DoRerankResult:
            raise AssertionError(options)

    with pytest.raises(ConformanceError) as caught:
        await run_conformance(WithoutNames)  # type: ignore[arg-type]

    broken = str(caught.value)
    assert broken.count("has no string member 'model_id'") == 1
    assert "'top_k', 'every_document_ranked'" in broken
    assert ".." not in broken


@pytest.mark.parametrize("given", [LexicalReranker(), "lexical:default"])
async def test_a_model_in_place_of_what_makes_one_is_refused(given: object) -> None:
    with pytest.raises(InvalidRequestError, match=r"make is of type \w+, .* lambda: MyReranker"):
        await run_conformance(given)  # type: ignore[arg-type]


async def test_a_rule_is_waived_by_name_with_a_reason() -> None:
    reason = "It takes no options."

    await run_conformance(
        NoWarnings, waive={"unknown_option": reason, "instruction": reason, "deadline": "It says nothing."}
    )


@pytest.mark.parametrize(
    ("waive", "message"),
    [
        ({"unknown_options": "why"}, r"names the rule 'unknown_options'.*Did you mean 'unknown_option'"),
        ({"pickle": " "}, "waiver of 'pickle' has no reason"),
    ],
)
async def test_a_waiver_without_a_rule_or_a_reason_is_refused(waive: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        await run_conformance(LexicalReranker, waive=waive)


async def test_a_listwise_model_is_not_asked_for_pointwise_scores() -> None:
    class Listwise(ScoresByPosition):
        scores_comparable = False

    for name in ("order_of_input", "batch_composition", "duplicates"):
        await RULES[name](Listwise)


async def test_the_tolerance_is_the_callers() -> None:
    with pytest.raises(BrokenRuleError):
        await RULES["order_of_input"](ScoresByPosition)

    await RULES["order_of_input"](ScoresByPosition, tolerance=len(DOCUMENTS) / 100)


async def test_every_model_that_a_rule_makes_is_closed() -> None:
    open_models = set()
    numbers = itertools.count()

    class Counted(LexicalReranker):
        def __init__(self) -> None:
            super().__init__()
            self.number = next(numbers)
            open_models.add(self.number)

        async def aclose(self) -> None:
            open_models.discard(self.number)

    await run_conformance(Counted)

    assert next(numbers) >= len(RULES)
    assert open_models == set()


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_a_cancellation_that_leaves_a_nursery_of_trio_in_a_group_is_the_hosts_own() -> None:
    import trio

    class InNursery(LexicalReranker):
        async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
            if len(options.documents) > len(DOCUMENTS):
                async with trio.open_nursery():
                    await trio.sleep(10)
            return await super().do_rerank(options)

    await RULES["cancelled_by_the_host"](InNursery)
