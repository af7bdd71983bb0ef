"""One call: what comes back, in what order, and what the model may not do."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from localrank import (
    DoRerankOptions,
    DoRerankResult,
    InvalidRequestError,
    InvalidResponseError,
    RerankResponse,
    RerankUsage,
    RerankWarning,
    ScoredIndex,
    rerank,
)
from localrank.testing import MockReranker

pytestmark = pytest.mark.anyio

DOCUMENTS = ["a", "b", "c"]


class LengthReranker:
    """The README's custom reranker, whole."""

    model_id = "length"
    provider = "example"

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        return DoRerankResult(
            results=[ScoredIndex(i, 1 / (1 + len(d))) for i, d in enumerate(options.documents)]
        )


class SyncLengthReranker:
    model_id = "length"
    provider = "example"

    def do_rerank_sync(self, options: DoRerankOptions) -> DoRerankResult:
        return DoRerankResult(
            results=[ScoredIndex(i, 1 / (1 + len(d))) for i, d in enumerate(options.documents)]
        )


def answering(*results: ScoredIndex, **more: Any) -> MockReranker:
    return MockReranker([DoRerankResult(results, **more)])


@pytest.mark.parametrize("model", [LengthReranker(), SyncLengthReranker()])
async def test_three_members_make_a_reranker(model: Any) -> None:
    result = await rerank(model, "q", ["ccc", "a", "bb"], top_k=2)

    assert [(hit.rank, hit.index, hit.score, hit.document) for hit in result] == [
        (1, 1, 0.5, "a"),
        (2, 2, 1 / 3, "bb"),
    ]
    assert result.score_kind == "unknown"
    assert result.original_documents == ("ccc", "a", "bb")
    assert result.response.model_id == "length"
    assert result.warnings == ()
    assert result.usage.duration_ms is not None


async def test_an_unsorted_answer_is_sorted() -> None:
    result = await rerank(MockReranker([[0.1, 0.9, 0.5]]), "q", DOCUMENTS)

    assert [hit.index for hit in result] == [1, 2, 0]


async def test_an_uncut_answer_is_cut() -> None:
    result = await rerank(MockReranker([[0.1, 0.9, 0.5]]), "q", DOCUMENTS, 1)

    assert [hit.index for hit in result] == [1]


async def test_ties_keep_the_callers_order() -> None:
    answer = answering(ScoredIndex(2, 0.5), ScoredIndex(0, 0.5), ScoredIndex(1, 0.5))

    assert [hit.index for hit in await rerank(answer, "q", DOCUMENTS)] == [0, 1, 2]


async def test_a_higher_tier_stands_below_whatever_its_scores() -> None:
    answer = answering(ScoredIndex(0, 0.9, tier=1), ScoredIndex(1, 0.1), ScoredIndex(2, 0.95, tier=2))

    assert [(hit.index, hit.tier) for hit in await rerank(answer, "q", DOCUMENTS)] == [(1, 0), (0, 1), (2, 2)]


async def test_minus_zero_ties_with_zero_and_comes_back_as_zero() -> None:
    result = await rerank(MockReranker([[-0.0, 0.0, -0.0]]), "q", DOCUMENTS)

    assert [(hit.index, math.copysign(1, hit.score)) for hit in result] == [(0, 1.0), (1, 1.0), (2, 1.0)]


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.int64])
async def test_numpy_numbers_become_pythons_own(kind: Any) -> None:
    answer = answering(ScoredIndex(np.int32(1), kind(1)), ScoredIndex(np.uint8(0), kind(2)))

    result = await rerank(answer, "q", ["a", "b"])

    assert [(type(hit.index), type(hit.score), hit.score) for hit in result] == [
        (int, float, 2.0),
        (int, float, 1.0),
    ]


async def test_marks_of_a_document_are_kept() -> None:
    answer = answering(ScoredIndex(0, 0.5, truncated=True, metadata={"logit": 0.0}))

    [hit] = await rerank(answer, "q", ["a"])

    assert (hit.truncated, hit.metadata) == (True, {"logit": 0.0})


async def test_what_the_model_says_of_the_call_is_kept() -> None:
    usage = RerankUsage(input_tokens=12, duration_ms=3.5, search_units=1)
    response = RerankResponse("m-2", id="r-1")
    warning = RerankWarning("other", "Mind the step.")
    answer = answering(
        ScoredIndex(0, 0.5),
        usage=usage,
        warnings=[warning],
        response=response,
        provider_metadata={"p": {"n": 1}},
    )

    result = await rerank(answer, "q", ["a"])

    assert (result.usage, result.response, result.warnings) == (usage, response, (warning,))
    assert result.provider_metadata == {"p": {"n": 1}}


async def test_the_duration_is_filled_in_without_the_load() -> None:
    answer = answering(ScoredIndex(0, 0.5), usage=RerankUsage(load_ms=1e9))

    assert (await rerank(answer, "q", ["a"])).usage.duration_ms == 0.0


async def test_the_score_kind_is_the_models() -> None:
    model = MockReranker(score_kind="probability")

    assert (await rerank(model, "q", ["a"])).score_kind == "probability"


async def test_no_documents_give_an_empty_result_without_the_model() -> None:
    model = MockReranker()

    result = await rerank(model, "q", [], 3)

    assert (len(result), model.calls, result.usage.input_tokens) == (0, [], 0)
    assert result.response.model_id == "mock"


async def test_a_ranking_that_leaves_documents_out_is_passed_on_with_a_warning() -> None:
    result = await rerank(answering(ScoredIndex(1, 0.5)), "q", DOCUMENTS)

    assert [hit.index for hit in result] == [1]
    assert [warning.type for warning in result.warnings] == ["incomplete_ranking"]
    assert "ranked 1 of the 3 documents" in result.warnings[0].message


@pytest.mark.parametrize("accepts", [False, True])
async def test_only_a_model_that_reads_objects_gets_them(accepts: bool) -> None:
    model, objects = MockReranker(accepts_objects=accepts), [{"text": "a"}, {"text": "b"}]

    await rerank(model, "q", objects)

    assert model.calls[0].objects == (tuple(objects) if accepts else None)


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ([ScoredIndex(3, 0.5)], "index 3 for 3 documents"),
        ([ScoredIndex(-1, 0.5)], "index -1 for 3 documents"),
        ([ScoredIndex(0, 0.5), ScoredIndex(0, 0.4)], "index 0 twice"),
        ([ScoredIndex(True, 0.5)], "index True, which is no integer"),
        ([ScoredIndex(1.0, 0.5)], "index 1.0, which is no integer"),  # type: ignore[arg-type]
        ([ScoredIndex("1", 0.5)], "index '1', which is no integer"),  # type: ignore[arg-type]
        ([ScoredIndex(np.array([0, 1]), 0.5)], "which is no integer"),  # type: ignore[arg-type]
        ([ScoredIndex(0, math.nan)], "score nan"),
        ([ScoredIndex(0, math.inf)], "score inf"),
        ([ScoredIndex(0, np.float32("nan"))], "score nan"),
        ([ScoredIndex(0, True)], "score of type bool"),
        ([ScoredIndex(0, np.True_)], "score of type bool"),  # type: ignore[arg-type]
        ([ScoredIndex(0, np.complex64(1))], "score of type complex64"),  # type: ignore[arg-type]
        ([ScoredIndex(0, np.array("1"))], "score of type ndarray"),  # type: ignore[arg-type]
        ([ScoredIndex(0, "0.5")], "score of type str"),  # type: ignore[arg-type]
        ([ScoredIndex(0, np.str_("0.5"))], "score of type str"),  # type: ignore[arg-type]
        ([ScoredIndex(0, None)], "score of type NoneType"),  # type: ignore[arg-type]
        ([ScoredIndex(0, 10**400)], "no one number"),
        ([ScoredIndex(0, np.array([0.1, 0.2]))], "no one number"),  # type: ignore[arg-type]
        ([ScoredIndex(0, 0.5, tier="low")], "tier 'low'"),  # type: ignore[arg-type]
        ([ScoredIndex(0, 0.5, tier=math.nan)], "tier nan"),  # type: ignore[arg-type]
        ([ScoredIndex(0, 0.5, tier=True)], "tier True"),
        ([ScoredIndex(0, 0.5, metadata=[1])], "metadata of type list"),  # type: ignore[arg-type]
        ([(0, 0.5)], "tuple among the results"),
        ([0.5], "float among the results"),
        (None, "results of type NoneType"),
    ],
)
async def test_a_ranking_that_breaks_the_contract_is_refused_and_not_retried(
    results: Any, message: str
) -> None:
    model = MockReranker([DoRerankResult(results)])

    with pytest.raises(InvalidResponseError, match=message) as caught:
        await rerank(model, "q", DOCUMENTS)

    assert "testing:mock" in str(caught.value)
    assert len(model.calls) == 1


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("usage", {"input_tokens": 3}),
        ("warnings", 3),
        ("provider_metadata", [1]),
        ("response", {"id": "x"}),
    ],
)
async def test_a_part_of_the_wrong_type_is_refused(part: str, value: Any) -> None:
    with pytest.raises(InvalidResponseError, match=f"returned {part} of type {type(value).__name__}"):
        await rerank(answering(ScoredIndex(0, 0.5), **{part: value}), "q", ["a"])


@pytest.mark.parametrize("answer", [None, [], [ScoredIndex(0, 0.5)], {"results": []}])
async def test_an_answer_of_another_type_is_refused(answer: Any) -> None:
    class Wrong(LengthReranker):
        async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
            return answer  # type: ignore[no-any-return]

    with pytest.raises(
        InvalidResponseError, match=f"returned {type(answer).__name__} instead of DoRerankResult"
    ):
        await rerank(Wrong(), "q", ["a"])


async def test_a_do_rerank_that_is_not_async_is_explained() -> None:
    class NotAsync:
        model_id = "m"
        provider = "p"

        def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
            return DoRerankResult([ScoredIndex(0, 0.5)])

    with pytest.raises(InvalidResponseError, match=r"cannot be awaited.*do_rerank_sync"):
        await rerank(NotAsync(), "q", ["a"])  # type: ignore[arg-type]


@pytest.mark.parametrize("missing", ["model_id", "provider", "do_rerank"])
async def test_a_missing_member_is_named(missing: str) -> None:
    members = {"model_id": "m", "provider": "p", "do_rerank": LengthReranker.do_rerank}
    del members[missing]

    with pytest.raises(InvalidRequestError, match=missing):
        await rerank(type("Partial", (), members)(), "q", ["a"])
