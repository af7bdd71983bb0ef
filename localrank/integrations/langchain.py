"""LangChain: our models as document compressor and cross-encoder, and theirs as a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from localrank.calling.pairs import score_pairs_sync
from localrank.contract.errors import InvalidRequestError, InvalidResponseError
from localrank.contract.model import AnyReranker, DoRerankOptions, ScoredIndex
from localrank.contract.types import RankedDocument, RerankOutcome, RerankResult, ScoreKind
from localrank.integrations.callables import one_score_each
from localrank.integrations.foreign import ForeignReranker, Scoring, ranking, type_name
from localrank.integrations.question import OUTCOME_KEY, CallSettings, Question, known_fields
from localrank.providers.extras import missing
from localrank.providers.registry import DEFAULT_MODEL
from localrank.providers.unscored import is_scored

try:
    from langchain_core.callbacks import AsyncCallbackManager, CallbackManager, Callbacks
    from langchain_core.cross_encoders import BaseCrossEncoder
    from langchain_core.documents import BaseDocumentCompressor, Document
    from pydantic import ConfigDict, Field, model_validator
except ImportError as error:
    raise missing("The LangChain integration", "langchain-core", "langchain") from error

__all__ = ["LocalRankCompressor", "LocalRankCrossEncoder", "from_langchain"]

_INDEX_KEY = "localrank_index"


class LocalRankCompressor(BaseDocumentCompressor):
    """Keep the documents that answer the query, best first: a reranker for `ContextualCompressionRetriever`.

    Documents are copied; their metadata gain `relevance_score`, `rank` (from 1), `rerank_outcome` (what became of the call:
    `kind`, `reasons`, `served_by`), and `scored: False` where a deadline passed before one was scored. Callbacks see a chain
    run named `LocalRankCompressor`, with `rerank_outcome` at its end. Cancelling the task that awaits `acompress_documents`
    stops the computation.

    Attributes:
        model: A reranker, `"provider:model-id"` or an alias.
        top_n: How many documents to keep; None keeps all.
        min_score: Leave out documents that score less, or were not scored; before `top_n`.
        instruction: What "relevant" means, for models that read one.
        timeout: Seconds after which a call fails.
        deadline: Seconds after which the best ranking so far is returned.
        max_retries: Repetitions after a failure that may mend; None means 2.
        provider_options: Options by provider name.
    """

    model: Any = DEFAULT_MODEL
    top_n: int | None = Field(default=3, ge=1)
    min_score: float | None = None
    instruction: str | None = None
    timeout: float | None = None
    deadline: float | None = None
    max_retries: int | None = None
    provider_options: Mapping[str, Mapping[str, Any]] | None = None

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _known(cls, given: Any) -> Any:
        return known_fields(cls, given)

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """Return copies of the best documents, best first.

        Raises:
            RerankError: Whatever `rerank` raises.
        """
        manager = CallbackManager.configure(callbacks)
        run = manager.on_chain_start(None, _inputs(query, documents), name=type(self).__name__)
        try:
            result = self._question(documents, query).answer_sync()
            kept = _copies(result)
        except BaseException as error:
            run.on_chain_error(error)
            raise
        run.on_chain_end({"documents": kept, OUTCOME_KEY: result.outcome.to_dict()})
        return kept

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """Return copies of the best documents, best first, without blocking the event loop.

        Raises:
            RerankError: Whatever `rerank` raises.
        """
        manager = AsyncCallbackManager.configure(callbacks)
        run = await manager.on_chain_start(None, _inputs(query, documents), name=type(self).__name__)
        try:
            result = await self._question(documents, query).answer()
            kept = _copies(result)
        except BaseException as error:
            await run.on_chain_error(error)
            raise
        await run.on_chain_end({"documents": kept, OUTCOME_KEY: result.outcome.to_dict()})
        return kept

    def _question(self, documents: Sequence[Document], query: str) -> Question[Document]:
        return Question(self.model, query, documents, _text, self.top_n, settings=CallSettings.of(self))


class LocalRankCrossEncoder(BaseCrossEncoder):
    """One of our models where LangChain wants a `BaseCrossEncoder`, such as `CrossEncoderReranker`.

    Args:
        model: A reranker, `"provider:model-id"` or an alias.
    """

    def __init__(self, model: AnyReranker | str = DEFAULT_MODEL) -> None:
        self.model = model

    def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
        """Return the score of each (query, document) pair.

        Raises:
            InvalidResponseError: The model ranks in tiers, which scores cannot show.
            RerankError: Whatever `rerank` raises.
        """
        return score_pairs_sync(self.model, text_pairs)


def from_langchain(
    reranker: Any,
    *,
    model_id: str | None = None,
    score_kind: ScoreKind = "unknown",
    scores_comparable: bool | None = None,
    batch_size: int | None = None,
) -> ForeignReranker:
    """Return a model that ranks with LangChain's `compress_documents` or `score`, in a worker thread.

    Args:
        reranker: A `BaseDocumentCompressor` that reranks, or a `BaseCrossEncoder`. Let a compressor keep all documents: what it
            leaves out follows unscored.
        model_id: Its name; None means its class. Give one where scores are cached.
        score_kind: What `metadata["relevance_score"]` is; `ordinal` for a compressor that writes none (`CrossEncoderReranker`),
            so that only its order counts.
        scores_comparable: False where a score depends on the other documents of the call.
        batch_size: Documents of one call; None means all at once.

    Raises:
        InvalidRequestError: Neither method, or a scoring that cannot be.
    """
    name = model_id or type_name(reranker)
    scoring = Scoring(score_kind, scores_comparable, batch_size)
    if callable(getattr(reranker, "compress_documents", None)):
        return ForeignReranker("langchain", name, _Compress(reranker, score_kind == "ordinal"), scoring)
    if callable(getattr(reranker, "score", None)):
        return ForeignReranker("langchain", name, _Score(reranker), scoring)
    raise InvalidRequestError(
        f"reranker of type {type_name(reranker)} has neither compress_documents nor score.",
        hint="Pass a BaseDocumentCompressor or a BaseCrossEncoder.",
    )


def _text(document: Document) -> str:
    text = getattr(document, "page_content", None)
    if not isinstance(text, str):
        raise InvalidRequestError(
            f"A document is of type {type(document).__name__}.",
            hint="Pass Document(page_content=…) for each.",
        )
    return text


def _inputs(query: str, documents: Sequence[Document]) -> dict[str, Any]:
    return {"query": query, "documents": list(documents)}


def _copies(result: RerankResult[Document]) -> list[Document]:
    return [_copy(hit, result.outcome) for hit in result]


def _copy(hit: RankedDocument[Document], outcome: RerankOutcome) -> Document:
    ours = {"relevance_score": hit.score, "rank": hit.rank, OUTCOME_KEY: outcome.to_dict()}
    metadata = {**_copied(hit), **ours}
    if not is_scored(hit):
        metadata["scored"] = False
    return hit.document.model_copy(update={"metadata": metadata})


def _copied(hit: RankedDocument[Document]) -> dict[str, Any]:
    try:
        return deepcopy(hit.document.metadata)
    except Exception as error:
        raise InvalidRequestError(
            f"The metadata of documents[{hit.index}] cannot be copied: {type(error).__name__}.",
            hint="Keep locks, generators and open connections out of metadata.",
        ) from error


@dataclass(frozen=True, slots=True)
class _Compress:
    compressor: Any
    ordinal: bool

    def __call__(self, options: DoRerankOptions) -> list[ScoredIndex]:
        documents = [
            Document(page_content=text, metadata={_INDEX_KEY: index})
            for index, text in enumerate(options.documents)
        ]
        kept = self.compressor.compress_documents(documents, options.query)
        if any(_INDEX_KEY not in document.metadata for document in kept):
            raise InvalidResponseError(
                f"{type_name(self.compressor)} returned a document without metadata[{_INDEX_KEY!r}].",
                hint="One that drops metadata cannot be read.",
            )
        ranked = [
            (document.metadata[_INDEX_KEY], document.metadata.get("relevance_score")) for document in kept
        ]
        return ranking(
            ranked, options.documents, ordinal=self.ordinal, by=self.compressor, maker="from_langchain"
        )


@dataclass(frozen=True, slots=True)
class _Score:
    cross_encoder: Any

    def __call__(self, options: DoRerankOptions) -> list[ScoredIndex]:
        pairs = [(options.query, text) for text in options.documents]
        return one_score_each(self.cross_encoder.score(pairs), options)
