"""The queries on which one system gains or loses most against another, in a form that a person can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from localrank.contract.texts import shortened
from localrank.evaluation.results import Evaluation, Ranking, SystemResult

__all__ = ["Best", "Movement", "Movements", "movements"]

_SNIPPET, _SHOWN = 240, 5


@dataclass(frozen=True, slots=True)
class Best:
    """The document that a system put first.

    Attributes:
        document: Its id.
        text: Its beginning; empty where the texts are not at hand.
        grade: How it was judged; None where it was not.
        first_relevant: The rank of the first relevant document; None where none was ranked.
    """

    document: str
    text: str
    grade: int | None
    first_relevant: int | None

    @property
    def verdict(self) -> str:
        """How it was judged, and where the first relevant document stands, for a person."""
        judged = "not judged" if self.grade is None else f"grade {self.grade}"
        rank = self.first_relevant
        return f"{judged}; {'no relevant one ranked' if rank is None else f'first relevant at rank {rank}'}"


@dataclass(frozen=True, slots=True)
class Movement:
    """One query under two systems.

    Attributes:
        query: Its id.
        text: Its text.
        before: The value under the first system.
        after: The value under the second.
        best_before: What the first put first; None where it had no candidates.
        best_after: What the second put first.
    """

    query: str
    text: str
    before: float
    after: float
    best_before: Best | None
    best_after: Best | None


@dataclass(frozen=True, slots=True)
class Movements:
    """The greatest gains and losses of `second` against `first` on `measure`, greatest first."""

    measure: str
    first: str
    second: str
    gained: tuple[Movement, ...]
    lost: tuple[Movement, ...]


def movements(
    evaluation: Evaluation,
    first: SystemResult,
    second: SystemResult,
    *,
    documents: Mapping[str, str] | None = None,
    measure: str | None = None,
) -> Movements:
    """Return the five queries that gained and the five that lost most from `first` to `second`.

    Args:
        evaluation: Gives the queries' texts and the judgements.
        first: The system before.
        second: The system after.
        documents: Texts of the documents, for the snippets.
        measure: None takes the evaluation's first.
    """
    chosen = measure or evaluation.measures[0]
    before, after = first.values[chosen], second.values[chosen]
    changes = {query: after[query] - before[query] for query in before if query in after}
    order = sorted(changes, key=lambda query: (-changes[query], query))
    gained = [query for query in order if changes[query] > 0][:_SHOWN]
    lost = [query for query in reversed(order) if changes[query] < 0][:_SHOWN]

    def shown(query: str) -> Movement:
        grades = evaluation.judgements.get(query, {})
        return Movement(
            query,
            evaluation.queries.get(query, ""),
            before[query],
            after[query],
            _best(first.rankings.get(query), grades, documents or {}),
            _best(second.rankings.get(query), grades, documents or {}),
        )

    return Movements(chosen, first.name, second.name, tuple(map(shown, gained)), tuple(map(shown, lost)))


def _best(ranking: Ranking | None, grades: Mapping[str, int], documents: Mapping[str, str]) -> Best | None:
    if ranking is None or not ranking.documents:
        return None
    ids = [document for document, _ in ranking.documents]
    relevant = next((rank for rank, document in enumerate(ids, 1) if grades.get(document, 0) > 0), None)
    text = shortened(" ".join(documents.get(ids[0], "").split()), _SNIPPET)
    return Best(ids[0], text, grades.get(ids[0]), relevant)
