"""What an evaluation found: every system's rankings, values and cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from localrank.contract.errors import InvalidRequestError
from localrank.contract.types import OutcomeKind, ScoreKind
from localrank.evaluation.collection import Judgements

__all__ = ["Evaluation", "Ranking", "SystemResult"]


@dataclass(frozen=True, slots=True, repr=False)
class Ranking:
    """One query, ranked.

    Attributes:
        documents: Document id and score, best first.
        milliseconds: Time of the call without loading the model; None for a first stage.
        tokens: Tokens that the model read; None if unknown.
        dollars: Estimated cost; None if unknown.
        warnings: Types of the model's warnings.
        outcome: What became of the call.
    """

    documents: tuple[tuple[str, float], ...]
    milliseconds: float | None = None
    tokens: int | None = None
    dollars: float | None = None
    warnings: tuple[str, ...] = ()
    outcome: OutcomeKind = "ranked"

    def __repr__(self) -> str:
        return f"<Ranking of {len(self.documents)}>"


@dataclass(frozen=True, slots=True, repr=False)
class SystemResult:
    """The first stage or one model.

    Attributes:
        name: As it was asked for.
        kind: `first stage` or `model`.
        means: Measure → mean over the queries.
        values: Measure → query id → value.
        rankings: Query id → ranking.
        score_kind: What a score is.
        scores_comparable: Whether a document scores the same in any list.
    """

    name: str
    kind: Literal["first stage", "model"]
    means: Mapping[str, float]
    values: Mapping[str, Mapping[str, float]]
    rankings: Mapping[str, Ranking]
    score_kind: ScoreKind = "unknown"
    scores_comparable: bool = True

    @property
    def pairs(self) -> int:
        """How many pairs of query and document were ranked."""
        return sum(len(ranking.documents) for ranking in self.rankings.values())

    @property
    def pairs_per_second(self) -> float | None:
        """Pairs in a second of the model's time, one query after the other."""
        seconds = sum(self._milliseconds) / 1000
        return self.pairs / seconds if seconds > 0 else None

    @property
    def median_ms(self) -> float | None:
        """The median time of a query, in milliseconds."""
        times = self._milliseconds
        return median(times) if times else None

    @property
    def p95_ms(self) -> float | None:
        """The time that 95 of 100 queries do not exceed, in milliseconds (nearest rank)."""
        times = sorted(self._milliseconds)
        return times[-(-len(times) * 95 // 100) - 1] if times else None

    @property
    def tokens(self) -> int | None:
        """Tokens read for all queries; None where one call did not say."""
        if self.kind == "first stage":
            return None
        known = [ranking.tokens for ranking in self.rankings.values() if ranking.documents]
        return None if None in known else sum(count for count in known if count is not None)

    @property
    def dollars(self) -> float | None:
        """Estimated cost of all queries; None where no call said it."""
        known = [ranking.dollars for ranking in self.rankings.values() if ranking.dollars is not None]
        return sum(known) if known else None

    @property
    def warnings(self) -> Mapping[str, int]:
        """Type of warning → how many queries had it."""
        return Counter(kind for ranking in self.rankings.values() for kind in set(ranking.warnings))

    @property
    def outcomes(self) -> Mapping[str, int]:
        """What became of a call → of how many queries."""
        return Counter(ranking.outcome for ranking in self.rankings.values() if ranking.documents)

    @property
    def _milliseconds(self) -> list[float]:
        times = [ranking.milliseconds for ranking in self.rankings.values() if ranking.documents]
        return [time for time in times if time is not None]

    def __repr__(self) -> str:
        means = ", ".join(f"{measure} {value:.4f}" for measure, value in self.means.items())
        return f"<SystemResult {self.name!r}: {means}>"


@dataclass(frozen=True, slots=True, repr=False)
class Evaluation:
    """The first stage and the models over one collection.

    Attributes:
        collection: The collection's name.
        first_stage: The first stage, measured over the same candidates.
        models: In the order in which they were asked for.
        measures: The first is the one that reports sort and compare by.
        candidates: How many documents a query had at most; None for all.
        queries: Query id → text, of the queries that count.
        judgements: Query id → document id → grade.
        seed: What the queries were drawn with.
        remarks: What was odd, for a person.
        created: When, as an ISO 8601 time in UTC.
        version: Of localrank.
    """

    collection: str
    first_stage: SystemResult
    models: tuple[SystemResult, ...]
    measures: tuple[str, ...]
    candidates: int | None
    queries: Mapping[str, str]
    judgements: Judgements = field(repr=False)
    seed: int = 0
    remarks: tuple[str, ...] = ()
    created: str = ""
    version: str = ""

    @property
    def systems(self) -> tuple[SystemResult, ...]:
        """The first stage, then the models."""
        return (self.first_stage, *self.models)

    def __getitem__(self, name: str) -> SystemResult:
        for system in self.systems:
            if system.name == name:
                return system
        names = ", ".join(repr(system.name) for system in self.systems)
        raise InvalidRequestError(f"No system {name!r} was evaluated.", hint=f"There are {names}.")

    def __repr__(self) -> str:
        return (
            f"<Evaluation of {len(self.models)} models on {self.collection!r}, {len(self.queries)} queries>"
        )
