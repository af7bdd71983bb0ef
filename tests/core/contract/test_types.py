"""The result: an immutable sequence that knows its neighbours' names and never spills a document."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Sequence
from dataclasses import FrozenInstanceError
from datetime import UTC

import pytest

from localrank.contract.events import CallEnded
from localrank.contract.model import DoRerankOptions, DoRerankResult, ScoredIndex
from localrank.contract.types import RankedDocument, RerankResponse, RerankResult, RerankUsage

LONG = "secret ending of a long document " * 20


def ranked(index: int, score: float, rank: int, text: str = "text") -> RankedDocument[str]:
    return RankedDocument(index=index, score=score, document=text, text=text, rank=rank)


def result(*hits: RankedDocument[str]) -> RerankResult[str]:
    return RerankResult(ranked=hits, usage=RerankUsage(), response=RerankResponse("m"))


def test_a_result_is_a_sequence_of_its_ranked_documents() -> None:
    first, second, third = ranked(2, 0.9, 1), ranked(0, 0.5, 2), ranked(1, 0.1, 3)

    one = result(first, second, third)

    assert isinstance(one, Sequence)
    assert (len(one), one[0], one[-1], one[1:], list(one)) == (
        3,
        first,
        third,
        (second, third),
        [first, second, third],
    )
    assert list(reversed(one)) == [third, second, first]
    assert first in one
    assert one.index(second) == 1


def test_an_empty_result_is_false() -> None:
    assert not result()


def test_the_aliases_are_the_result_itself() -> None:
    one = result(ranked(1, 0.9, 1, "b"), ranked(0, 0.5, 2, "a"))

    assert one.results is one
    assert one.ranking is one
    assert one.reranked_documents == ("b", "a")
    assert [(hit.original_index, hit.relevance_score) for hit in one] == [(1, 0.9), (0, 0.5)]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("corpus_id", "'corpus_id': index is its place"),
        ("doc_id", "'doc_id': document is your own object"),
        ("page_content", "'page_content': text is what was scored"),
        ("relevance", "has no attribute 'relevance'$"),
    ],
)
def test_what_other_libraries_call_otherwise_is_told(name: str, said: str) -> None:
    hit = ranked(0, 0.5, 1)
    assert not hasattr(hit, name)
    with pytest.raises(AttributeError, match=said):
        getattr(hit, name)


def test_a_ranked_document_is_copied_and_pickled() -> None:
    hit = ranked(1, 0.5, 1, "b")
    assert copy.deepcopy(hit) == pickle.loads(pickle.dumps(hit)) == hit


@pytest.mark.parametrize("name", ["ranked", "usage", "score_kind"])
def test_a_result_cannot_be_changed(name: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(result(), name, None)


@pytest.mark.parametrize("name", ["original_index", "relevance_score", "rank"])
def test_a_ranked_document_cannot_be_changed(name: str) -> None:
    with pytest.raises(
        (AttributeError, TypeError)
    ):  # a frozen class with slots: TypeError for what is no field
        setattr(ranked(0, 0.5, 1), name, 1)


def test_a_ranked_document_is_ranked_whole_unless_it_is_said() -> None:
    assert (ranked(0, 0.5, 1).truncated, ranked(0, 0.5, 1).tier, ranked(0, 0.5, 1).metadata) == (False, 0, {})


def test_usage_counts_nothing_unless_it_is_said() -> None:
    usage = RerankUsage()

    assert (usage.load_ms, usage.api_calls, usage.cache_hits, usage.tokens_estimated) == (0.0, 0, 0, False)


def test_results_are_equal_by_their_ranking() -> None:
    assert result(ranked(0, 0.5, 1)) == result(ranked(0, 0.5, 1))
    assert result(ranked(0, 0.5, 1)) != result(ranked(0, 0.6, 1))
    assert result(ranked(0, 0.5, 1)) != [ranked(0, 0.5, 1)]
    assert result(ranked(0, 0.5, 1)).__eq__([ranked(0, 0.5, 1)]) is NotImplemented


def test_a_result_survives_pickling() -> None:
    one = result(ranked(1, 0.9, 1), ranked(0, 0.5, 2))

    assert pickle.loads(pickle.dumps(one)) == one


@pytest.mark.parametrize(
    "value",
    [
        ranked(0, 0.5, 1, LONG),
        result(ranked(0, 0.5, 1, LONG)),
        DoRerankOptions(LONG, (LONG,)),
        DoRerankResult([ScoredIndex(0, 0.5)]),
        CallEnded("id", "p", "m", result(ranked(0, 0.5, 1, LONG))),
    ],
)
def test_no_repr_holds_a_whole_document(value: object) -> None:
    assert LONG not in repr(value)
    assert len(repr(value)) < 300


def test_the_repr_of_a_result_names_count_model_and_best() -> None:
    assert "2 by 'm', best=RankedDocument(rank=1, index=1, score=0.9, text='b')" in repr(
        result(ranked(1, 0.9, 1, "b"), ranked(0, 0.5, 2))
    )


def test_the_time_of_a_response_is_aware_and_in_utc() -> None:
    assert RerankResponse("m").timestamp.tzinfo is UTC


def test_the_headers_and_body_of_a_response_stay_out_of_its_repr() -> None:
    assert "SECRET" not in repr(RerankResponse("m", headers={"x": "SECRET"}, body="SECRET"))
