"""What a call returns: the ranking, what became of the call, its usage, its warnings, the response behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, Literal, NoReturn, TypeVar, overload

from localrank.contract.errors import MissingDependencyError
from localrank.contract.texts import shortened

__all__ = [
    "CALLERS_ORDER",
    "OUTCOME_OF_WARNING",
    "OutcomeKind",
    "RankedDocument",
    "RerankOutcome",
    "RerankResponse",
    "RerankResult",
    "RerankUsage",
    "RerankWarning",
    "ScoreKind",
    "StageUsage",
]

D = TypeVar("D")

ScoreKind = Literal["unknown", "probability", "logit", "ordinal"]

OutcomeKind = Literal["ranked", "skipped", "partial", "degraded"]
"""What became of a call, the better before the worse."""

OUTCOME_OF_WARNING: Mapping[str, OutcomeKind] = {
    "rerank_skipped": "skipped",
    "deadline_exceeded": "partial",
    "stage_cut_short": "partial",
    "incomplete_ranking": "partial",
    "blank_documents": "partial",
    "unscored_documents": "partial",
    "fallback": "degraded",
}
"""Type of warning → what it makes of the answer. Every other warning leaves a call `ranked`."""

CALLERS_ORDER = "identity:callers-order"
"""Who served where no model did: the documents stand as the caller gave them."""


_HERE: Mapping[str, str] = {
    "corpus_id": "index is its place in your list.",
    **dict.fromkeys(("id", "doc_id"), "document is your own object, with its id; index is its place."),
    **dict.fromkeys(
        ("page_content", "content", "node"), "text is what was scored; document is your own object."
    ),
}
"""What other libraries call otherwise, as docs/guides/migrate.md has it."""


@dataclass(frozen=True, slots=True, repr=False)
class RankedDocument(Generic[D]):
    """One document at its place in the ranking.

    Attributes:
        index: Position in the caller's documents, from 0.
        score: Higher is more relevant; comparable within one call of one model (see `RerankResult.score_kind`).
        document: The caller's own object, untouched.
        text: The text that was scored; empty for a document that a deadline left no time to read.
        rank: Place in the ranking, from 1.
        truncated: Whether the model saw only the beginning of the text.
        metadata: What else the model says of this document (`logit`, for one).
        tier: 0 for what the model ranked; a higher tier stands below every lower one, whatever the scores.
    """

    index: int
    score: float
    document: D
    text: str
    rank: int
    truncated: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tier: int = 0

    @property
    def original_index(self) -> int:
        """`index`, by the Vercel AI SDK's name."""
        return self.index

    @property
    def relevance_score(self) -> float:
        """`score`, by the name that remote APIs use."""
        return self.score

    if not TYPE_CHECKING:  # a type checker says by itself what is not there

        def __getattr__(self, name: str) -> NoReturn:
            """Say what a member of other libraries' results is here."""
            here = f": {_HERE[name]}" if name in _HERE else ""
            raise AttributeError(
                f"'RankedDocument' object has no attribute {name!r}{here}", name=name, obj=self
            )

    def __repr__(self) -> str:
        return (
            f"RankedDocument(rank={self.rank}, index={self.index}, score={self.score:.6g}, "
            f"text={shortened(self.text)!r})"
        )


@dataclass(frozen=True, slots=True)
class RerankUsage:
    """What a call cost.

    Attributes:
        input_tokens: Tokens that the model read, special tokens included; None if unknown. The query counts as often as it was
            read: with every document by a model of pairs, once by one of late interaction.
        tokens_estimated: Whether `input_tokens` is an estimate and not a count.
        search_units: Units that a remote provider bills; None where it has none.
        duration_ms: Time of the call without `load_ms`, in milliseconds; None until the core fills it in.
        load_ms: Time this call waited for the model to load, in milliseconds.
        truncated_documents: How many documents were cut; None if unknown.
        api_calls: Requests sent to a remote provider.
        cache_hits: Documents whose score, or what the model knows of them, came from a cache.
        estimated_cost: US dollars, where the price is known.
        stages: Usage of each inner model of a wrapper, in the order they ran.
    """

    input_tokens: int | None = None
    tokens_estimated: bool = False
    search_units: float | None = None
    duration_ms: float | None = None
    load_ms: float = 0.0
    truncated_documents: int | None = None
    api_calls: int = 0
    cache_hits: int = 0
    estimated_cost: float | None = None
    stages: tuple[StageUsage, ...] = ()


@dataclass(frozen=True, slots=True)
class StageUsage:
    """The usage of one inner model of a wrapper."""

    provider: str
    model_id: str
    usage: RerankUsage


@dataclass(frozen=True, slots=True)
class RerankWarning:
    """A remark that does not fail the call.

    Attributes:
        type: A stable identifier, such as `unsupported`, `compatibility`, `query_truncated`, `documents_truncated`,
            `unread_language`, `deadline_exceeded`. Those in `OUTCOME_OF_WARNING` decide the result's `outcome`.
        message: What happened and what to do, for a person; never a whole document.
        feature: The argument, option or setting it is about, if any.
    """

    type: str
    message: str
    feature: str | None = None


@dataclass(frozen=True, slots=True)
class RerankOutcome:
    """What became of a call that returned a ranking: whether the model asked for ranked all documents, and if not, why.

    Attributes:
        kind: `ranked`: the model asked for judged every document. `skipped`: it was not asked, by the caller's own rule.
            `partial`: a deadline or the model itself left documents unscored. `degraded`: another model served, or
            no document was scored and the caller's order stands.
        reasons: Types of the warnings that say why, each once; their messages are in `RerankResult.warnings`.
        served_by: `provider:model-id` of the model behind the ranking, innermost where wrappers stand around it; several that
            ranked together are joined by `+`. `CALLERS_ORDER` where no document was scored.
    """

    kind: OutcomeKind = "ranked"
    reasons: tuple[str, ...] = ()
    served_by: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON and frameworks' metadata hold it: `kind`, `reasons` (a list) and `served_by`."""
        return {"kind": self.kind, "reasons": list(self.reasons), "served_by": self.served_by}

    def __str__(self) -> str:
        why = f" ({', '.join(self.reasons)})" if self.reasons else ""
        return f"{self.kind}{why}, served by {self.served_by or 'an unnamed model'}"


@dataclass(frozen=True, slots=True, repr=False)
class RerankResponse:
    """The answer behind the ranking.

    Attributes:
        model_id: The model that answered.
        id: The provider's name for this answer, if it gave one.
        timestamp: When the answer was complete, in UTC.
        headers: The headers of an HTTP answer.
        body: The decoded body of an HTTP answer, where the provider keeps it.
    """

    model_id: str
    id: str | None = None
    timestamp: datetime = field(default_factory=partial(datetime.now, UTC))
    headers: Mapping[str, str] | None = None
    body: Any = None

    def __repr__(self) -> str:
        return (
            f"RerankResponse(model_id={self.model_id!r}, id={self.id!r}, "
            f"timestamp={self.timestamp.isoformat()})"
        )


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class RerankResult(Sequence[RankedDocument[D]]):
    """The ranking of one call: an immutable sequence of `RankedDocument`, best first.

    Attributes:
        ranked: The ranked documents, best first; the result itself iterates over them. A tuple, unless a deadline left very
            many documents unscored: those are made as they are looked at.
        usage: What the call cost.
        response: Model, time and, for a remote model, the HTTP answer.
        warnings: Remarks; empty when there is nothing to say.
        provider_metadata: What else the provider said, by provider name.
        original_documents: The caller's documents, in the caller's order.
        score_kind: What a score is: `probability` (0–1), `logit`, `ordinal` (only the order means anything) or `unknown`.
        outcome: Whether the model asked for ranked all documents, and if not, why and who served.
        dropped: How many documents `min_score` left out, before `top_k`.
    """

    ranked: Sequence[RankedDocument[D]]
    usage: RerankUsage
    response: RerankResponse
    warnings: tuple[RerankWarning, ...] = ()
    provider_metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    original_documents: tuple[D, ...] = ()
    score_kind: ScoreKind = "unknown"
    outcome: RerankOutcome = RerankOutcome()
    dropped: int = 0

    @property
    def results(self) -> RerankResult[D]:
        """The ranking by LocalMode's name: the result itself."""
        return self

    @property
    def ranking(self) -> RerankResult[D]:
        """The ranking by the Vercel AI SDK's name: the result itself."""
        return self

    @property
    def reranked_documents(self) -> tuple[D, ...]:
        """The caller's documents, best first, cut as the ranking is."""
        return tuple(ranked.document for ranked in self.ranked)

    @property
    def documents(self) -> tuple[D, ...]:
        """The caller's documents, best first, cut as the ranking is."""
        return self.reranked_documents

    @property
    def scores(self) -> tuple[float, ...]:
        """The scores, best first."""
        return tuple(ranked.score for ranked in self.ranked)

    def to_dict(self, *, document: Callable[[D], Any] | None = None) -> dict[str, Any]:
        """Return the ranking, usage and warnings as plain values, which `json.dumps` takes.

        Args:
            document: What is written of a document. None means all of it: texts and mappings as they are, dataclasses and
                models as mappings, arrays as lists, dates as ISO 8601, sets as lists.

        Raises:
            InvalidRequestError: A document holds a value that JSON has no form for; names its index and the type.
        """
        made: dict[str, Any] = import_module("localrank.contract.written").as_dict(self, document)
        return made

    def to_json(self, *, document: Callable[[D], Any] | None = None, indent: int | None = None) -> str:
        """Return `to_dict` as JSON text."""
        text: str = import_module("localrank.contract.written").as_json(self, document, indent)
        return text

    def to_pandas(self) -> Any:
        """Return a `pandas.DataFrame`, best first: `rank`, `index`, `score`, `text`, `truncated` and `document`.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        try:
            pandas: Any = import_module("pandas")
        except ImportError as error:
            raise MissingDependencyError(
                "to_pandas needs pandas: not installed here.", hint="Install it with: pip install pandas"
            ) from error
        names = ("rank", "index", "score", "text", "truncated", "document")
        return pandas.DataFrame(
            {name: [getattr(ranked, name) for ranked in self.ranked] for name in names}, columns=list(names)
        )

    def _repr_html_(self) -> str:
        """Return the table that a notebook shows."""
        table: str = import_module("localrank.contract.written").as_html(self)
        return table

    @overload
    def __getitem__(self, index: int) -> RankedDocument[D]: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[RankedDocument[D], ...]: ...
    def __getitem__(self, index: int | slice) -> RankedDocument[D] | tuple[RankedDocument[D], ...]:
        found = self.ranked[index]
        return found if isinstance(found, RankedDocument) else tuple(found)

    def __len__(self) -> int:
        return len(self.ranked)

    def __iter__(self) -> Iterator[RankedDocument[D]]:
        return iter(self.ranked)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RerankResult):
            return NotImplemented
        theirs: RerankResult[Any] = other
        return self.ranked == theirs.ranked and self.score_kind == theirs.score_kind

    __hash__ = None  # type: ignore[assignment]  # documents may be unhashable

    def __repr__(self) -> str:
        best = f", best={self.ranked[0]!r}" if self.ranked else ""
        kind = "" if self.outcome.kind == "ranked" else f", {self.outcome.kind}"
        return f"<RerankResult of {len(self)} by {self.response.model_id!r}{kind}{best}>"
