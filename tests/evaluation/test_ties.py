"""Equal scores are ordered by lot: nothing of the first stage's order is left in them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localrank import rerank_sync
from localrank.contract.model import DoRerankOptions, DoRerankResult, ScoredIndex
from localrank.evaluation import Collection, evaluate_sync
from localrank.evaluation.ties import shuffled_ties
from localrank.testing import MockReranker

QUERIES, DOCUMENTS = 200, 10


def perfect_lists() -> Collection:
    """Lists that hold their only relevant document first."""
    pools = {f"q{query}": [f"{query}.{place}" for place in range(DOCUMENTS)] for query in range(QUERIES)}
    return Collection(
        "perfect",
        {query: f"question {query}" for query in pools},
        {name: f"text {name}" for names in pools.values() for name in names},
        {query: {names[0]: 1} for query, names in pools.items()},
        pools,
    )


def shuffled(query: str, ranked: list[tuple[str, float]]) -> list[tuple[str, float]]:
    return shuffled_ties(query, ranked, name=lambda pair: pair[0], level=lambda pair: pair[1])


def test_a_constant_score_finds_what_chance_finds_however_good_the_first_stage_is() -> None:
    found = evaluate_sync({"constant": MockReranker()}, perfect_lists(), measures=["P@1", "RR"])

    chance = {"P@1": 1 / DOCUMENTS, "RR": sum(1 / rank for rank in range(1, DOCUMENTS + 1)) / DOCUMENTS}
    assert found.first_stage.means["P@1"] == 1.0
    assert found["constant"].means == {name: pytest.approx(value, abs=0.06) for name, value in chance.items()}


def test_the_order_of_a_call_itself_stays_the_callers() -> None:
    assert [hit.index for hit in rerank_sync(MockReranker(), "q", ["a", "b", "c"])] == [0, 1, 2]


def test_a_first_stage_of_equal_scores_inherits_nothing_either() -> None:
    lists = perfect_lists()
    run = {query: [(name, 1.0) for name in names] for query, names in lists.pools.items()}
    found = evaluate_sync(MockReranker(), lists, first_stage=run, measures=["P@1"])

    assert found.first_stage.means["P@1"] < 0.3


def test_documents_that_a_model_left_unscored_keep_the_order_they_were_given() -> None:
    class FirstOnly:
        model_id, provider = "first-only", "testing"

        def do_rerank_sync(self, options: DoRerankOptions) -> DoRerankResult:
            rest = range(1, len(options.documents))
            unscored = [ScoredIndex(at, 0.0, tier=1, metadata={"scored": False}) for at in rest]
            return DoRerankResult([ScoredIndex(0, 0.5), *unscored])

    lists = perfect_lists()
    found = evaluate_sync({"first": FirstOnly()}, lists, measures=["P@1"])

    kept = {
        query: [name for name, _ in ranking.documents] for query, ranking in found["first"].rankings.items()
    }
    assert kept == lists.pools


def test_equal_scores_of_two_tiers_are_not_mixed() -> None:
    class Halves:
        model_id, provider = "halves", "testing"

        def do_rerank_sync(self, options: DoRerankOptions) -> DoRerankResult:
            return DoRerankResult(
                [ScoredIndex(at, 0.5, tier=at // 5) for at in range(len(options.documents))]
            )

    lists = perfect_lists()
    found = evaluate_sync({"halves": Halves()}, lists, measures=["P@1"])

    for query, ranking in found["halves"].rankings.items():
        assert {name for name, _ in ranking.documents[:5]} == set(lists.pools[query][:5])


def test_the_lot_is_the_same_again_and_from_the_journal(tmp_path: Path) -> None:
    first, second, resumed = (
        evaluate_sync({"a": MockReranker()}, perfect_lists(), measures=["RR"], journal=journal)
        for journal in (None, tmp_path / "journal.jsonl", tmp_path / "journal.jsonl")
    )

    orders = [
        [ranking.documents for ranking in found["a"].rankings.values()] for found in (first, second, resumed)
    ]
    assert orders[0] == orders[1] == orders[2]


def test_every_place_is_as_likely_as_another() -> None:
    names = ["a", "b", "c", "d"]
    firsts = Counter(shuffled(f"q{query}", [(name, 1.0) for name in names])[0][0] for query in range(2000))

    assert all(400 < firsts[name] < 600 for name in names)


@given(
    st.text(max_size=5),
    st.lists(
        st.tuples(st.text(max_size=5), st.sampled_from([0.0, 0.5, 1.0])), unique_by=lambda pair: pair[0]
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_depends_on_the_scores_and_names_alone(query: str, pairs: list, random) -> None:  # type: ignore[no-untyped-def, type-arg]
    def best_first(of: list[tuple[str, float]]) -> list[tuple[str, float]]:
        return sorted(of, key=lambda pair: -pair[1])

    mixed = random.sample(pairs, len(pairs))
    assert shuffled(query, best_first(pairs)) == shuffled(query, best_first(mixed))
    assert [score for _, score in shuffled(query, best_first(pairs))] == [
        score for _, score in best_first(pairs)
    ]
