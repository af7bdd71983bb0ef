"""Scoring functions as models, and what sentence-transformers, FlashRank and rerankers make; none of them is imported."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localrank.contract.errors import InvalidRequestError, InvalidResponseError
from localrank.contract.model import DoRerankOptions, ScoredIndex
from localrank.contract.types import ScoreKind
from localrank.integrations.foreign import ForeignReranker, Scoring, ranking, require_method, type_name

__all__ = [
    "ScoreDocuments",
    "from_callable",
    "from_cross_encoder",
    "from_flashrank",
    "from_rerankers",
    "one_score_each",
]

ScoreDocuments = (
    Callable[[str, list[str]], Sequence[float]] | Callable[[str, list[str]], Awaitable[Sequence[float]]]
)
"""Takes the query and the documents; returns or awaits one score a document, in their order."""


def from_callable(
    function: ScoreDocuments,
    *,
    model_id: str | None = None,
    provider: str = "callable",
    score_kind: ScoreKind = "unknown",
    scores_comparable: bool | None = None,
    batch_size: int | None = 32,
) -> ForeignReranker:
    """Return a model that scores with `function(query, documents)`.

    Args:
        function: Returns one number a document, in order. Blocking code runs in a worker thread, one call at a time; a
            coroutine function is awaited on the caller's event loop.
        model_id: Its name; None means the function's own. Give one where scores are cached.
        provider: The provider's name.
        score_kind: What a score is; `ordinal` where only the order means anything.
        scores_comparable: False where a score depends on the other documents of the call.
        batch_size: Documents of one call of `function`; None means all at once.

    Raises:
        InvalidRequestError: An argument that cannot work.
    """
    if not callable(function):
        raise InvalidRequestError(
            f"function is of type {type_name(function)}.", hint="Pass a function of (query, documents)."
        )
    if not provider or ":" in provider:
        raise InvalidRequestError(f"provider is {provider!r}; it has no colon and is not empty.")
    name: str = model_id or getattr(function, "__qualname__", "") or type_name(function)
    scoring = Scoring(score_kind, scores_comparable, batch_size)
    call = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004  # an object whose __call__ is async
    )
    return ForeignReranker(
        provider, name, _AsyncFunction(function) if call else _Function(function), scoring, awaited=call
    )


def one_score_each(scores: Any, options: DoRerankOptions) -> list[ScoredIndex]:
    """Return the scores with their indexes.

    Raises:
        InvalidResponseError: Not one score a document.
    """
    try:
        given = list(scores)
    except TypeError:
        raise InvalidResponseError(
            f"The scoring function returned {type_name(scores)}.",
            hint="Return a list with one number a document.",
        ) from None
    if len(given) != len(options.documents):
        raise InvalidResponseError(
            f"The scoring function returned {len(given)} scores for {len(options.documents)} documents.",
            hint="Return one number a document, in their order.",
        )
    return [ScoredIndex(index, score) for index, score in enumerate(given)]


@dataclass(frozen=True, slots=True)
class _Function:
    function: Any

    def __call__(self, options: DoRerankOptions) -> list[ScoredIndex]:
        return one_score_each(self.function(options.query, list(options.documents)), options)


@dataclass(frozen=True, slots=True)
class _AsyncFunction:
    function: Any

    async def __call__(self, options: DoRerankOptions) -> list[ScoredIndex]:
        return one_score_each(await self.function(options.query, list(options.documents)), options)


_KINDS: dict[str, ScoreKind] = {"Sigmoid": "probability", "Identity": "logit"}
"""What the class of `activation_fn` makes of a logit."""


def from_cross_encoder(
    cross_encoder: Any,
    *,
    model_id: str | None = None,
    score_kind: ScoreKind | None = None,
    batch_size: int = 32,
) -> ForeignReranker:
    """Return a model that scores with `cross_encoder.predict`, on the device and with the activation it has.

    Args:
        cross_encoder: A `sentence_transformers.CrossEncoder` with one label, or any object whose `predict` takes pairs and
            returns one number each.
        model_id: Its name; None means the one it was loaded by, where it says so.
        score_kind: None means by its `activation_fn`.
        batch_size: Pairs of one call; between two calls an abort or a deadline takes effect.

    Raises:
        InvalidRequestError: No `predict`, or several labels.
    """
    require_method("cross_encoder", cross_encoder, "predict", "CrossEncoder")
    labels = getattr(cross_encoder, "num_labels", 1)
    if labels != 1:
        raise InvalidRequestError(
            f"cross_encoder has {labels} labels, so a pair has {labels} scores.",
            hint="Pass a model with one label, or from_callable with a function that picks the score.",
        )
    kind = score_kind or _KINDS.get(type_name(getattr(cross_encoder, "activation_fn", None)), "unknown")
    name = model_id or _loaded_by(cross_encoder) or type_name(cross_encoder)
    ask = _Predict(cross_encoder, batch_size)
    return ForeignReranker("sentence-transformers", name, ask, Scoring(kind, batch_size=batch_size))


def _loaded_by(cross_encoder: Any) -> str | None:
    config = getattr(cross_encoder, "config", None)
    name = getattr(config, "_name_or_path", None)
    return name if isinstance(name, str) and name.strip() else None


@dataclass(frozen=True, slots=True)
class _Predict:
    cross_encoder: Any
    batch_size: int

    def __call__(self, options: DoRerankOptions) -> list[ScoredIndex]:
        pairs = [(options.query, text) for text in options.documents]
        scores = self.cross_encoder.predict(pairs, batch_size=self.batch_size, show_progress_bar=False)
        return one_score_each(scores, options)


def from_flashrank(ranker: Any, *, model_id: str | None = None, batch_size: int = 32) -> ForeignReranker:
    """Return a model that ranks with `ranker.rerank`.

    A FlashRank model that generates an order (`rank_zephyr…`) gives ordinal scores, that of any other is a probability
    (https://github.com/PrithivirajDamodaran/FlashRank, `Ranker.rerank`).

    Args:
        ranker: A `flashrank.Ranker`.
        model_id: Its name; None means the folder it was loaded from.
        batch_size: Passages of one call; between two calls an abort or a deadline takes effect.

    Raises:
        InvalidRequestError: No `rerank`.
    """
    require_method("ranker", ranker, "rerank", "Ranker")
    listwise = getattr(ranker, "llm_model", None) is not None
    name = model_id or Path(getattr(ranker, "model_dir", type_name(ranker))).name
    scoring = Scoring("ordinal") if listwise else Scoring("probability", batch_size=batch_size)
    return ForeignReranker("flashrank", name, _Rerank(ranker, listwise), scoring)


@dataclass(frozen=True, slots=True)
class _Request:
    """What `Ranker.rerank` reads of a `RerankRequest`."""

    query: str
    passages: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Rerank:
    ranker: Any
    listwise: bool

    def __call__(self, options: DoRerankOptions) -> list[ScoredIndex]:
        passages = [{"id": index, "text": text} for index, text in enumerate(options.documents)]
        kept = self.ranker.rerank(_Request(options.query, passages))
        ranked = [(passage["id"], passage.get("score")) for passage in kept]
        return ranking(ranked, options.documents, ordinal=self.listwise, by=self.ranker)


_NAMES = ("model_name", "model_name_or_path")
_ORDINAL = ("RankGPTRanker", "RankLLMRanker")
"""Rankers that generate an order and no scores."""


def from_rerankers(
    ranker: Any,
    *,
    model_id: str | None = None,
    score_kind: ScoreKind | None = None,
    scores_comparable: bool | None = None,
    batch_size: int = 32,
) -> ForeignReranker:
    """Return a model that ranks with `ranker.rank`.

    Args:
        ranker: What `rerankers.Reranker(…)` returns.
        model_id: Its name; None means the model's name or the ranker's class.
        score_kind: `ordinal` for a ranker that gives ranks and no scores. None means so for those that
            generate an order (`RankGPTRanker`, `RankLLMRanker`), else `unknown`.
        scores_comparable: False where a score depends on the other documents of the call.
        batch_size: Documents of one call; between two calls an abort or a deadline takes effect.

    Raises:
        InvalidRequestError: No `rank`.
    """
    require_method("ranker", ranker, "rank", "ranker")
    kind: ScoreKind = score_kind or ("ordinal" if type_name(ranker) in _ORDINAL else "unknown")
    scoring = Scoring(kind, scores_comparable, None if kind == "ordinal" else batch_size)
    return ForeignReranker("rerankers", model_id or _name(ranker), _Rank(ranker, kind == "ordinal"), scoring)


def _name(ranker: Any) -> str:
    for name in _NAMES:
        value = getattr(ranker, name, None)
        if isinstance(value, str) and value.strip():
            return value
    return type_name(ranker)


@dataclass(frozen=True, slots=True)
class _Rank:
    ranker: Any
    ordinal: bool

    def __call__(self, options: DoRerankOptions) -> list[ScoredIndex]:
        ids = list(range(len(options.documents)))
        kept = self.ranker.rank(query=options.query, docs=list(options.documents), doc_ids=ids)
        ranked = [(result.document.doc_id, result.score) for result in kept.results]
        return ranking(
            ranked, options.documents, ordinal=self.ordinal, by=self.ranker, maker="from_rerankers"
        )
