"""Which documents a list gets, and what is asked of them."""

from __future__ import annotations

import random

import pytest

np = pytest.importorskip("numpy")

from benchmarks.embedded.lists.drafts import Draft  # noqa: E402
from benchmarks.embedded.lists.listing import Ranked, development_row, training_row  # noqa: E402
from benchmarks.embedded.records.reading import Record  # noqa: E402

PASSAGES = [f"passage number {place} says nothing" for place in range(40)]
PASSAGES[3] = "Paris is the capital of France"
PASSAGES[4] = "Long before Paris there was a village"
RECORD = Record(
    "squad", "squad", "France", "capital of France?", PASSAGES[3], "qa", "CC BY-SA 4.0", ("Paris",)
)


def draft(kind: str = "qa", **changes: object) -> Draft:
    fields = {"query": RECORD.query, "passage": PASSAGES[3], "positive": PASSAGES[3], "kind": kind}
    return Draft(**(fields | {"record": RECORD, "avoid": ("paris",)} | changes))


def ranked() -> Ranked:
    dense = {place: 0.9 - place / 50 for place in range(40)}
    return Ranked(3, 0.7, dense, {}, np.ones(2, np.float32), np.full((40, 2), 0.2, np.float32))


def row(one: Draft, hidden: frozenset[str] = frozenset()):
    made = training_row(one, ranked(), PASSAGES, hidden=hidden, titles={}, dice=random.Random(4))
    assert made is not None
    return made


def test_a_passage_with_the_answer_is_no_negative() -> None:
    assert row(draft()).documents.count(PASSAGES[3]) == 1
    assert PASSAGES[4] not in row(draft()).documents


def test_passages_for_development_stay_out() -> None:
    hidden = frozenset(PASSAGES[5:12])
    assert not hidden & set(row(draft(), hidden).documents)


def test_only_a_persons_question_is_labelled() -> None:
    assert row(draft()).labels == [1] + [0] * (len(row(draft()).documents) - 1)
    assert row(draft("keywords")).labels is None


def test_a_made_query_gives_its_passage_a_share() -> None:
    even = row(draft())
    raised = row(draft("sentence", positive="Paris is it"))
    assert np.exp(raised.scores[0]) > np.exp(even.scores[0])


def test_a_development_list_is_in_the_order_of_the_first_stage() -> None:
    made = development_row(draft(), ranked(), PASSAGES)
    assert len(made.documents) == 30
    assert made.scores == sorted(made.scores, reverse=True)
    assert made.documents[made.labels.index(1)] == PASSAGES[3]
