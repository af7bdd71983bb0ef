"""The `Reranker`, `Document`, `Result` and `RankedResults` of the library `rerankers` over our models.

After rerankers 0.10 (https://github.com/AnswerDotAI/rerankers): names of models and services, arguments, the shape of the
answer. What only its own code can do (`rankgpt`, `upr`, `monovlm` …) is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn

from localrank.calling.logged import logged
from localrank.calling.rerank import rerank
from localrank.calling.sync import run_blocking
from localrank.contract.errors import InvalidRequestError, UnknownModelError
from localrank.contract.model import AnyReranker, score_kind
from localrank.contract.texts import shortened
from localrank.contract.types import RerankResult
from localrank.providers.registry import DEFAULT_MODEL, make_model, resolve

__all__ = ["Document", "RankedResults", "Reranker", "Result"]

_SERVICES = {
    "cohere": ("cohere", "rerank-english-v3.0", "rerank-multilingual-v3.0"),
    "jina": ("jina", "jina-reranker-v1-base-en", None),
    "voyage": ("voyage", "rerank-lite-1", None),
    "mixedbread.ai": ("mixedbread", "mixedbread-ai/mxbai-rerank-large-v1", None),
    "pinecone": ("pinecone", "pinecone-rerank-v0", None),
    "isaacus": ("isaacus", "kanon-universal-classifier", None),
    "text-embeddings-inference": ("tei", None, "BAAI/bge-reranker-base"),
}
"""A service → our provider, and the models that rerankers takes for English and for other languages."""

_KINDS = {
    "cross-encoder": (
        "onnx",
        "mixedbread-ai/mxbai-rerank-base-v1",
        "corrius/cross-encoder-mmarco-mMiniLMv2-L12-H384-v1",
    ),
    "flashrank": ("onnx", "ms-marco-MiniLM-L-12-v2", None),
    "colbert": ("torch", "colbert-ir/colbertv2.0", None),
    "pylate": ("torch", "lightonai/GTE-ModernColBERT-v1", "lightonai/GTE-ModernColBERT-v1"),
    "t5": ("torch", "unicamp-dl/InRanker-base", "unicamp-dl/mt5-base-mmarco-v2"),
    "mxbaiv2": ("torch", "mixedbread-ai/mxbai-rerank-base-v2", None),
}
"""A kind of local model → our provider, and the same."""

_OWN = (
    "lit5",
    "rankgpt",
    "rankgpt3",
    "rankgpt4",
    "rankllm",
    "llm-layerwise",
    "monovlm",
    "llm-relevance-filter",
    "upr",
)
"""Kinds that only rerankers' own code runs."""

_UNUSED = frozenset({"verbose", "batch_size", "dtype"})
"""Arguments that change no ranking here."""


@dataclass
class Document:
    """A text with an id and metadata.

    Args:
        text: The text.
        doc_id: Its id.
        metadata: Whatever goes along with it.
    """

    text: str
    doc_id: str | int | None = None
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass
class Result:
    """A document at its place; `text`, `doc_id` and the keys of `metadata` are attributes of it too.

    Args:
        document: The document.
        score: Its score; None where the model gives only an order.
        rank: Its place, from 1.
    """

    document: Document
    score: float | None = None
    rank: int | None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "document":
            raise AttributeError(name)
        if hasattr(self.document, name):
            return getattr(self.document, name)
        if name in self.document.metadata:
            return self.document.metadata[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


@dataclass
class RankedResults:
    """A ranking, best first.

    Args:
        results: The results.
        query: What was asked.
        has_scores: Whether results have scores.
    """

    results: list[Result]
    query: str
    has_scores: bool = False

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, index: int) -> Result:
        return self.results[index]

    def results_count(self) -> int:
        """Return how many results there are."""
        return len(self.results)

    def top_k(self, k: int) -> list[Result]:
        """Return the best `k`."""
        return self.results[:k]

    def get_result_by_docid(self, doc_id: int | str) -> Result | None:
        """Return the result of the document with this id, or None."""
        return next((one for one in self.results if one.document.doc_id == doc_id), None)

    def get_score_by_docid(self, doc_id: int | str) -> float | None:
        """Return the score of the document with this id, or None."""
        found = self.get_result_by_docid(doc_id)
        return None if found is None else found.score


class Reranker:
    """Ranks as what `rerankers.Reranker(…)` returns, with one of our models.

    Args:
        model_name: A reranker, one of our names, a hub id, a kind such as `"cross-encoder"`, or a service such as `"cohere"`.
            None means the embedded model.
        lang: `en`, or another language's code, which chooses among a kind's default models.
        model_type: The kind or service, where `model_name` is a model's.
        others: Settings of ours, such as `device` or `api_key`; `verbose`, `batch_size` and `dtype` are not used.

    Raises:
        UnknownModelError: No such model, or a kind that only rerankers has.
        InvalidRequestError: A setting that the model does not have.
    """

    def __init__(
        self,
        model_name: AnyReranker | str | None = None,
        lang: str = "en",
        model_type: str | None = None,
        **others: Any,
    ) -> None:
        settings = {
            name: value for name, value in others.items() if name not in _UNUSED and value is not None
        }
        if model_name is not None and not isinstance(model_name, str):
            if settings:
                raise InvalidRequestError(
                    f"{', '.join(settings)} cannot be set on a reranker that is made already.",
                    hint="Give them to its constructor.",
                )
            self.model = resolve(model_name)
            return
        name = _name(model_name, lang, model_type)
        self.model = make_model(name, settings) if settings else resolve(name)

    def rank(
        self,
        query: str,
        docs: str | Document | Sequence[str | Document],
        doc_ids: Sequence[str | int] | None = None,
        metadata: Sequence[Mapping[str, Any]] | None = None,
    ) -> RankedResults:
        """Return the documents, best first.

        Args:
            query: The text to rank against.
            docs: Texts or documents, or one.
            doc_ids: Their ids; positions from 0 where none are given.
            metadata: What goes along with each.

        Raises:
            InvalidRequestError: Not as many ids or metadata as documents, or a document that is neither text nor `Document`.
            RerankError: Whatever `rerank` raises.
        """
        documents = _documents(docs, doc_ids, metadata)
        return self._ranked(query, run_blocking(partial(rerank, self.model, query, documents)))

    async def rank_async(
        self,
        query: str,
        docs: str | Document | Sequence[str | Document],
        doc_ids: Sequence[str | int] | None = None,
        metadata: Sequence[Mapping[str, Any]] | None = None,
    ) -> RankedResults:
        """Return the documents, best first; arguments and errors as for `rank`."""
        return self._ranked(query, await rerank(self.model, query, _documents(docs, doc_ids, metadata)))

    def score(self, query: str, doc: str) -> float:
        """Return the score of one text."""
        return logged(run_blocking(partial(rerank, self.model, query, [doc])))[0].score

    def as_langchain_compressor(self, k: int = 10) -> NoReturn:
        """Refuse, with the name of LangChain's compressor over our models."""
        raise InvalidRequestError(
            "as_langchain_compressor is rerankers' own.",
            hint=f"Use localrank.integrations.LocalRankCompressor(model=ranker.model, top_n={k}).",
        )

    def _ranked(self, query: str, result: RerankResult[Document]) -> RankedResults:
        has_scores = score_kind(self.model) != "ordinal"
        results = [
            Result(hit.document, hit.score if has_scores else None, hit.rank) for hit in logged(result)
        ]
        return RankedResults(results, query, has_scores)


def _name(model_name: str | None, lang: str, model_type: str | None) -> str:
    if model_name is None and model_type is None:
        return DEFAULT_MODEL
    kind = (
        model_type
        if model_type is not None
        else model_name
        if model_name in {*_SERVICES, *_KINDS, *_OWN}
        else None
    )
    if kind is None:
        return str(model_name)
    if kind not in {*_SERVICES, *_KINDS}:
        raise UnknownModelError(
            f"Models of the kind {shortened(kind)!r} run in rerankers only.",
            hint="Pass from_rerankers(rerankers.Reranker(…)), or a kind of ours: "
            f"{', '.join([*_KINDS, *_SERVICES])}.",
        )
    provider, english, other = {**_SERVICES, **_KINDS}[kind]
    model = model_name if model_name not in {None, kind} else english if lang == "en" else other
    if model is None:
        raise UnknownModelError(
            f"rerankers has no default model of the kind {kind!r} for {shortened(lang)!r}.",
            hint="Pass model_name too.",
        )
    return f"{provider}:{model}"


def _documents(
    docs: str | Document | Sequence[str | Document],
    doc_ids: Sequence[str | int] | None,
    metadata: Sequence[Mapping[str, Any]] | None,
) -> list[Document]:
    is_one = isinstance(docs, (str, Document)) or hasattr(docs, "doc_id")
    given: list[Any] = [docs] if is_one else _listed("docs", docs)
    ids = None if doc_ids is None else _listed("doc_ids", doc_ids)
    more = None if metadata is None else _listed("metadata", metadata)
    for name, values in (("doc_ids", ids), ("metadata", more)):
        if values is not None and len(values) != len(given):
            raise InvalidRequestError(
                f"{name} has {len(values)} entries for {len(given)} documents.", hint="Pass one a document."
            )
    return [
        _document(
            one,
            index,
            None if ids is None else ids[index],
            {} if more is None else more[index],
        )
        for index, one in enumerate(given)
    ]


def _listed(name: str, values: Any) -> list[Any]:
    try:
        return list(values)
    except TypeError:
        raise InvalidRequestError(
            f"{name} is of type {type(values).__name__}.", hint="Pass a list."
        ) from None


def _document(given: Any, index: int, doc_id: str | int | None, metadata: Mapping[str, Any]) -> Document:
    if not isinstance(metadata, Mapping):
        raise InvalidRequestError(
            f"metadata[{index}] is of type {type(metadata).__name__}.", hint="Pass a mapping a document."
        )
    if isinstance(given, str):
        return Document(given, index if doc_id is None else doc_id, dict(metadata))
    text = getattr(given, "text", None)
    if not isinstance(text, str):
        raise InvalidRequestError(
            f"docs[{index}], of type {type(given).__name__}, has no text.",
            hint="Pass texts, or documents with a text.",
        )
    own = getattr(given, "doc_id", None)
    known = doc_id if doc_id is not None else index if own is None else own
    return Document(text, known, {**(getattr(given, "metadata", None) or {}), **metadata})
