"""Which queries the lists are made for: those of the records, and those made from their passages."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.embedded.lists.queries import Keywords, cut_sentence, keyword_form, misspelt, question_inside
from benchmarks.embedded.records.reading import HUMAN, Record, is_development

__all__ = ["Draft", "draft_queries", "query_form"]

_COUNTS = {
    "human": 5_500,
    "function": 3_500,
    "long answer": 2_000,
    "heading": 2_000,
    "term": 800,
    "definition": 250,
    "sentence": 2_200,
    "keywords": 1_400,
}
_A_PASSAGE = 4
"""Human queries of one passage at most."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A query that a list is to be made for.

    Attributes:
        query: The query.
        passage: The passage it belongs to, as the collection has it.
        positive: That passage as the list shows it: without the query's sentence where the query was cut out.
        kind: How the query was made.
        record: Where the passage comes from.
        avoid: No document with one of these texts in it may be a negative.
        good: Passages that also answer.
        development: Kept out of training.
    """

    query: str
    passage: str
    positive: str
    kind: str
    record: Record
    avoid: tuple[str, ...] = ()
    good: frozenset[str] = frozenset()
    development: bool = False

    @property
    def changed(self) -> bool:
        """Whether the list shows the passage changed."""
        return self.positive != self.passage

    @property
    def human(self) -> bool:
        """Whether a person wrote the query as a question to the passage."""
        return self.record.kind in HUMAN and self.kind not in {"sentence", "keywords", "question"}


def draft_queries(
    records: Sequence[Record], passages: Sequence[str], scale: float, dice: random.Random
) -> list[Draft]:
    """Return drafts of every kind, `scale` times the usual number of each."""
    drafts = [*_given(records, scale, dice), *_made(records, passages, scale, dice)]
    return [one for one in drafts if one.query.strip() and len(one.query.split()) <= 60]


def _given(records: Sequence[Record], scale: float, dice: random.Random) -> list[Draft]:
    good: dict[str, set[str]] = {}
    for one in records:
        good.setdefault(one.query, {one.query}).add(one.passage)
    kinds: dict[str, list[Record]] = {}
    uses: dict[str, int] = {}
    for one in dice.sample(list(records), len(records)):
        kind = "human" if one.kind in HUMAN and one.kind not in _COUNTS else one.kind
        uses[one.passage] = uses.get(one.passage, 0) + (one.kind in HUMAN)
        if kind in _COUNTS and (one.kind not in HUMAN or uses[one.passage] <= _A_PASSAGE):
            kinds.setdefault(kind, []).append(one)
    return [
        _of_record(one, frozenset(good[one.query]), dice)
        for kind, own in kinds.items()
        for one in own[: round(_COUNTS[kind] * scale)]
    ]


def _of_record(record: Record, good: frozenset[str], dice: random.Random) -> Draft:
    return Draft(
        query=query_form(record, dice),
        passage=record.passage,
        positive=record.passage,
        kind=record.kind,
        record=record,
        avoid=tuple(answer.lower() for answer in record.answers),
        good=good,
        development=is_development(record),
    )


def query_form(record: Record, dice: random.Random) -> str:
    """Return the query as it is, or as people also type it."""
    query, draw = record.query, dice.random()
    if record.kind == "heading" and draw < 0.4:
        return query.rsplit(": ", 1)[-1] if len(query.rsplit(": ", 1)[-1].split()) > 1 else query
    if draw < 0.08:
        return misspelt(query, dice)
    if draw < 0.16:
        return keyword_form(query) or query
    return query.lower() if draw < 0.26 else query


def _made(
    records: Sequence[Record], passages: Sequence[str], scale: float, dice: random.Random
) -> list[Draft]:
    owners = {one.passage: one for one in records}
    keywords = Keywords(passages)
    drafts = []
    for passage in dice.sample(list(passages), len(passages)):
        asked = question_inside(passage)
        if asked:
            drafts.append(_cut(owners[passage], asked, passage.replace(asked, " "), "question"))
    for passage in dice.sample(list(passages), min(len(passages), round(_COUNTS["sentence"] * scale))):
        cut = cut_sentence(passage, dice)
        if cut is not None:
            drafts.append(_cut(owners[passage], cut[0], cut[1], "sentence"))
    for passage in dice.sample(list(passages), min(len(passages), round(_COUNTS["keywords"] * scale))):
        words = keywords(passage, dice)
        if words is not None:
            drafts.append(_cut(owners[passage], words, passage, "keywords"))
    return drafts


def _cut(record: Record, query: str, positive: str, kind: str) -> Draft:
    return Draft(query, record.passage, positive, kind, record, development=is_development(record))
