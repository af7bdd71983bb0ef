"""From a query with its nearest passages to a list: which documents, which labels, which soft target."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.embedded.lists.drafts import Draft
from benchmarks.embedded.teachers.retrievers import Floats, mixed_logits

__all__ = ["Ranked", "TrainingRow", "development_row", "training_row"]

_NEAR, _MIDDLE, _LEXICAL, _ANY = 7, 5, 2, 1
_DEVELOPMENT = 30
_HARD = {
    "heading": 0.25,
    "term": 0.3,
    "definition": 0.3,
    "sentence": 0.35,
    "question": 0.35,
    "keywords": 0.15,
}
"""Share of the target that the passage itself gets where no person judged it; the rest is the teachers'."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """What the teachers found for a query.

    Attributes:
        place: Of the passage the query belongs to.
        cosine: Of that passage as the list shows it.
        dense: Place → cosine, best first.
        lexical: Place → BM25, best first.
        query: Its embedding.
        rows: The embeddings of all passages.
    """

    place: int
    cosine: float
    dense: Mapping[int, float]
    lexical: Mapping[int, float]
    query: Floats
    rows: Floats


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """One line of the output."""

    query: str
    documents: list[str]
    labels: list[int] | None
    scores: list[float]
    licence: str
    source: str
    kind: str


def training_row(
    draft: Draft,
    ranked: Ranked,
    passages: Sequence[str],
    *,
    hidden: Collection[str],
    titles: Mapping[str, str],
    dice: random.Random,
) -> TrainingRow | None:
    """Return a list of 16 documents with the positive first; None where too few are left.

    Args:
        draft: The query.
        ranked: Its nearest passages.
        passages: All passages.
        hidden: Passages kept for development.
        titles: Passage → heading, put before the text in half of the lists whose query was cut out of a text.
        dice: Draws.
    """

    def allowed(place: int) -> bool:
        text = passages[place]
        lowered = text.lower()
        return (
            place != ranked.place
            and text not in hidden
            and text not in draft.good
            and not any(answer in lowered for answer in draft.avoid)
        )

    chosen = _others(
        ranked, [place for place in ranked.dense if allowed(place)], allowed, len(passages), dice
    )
    if len(chosen) < 9:
        return None
    cosines = np.asarray(
        [ranked.cosine, *(ranked.rows[place] @ ranked.query for place in chosen)], np.float32
    )
    logits = mixed_logits(cosines, None if draft.changed else _lexical(ranked, [ranked.place, *chosen]))
    if not draft.human:
        logits = _raised(logits, _HARD[draft.kind])
    documents = [draft.positive, *(passages[place] for place in chosen)]
    if draft.kind in {"sentence", "question"} and dice.random() < 0.5:
        heads = [titles.get(passages[place]) for place in [ranked.place, *chosen]]
        documents = [f"{head} {text}" if head else text for head, text in zip(heads, documents, strict=True)]
    labels = [1] + [0] * len(chosen) if draft.human else None
    return _row(draft, documents, labels, logits)


def _others(
    ranked: Ranked, dense: Sequence[int], allowed: Callable[[int], bool], total: int, dice: random.Random
) -> list[int]:
    near, middle = list(dense[:14]), list(dense[14:])
    lexical = [place for place in list(ranked.lexical)[:20] if allowed(place)]
    chosen = dice.sample(near, min(_NEAR, len(near))) + dice.sample(middle, min(_MIDDLE, len(middle)))
    chosen += dice.sample(lexical, min(_LEXICAL, len(lexical)))
    chosen += [place for place in (dice.randrange(total) for _ in range(_ANY)) if allowed(place)]
    return list(dict.fromkeys(chosen))


def _lexical(ranked: Ranked, places: Sequence[int]) -> Floats:
    floor = min(ranked.lexical.values(), default=0.0) / 2  # of what is not among the best
    return np.asarray([ranked.lexical.get(place, floor) for place in places], np.float32)


def _raised(logits: Floats, share: float) -> Floats:
    """Mix the distribution with one that has the first document alone."""
    mixed = np.exp(logits) / np.exp(logits).sum() * (1 - share)
    mixed[0] += share
    return np.asarray(np.log(mixed), np.float32)


def development_row(draft: Draft, ranked: Ranked, passages: Sequence[str]) -> TrainingRow:
    """Return the bi-encoder's best 30, the passage among them, in its order and with its logits."""
    found = [place for place in ranked.dense if place != ranked.place][: _DEVELOPMENT - 1]
    pairs = [(ranked.cosine, draft.positive, 1)]
    pairs += [(ranked.dense[place], passages[place], int(passages[place] in draft.good)) for place in found]
    pairs.sort(key=lambda one: -one[0])
    cosines = np.asarray([one[0] for one in pairs], np.float32)
    return _row(draft, [one[1] for one in pairs], [one[2] for one in pairs], mixed_logits(cosines, None))


def _row(draft: Draft, documents: list[str], labels: list[int] | None, logits: Floats) -> TrainingRow:
    scores = [round(float(one), 4) for one in logits]
    licence, source = draft.record.licence, draft.record.source
    return TrainingRow(draft.query, documents, labels, scores, licence, source, draft.kind)
