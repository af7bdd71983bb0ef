"""What a reranker is: three members, and optional ones that each have a default."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, runtime_checkable

from localrank.contract.cancellation import AbortToken
from localrank.contract.texts import shortened
from localrank.contract.types import RerankResponse, RerankUsage, RerankWarning, ScoreKind

__all__ = [
    "AnyReranker",
    "DoRerankOptions",
    "DoRerankResult",
    "ReportProgress",
    "RerankerModel",
    "ScoredIndex",
    "SyncRerankerModel",
    "accepts_objects",
    "ignore_progress",
    "is_remote",
    "needs_text",
    "reads_images",
    "reads_objects",
    "score_kind",
    "scores_comparable",
]

ReportProgress: TypeAlias = Callable[[int, int], None]
"""Called with (done, total), from any thread."""


def ignore_progress(done: int, total: int) -> None:
    """Do nothing; stands in where nobody asked for progress."""


@dataclass(frozen=True, slots=True, repr=False)
class DoRerankOptions:
    """What a model is asked.

    Attributes:
        query: The text to rank against.
        documents: The texts to score, in the caller's order.
        objects: The caller's own documents, only for a model that declares `accepts_objects = True`.
        first_stage_scores: The retriever's score of each document, in the caller's order.
        top_k: How many results are wanted, at most `len(documents)`; None means all.
        abort_event: Poll `is_set()` in long work and raise `RerankAbortedError` when it is set.
        deadline: Seconds, counted from the start of `do_rerank`, after which the best ranking so far is wanted.
        headers: Extra HTTP headers for a remote model.
        provider_options: Options by provider name.
        instruction: What "relevant" means for this call, for models that read one.
        report_progress: Call it with (done, total) as work goes on, from any thread.
    """

    query: str
    documents: tuple[str, ...]
    objects: tuple[Any, ...] | None = None
    first_stage_scores: tuple[float, ...] | None = None
    top_k: int | None = None
    abort_event: AbortToken | None = None
    deadline: float | None = None
    headers: Mapping[str, str] | None = None
    provider_options: Mapping[str, Mapping[str, Any]] | None = None
    instruction: str | None = None
    report_progress: ReportProgress = ignore_progress

    def __repr__(self) -> str:
        return (
            f"DoRerankOptions(query={shortened(self.query)!r}, documents=<{len(self.documents)}>, "
            f"top_k={self.top_k})"
        )


@dataclass(frozen=True, slots=True)
class ScoredIndex:
    """A model's judgement of one document.

    Attributes:
        index: Position in `DoRerankOptions.documents`.
        score: A finite real number, also numpy's, a tensor's of one element or a `Decimal`; never True or False, a text or a
            complex number. Higher is more relevant.
        tier: 0 for what was ranked; a model that scored only part of the list puts the rest into a higher tier.
        truncated: Whether only the beginning of the document was read.
        metadata: What else there is to say (`{"logit": 2.1}`).
    """

    index: int
    score: float
    tier: int = 0
    truncated: bool = False
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, repr=False)
class DoRerankResult:
    """A model's answer. The core checks it, sorts it by (tier, −score, index) and cuts it to `top_k`.

    Attributes:
        results: One entry a document, in any order.
        usage: What the call cost, as far as the model knows.
        warnings: Remarks for the caller.
        provider_metadata: What else the provider says, by provider name.
        response: The answer behind the ranking; the core makes one where it is None.
        served_by: `provider:model-id` of the model behind the ranking, where that is not the model asked; wrappers name those
            in them.
    """

    results: Sequence[ScoredIndex]
    usage: RerankUsage | None = None
    warnings: Sequence[RerankWarning] = ()
    provider_metadata: Mapping[str, Any] | None = None
    response: RerankResponse | None = field(default=None)
    served_by: str | None = None

    def __repr__(self) -> str:
        return f"DoRerankResult(results=<{len(self.results)}>, usage={self.usage!r})"


@runtime_checkable
class RerankerModel(Protocol):
    """A reranker: `model_id`, `provider` and `do_rerank`. No base class is needed.

    Optional members, each with a default where it is absent:

    - `scores_comparable: bool = True` — scores of different calls can be compared, so a long list may be split.
    - `score_kind: "unknown" | "probability" | "logit" | "ordinal" = "unknown"` — copied to the result.
    - `accepts_objects: bool = False` — `options.objects` is filled with the caller's own documents.
    - `needs_text: bool` — whether a document without a text is refused; without it, True unless `accepts_objects`. Where it is
      False, the text of a mapping that has none is its values, a line each, and that of any other object is empty.
    - `reads_images: bool = False` — of `options.objects` (it needs `accepts_objects`), a mapping's `image` is read, an address
      or bytes. To any other model a document with an image and no text is refused, and one with both is ranked by its text,
      with a warning.
    - `max_documents_per_call: int | None = None` — what one call of the service takes.
    - `documents_at_once: int | None = None` — a longer list is handed over in parts, one after the other, so that neither the
      event loop nor a deadline waits for all of it; where scores are comparable.
    - `is_remote: bool = False` — calls leave this machine and may cost money, so a command that makes many asks first.
    - `fingerprint: str` — what a cache keys on; without it, provider and model id.
    - `languages: tuple[str, ...]` — ISO 639-1 codes of what it reads; `multilingual` for many that are not listed, and empty
      where it is not known.
    - `token_spans(text) -> Sequence[tuple[int, int]]` — character spans of tokens, for cutting by tokens.
    - `async warm_up()` — load now; `async aclose()` — release what is held.
    """

    @property
    def model_id(self) -> str:
        """The model's name at its provider."""
        ...

    @property
    def provider(self) -> str:
        """The provider's name."""
        ...

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        """Score `options.documents` against `options.query`."""
        ...


@runtime_checkable
class SyncRerankerModel(Protocol):
    """A reranker without async code: `do_rerank_sync` runs in a worker thread, so it may block."""

    @property
    def model_id(self) -> str:
        """The model's name at its provider."""
        ...

    @property
    def provider(self) -> str:
        """The provider's name."""
        ...

    def do_rerank_sync(self, options: DoRerankOptions) -> DoRerankResult:
        """Score `options.documents` against `options.query`; poll `options.abort_event` in long work."""
        ...


AnyReranker: TypeAlias = RerankerModel | SyncRerankerModel
"""A model of either protocol."""


def scores_comparable(model: AnyReranker) -> bool:
    """Whether scores of different calls of `model` can be compared (default True)."""
    return bool(getattr(model, "scores_comparable", True))


def score_kind(model: AnyReranker) -> ScoreKind:
    """What a score of `model` is (default `unknown`)."""
    kind: ScoreKind = getattr(model, "score_kind", "unknown")
    return kind


def is_remote(model: AnyReranker) -> bool:
    """Whether calls of `model` go to a service (default False)."""
    return bool(getattr(model, "is_remote", False))


def accepts_objects(model: AnyReranker) -> bool:
    """Whether `model` reads the caller's own objects (default False)."""
    return bool(getattr(model, "accepts_objects", False))


def reads_images(model: AnyReranker) -> bool:
    """Whether `model` reads the images of documents (default False)."""
    return bool(getattr(model, "reads_images", False))


def reads_objects(model: AnyReranker) -> bool:
    """Whether `model` reads more of the caller's own objects than their texts and images."""
    return accepts_objects(model) and not (reads_images(model) and needs_text(model))


def needs_text(model: AnyReranker) -> bool:
    """Whether `model` reads the texts (default: where it does not read the caller's own objects)."""
    return bool(getattr(model, "needs_text", not accepts_objects(model)))
