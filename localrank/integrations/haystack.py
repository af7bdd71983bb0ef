"""Haystack: our models as ranker component, and its rankers as a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from localrank.calling.sync import run_blocking
from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import AnyReranker, DoRerankOptions, ScoredIndex
from localrank.contract.types import RankedDocument, RerankOutcome, RerankResult, ScoreKind
from localrank.integrations.foreign import ForeignReranker, Scoring, ranking, require_method, type_name
from localrank.integrations.question import OUTCOME_KEY, CallSettings, Question
from localrank.providers.arguments import whole_number
from localrank.providers.extras import missing
from localrank.providers.registry import DEFAULT_MODEL, make_model, resolve
from localrank.providers.unscored import is_scored

try:
    from haystack import Document, component, default_from_dict, default_to_dict
    from haystack.utils import Secret
except ImportError as error:
    raise missing("The Haystack integration", "haystack-ai", "haystack") from error

__all__ = ["LocalRankRanker", "from_haystack"]


@component
class LocalRankRanker:
    """Rank documents for a query with any model of localrank.

    Beside `documents`, `outcome` says what became of the call (`kind`, `reasons`, `served_by`); each document has it as
    `meta["rerank_outcome"]` too. Documents that stand twice in the list, by their id, are ranked once. The documents that come
    in are left as they are; those that come out are copies with our score, or without one and with `meta["scored"] = False`
    where a deadline came first. Cancelling a pipeline's `run_async` stops the computation. A wrapper that fuses retrieval
    scores gets them where every document has one.

    A pipeline with a model given by name can be serialised; load it with
    `Pipeline.loads(text, allowed_modules=["localrank.*"])`, since Haystack trusts no other package by itself.

    Args:
        model: `"provider:model-id"`, an alias, or a reranker (which cannot be serialised).
        top_k: How many documents to return; None returns all.
        score_threshold: Documents that score less, or were not scored, are left out before `top_k` is counted; None keeps all.
        meta_fields_to_embed: Fields of a document's meta that are put before its content.
        embedding_separator: What stands between them.
        instruction: What "relevant" means, for models that read one.
        timeout: Seconds after which a call fails.
        deadline: Seconds after which the best ranking so far is returned.
        max_retries: Repetitions after a failure that may mend; None means 2.
        api_key: The key of a remote model; None leaves it to the provider's own environment variable.
        model_options: Further settings of the provider's constructor (`{"precision": "fp32"}`, `{"base_url": "…"}`).
        provider_options: Options by provider name, for each call.

    Raises:
        InvalidRequestError: `top_k` below 1, or settings beside a model that is made already.
    """

    def __init__(
        self,
        model: AnyReranker | str = DEFAULT_MODEL,
        *,
        top_k: int | None = 10,
        score_threshold: float | None = None,
        meta_fields_to_embed: list[str] | None = None,
        embedding_separator: str = "\n",
        instruction: str | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
        max_retries: int | None = None,
        api_key: Secret | None = None,
        model_options: dict[str, Any] | None = None,
        provider_options: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        _refuse_none_wanted(top_k)
        if not isinstance(model, str) and (api_key is not None or model_options):
            raise InvalidRequestError(
                "api_key and model_options are settings for making a model, and model is made already.",
                hint="Name the model by a string, or give the settings to its constructor.",
            )
        self.model = model
        self.top_k = top_k
        self.score_threshold = score_threshold
        self.meta_fields_to_embed = meta_fields_to_embed or []
        self.embedding_separator = embedding_separator
        self.instruction = instruction
        self.timeout = timeout
        self.deadline = deadline
        self.max_retries = max_retries
        self.api_key = api_key
        self.model_options = model_options or {}
        self.provider_options = provider_options
        self._made: AnyReranker | None = None
        self._is_warm = False

    @component.output_types(documents=list[Document], outcome=dict[str, Any])
    def run(
        self,
        query: str,
        documents: list[Document],
        top_k: int | None = None,
        score_threshold: float | None = None,
    ) -> dict[str, Any]:
        """Return the best documents, best first, and the outcome.

        Args:
            query: The text to rank against.
            documents: The candidates.
            top_k: How many to return in this run; None means the component's own.
            score_threshold: The least score in this run; None means the component's own.

        Raises:
            InvalidRequestError: `top_k` below 1, or a threshold for a model whose scores are ordinal.
            RerankError: Whatever `rerank` raises.
        """
        return _output(self._question(query, documents, top_k, score_threshold).answer_sync())

    @component.output_types(documents=list[Document], outcome=dict[str, Any])
    async def run_async(
        self,
        query: str,
        documents: list[Document],
        top_k: int | None = None,
        score_threshold: float | None = None,
    ) -> dict[str, Any]:
        """Return the best documents, best first, and the outcome, without blocking the event loop; see `run`."""
        return _output(await self._question(query, documents, top_k, score_threshold).answer())

    def warm_up(self) -> None:
        """Make the model and load it, once."""
        if not self._is_warm:
            run_blocking(self.warm_up_async)

    async def warm_up_async(self) -> None:
        """Make the model and load it, once."""
        if not self._is_warm:
            await _called(self._reranker(), "warm_up")
            self._is_warm = True

    def close(self) -> None:
        """Release what the model holds; a later run loads it again."""
        run_blocking(self.close_async)

    async def close_async(self) -> None:
        """Release what the model holds; a later run loads it again."""
        self._is_warm = False
        if self._made is not None:
            await _called(self._made, "aclose")

    def to_dict(self) -> dict[str, Any]:
        """Return the component as a dictionary; a key stays a reference to its environment variable.

        Raises:
            InvalidRequestError: The model was given as an object.
            ValueError: The key was given as a value.
        """
        if not isinstance(self.model, str):
            raise InvalidRequestError(
                f"A {type_name(self)} with a model of type {type_name(self.model)} cannot be serialised.",
                hint='Name the model by a string, such as "onnx:mini".',
            )
        return default_to_dict(  # type: ignore[no-any-return, unused-ignore]
            self,
            model=self.model,
            top_k=self.top_k,
            score_threshold=self.score_threshold,
            meta_fields_to_embed=self.meta_fields_to_embed,
            embedding_separator=self.embedding_separator,
            instruction=self.instruction,
            timeout=self.timeout,
            deadline=self.deadline,
            max_retries=self.max_retries,
            api_key=self.api_key,
            model_options=self.model_options,
            provider_options=self.provider_options,
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> LocalRankRanker:
        """Return the component that `to_dict` described."""
        made: LocalRankRanker = default_from_dict(cls, data)
        return made

    def _reranker(self) -> AnyReranker:
        if self._made is None:
            settings = dict(self.model_options)
            if self.api_key is not None:
                settings["api_key"] = self.api_key.resolve_value()
            named = isinstance(self.model, str) and settings
            self._made = make_model(str(self.model), settings) if named else resolve(self.model)
        return self._made

    def _question(
        self, query: str, documents: Sequence[Document], top_k: int | None, score_threshold: float | None
    ) -> Question[Document]:
        _refuse_none_wanted(top_k)
        first: dict[str, Document] = {}
        for document in documents:
            first.setdefault(document.id, document)
        once = list(first.values())
        wanted = self.top_k if top_k is None else top_k
        scores = [document.score for document in once]
        least = self.score_threshold if score_threshold is None else score_threshold
        settings = CallSettings.of(self, min_score=least)
        return Question(self._reranker(), query, once, self._text, wanted, scores, settings)

    def _text(self, document: Document) -> str:
        fields = [document.meta.get(name) for name in self.meta_fields_to_embed]
        parts = [str(value) for value in fields if value is not None]
        if not parts and document.content is None and document.blob is not None:
            raise InvalidRequestError(
                f"The document {document.id!r} holds a blob and no content, and models rank the texts of Haystack's documents.",
                hint="Give it content, such as a caption, or name a field of its meta in meta_fields_to_embed.",
            )
        return self.embedding_separator.join([*parts, document.content or ""])


def from_haystack(
    ranker: Any,
    *,
    model_id: str | None = None,
    score_kind: ScoreKind = "unknown",
    scores_comparable: bool | None = None,
    batch_size: int | None = None,
) -> ForeignReranker:
    """Return a model that ranks with a Haystack ranker, in a worker thread.

    Args:
        ranker: A component whose `run(query=…, documents=…)` gives `documents`. Let it keep all: what it leaves out follows
            unscored.
        model_id: Its name; None means its class. Give one where scores are cached.
        score_kind: What the score of a document is; `ordinal` for a ranker that writes none (`LLMRanker`).
        scores_comparable: False where a score depends on the other documents of the call.
        batch_size: Documents of one call; None means all at once.

    Raises:
        InvalidRequestError: No `run`, or a scoring that cannot be.
    """
    require_method("ranker", ranker, "run", "ranker component")
    scoring = Scoring(score_kind, scores_comparable, batch_size)
    ask = _Run(ranker, score_kind == "ordinal")
    return ForeignReranker("haystack", model_id or type_name(ranker), ask, scoring)


def _refuse_none_wanted(top_k: int | None) -> None:
    wanted = whole_number(top_k)
    if wanted is not None and wanted < 1:
        raise InvalidRequestError(f"top_k is {top_k}.", hint="Pass an integer of at least 1, or None.")


def _output(result: RerankResult[Document]) -> dict[str, Any]:
    outcome = result.outcome
    return {"documents": [_copy(hit, outcome) for hit in result], "outcome": outcome.to_dict()}


def _copy(hit: RankedDocument[Document], outcome: RerankOutcome) -> Document:
    meta = {**hit.document.meta, OUTCOME_KEY: outcome.to_dict()}
    if is_scored(hit):
        return replace(hit.document, score=hit.score, meta=meta)
    return replace(hit.document, score=None, meta={**meta, "scored": False})


async def _called(model: AnyReranker, name: str) -> None:
    member: Any = getattr(model, name, None)
    if member is not None:
        await member()


@dataclass(frozen=True, slots=True)
class _Run:
    ranker: Any
    ordinal: bool

    def __call__(self, options: DoRerankOptions) -> list[ScoredIndex]:
        scores = options.first_stage_scores or (None,) * len(options.documents)
        documents = [
            Document(id=str(index), content=text, score=score)
            for index, (text, score) in enumerate(zip(options.documents, scores, strict=True))
        ]
        kept = self.ranker.run(query=options.query, documents=documents)["documents"]
        ranked = [(int(document.id), document.score) for document in kept]
        return ranking(ranked, options.documents, ordinal=self.ordinal, by=self.ranker, maker="from_haystack")
