"""A training list: one query with documents, and what is known of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from localrank.contract.errors import InvalidRequestError

__all__ = ["TrainingList", "join_pairs"]


@dataclass(frozen=True, slots=True)
class TrainingList:
    """A query and documents to order.

    Attributes:
        query: The question.
        documents: Texts, all different.
        labels: A grade a document, 0 for irrelevant; None where nobody judged them.
        scores: A teacher's or a first stage's score a document, on any scale of logits; None where there is none.
        licence: Of the texts, where the record says so.
        source: Where the record comes from, where it says so.
    """

    query: str
    documents: tuple[str, ...]
    labels: tuple[float, ...] | None = None
    scores: tuple[float, ...] | None = None
    licence: str | None = None
    source: str | None = None

    def __post_init__(self) -> None:
        for name, values in (("labels", self.labels), ("scores", self.scores)):
            if values is None:
                continue
            if len(values) != len(self.documents):
                raise InvalidRequestError(f"{len(values)} {name} for {len(self.documents)} documents.")
            if not all(map(math.isfinite, values)):
                raise InvalidRequestError(f"A number in {name} is not finite.")
        if self.labels is not None and min(self.labels, default=0) < 0:
            raise InvalidRequestError(
                f"A label is {min(self.labels):g}.", hint="0 means irrelevant; grades are above it."
            )

    def at(self, indexes: Sequence[int]) -> TrainingList:
        """Return the list with the documents at `indexes` alone, in that order."""
        return replace(
            self,
            documents=tuple(self.documents[index] for index in indexes),
            labels=None if self.labels is None else tuple(self.labels[index] for index in indexes),
            scores=None if self.scores is None else tuple(self.scores[index] for index in indexes),
        )

    @property
    def positives(self) -> tuple[str, ...]:
        """The documents with a label above 0."""
        return tuple(self.documents[index] for index, label in enumerate(self.labels or ()) if label > 0)

    @property
    def has_negatives(self) -> bool:
        """Whether there is something to tell the positives from."""
        return len(self.documents) > len(self.positives) if self.labels else len(self.documents) > 1


def join_pairs(lists: Iterable[TrainingList]) -> list[TrainingList]:
    """Return one list a query: the documents of equal queries together, each text once with its highest label.

    A list with scores stays as it is: scores of two lists cannot be compared.
    """
    joined: dict[str, list[TrainingList]] = {}
    for number, example in enumerate(lists):
        key = example.query if example.scores is None else f"{example.query}\0{number}"
        joined.setdefault(key, []).append(example)
    return [parts[0] if len(parts) == 1 else _joined(parts) for parts in joined.values()]


def _joined(parts: Sequence[TrainingList]) -> TrainingList:
    labels: dict[str, float] = {}
    for part in parts:
        for index, document in enumerate(part.documents):
            label = part.labels[index] if part.labels else 0.0
            labels[document] = max(label, labels.get(document, 0.0))
    first = parts[0]
    return TrainingList(first.query, tuple(labels), tuple(labels.values()), None, first.licence, first.source)
