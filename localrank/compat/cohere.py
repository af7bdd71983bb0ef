"""The `rerank` of Cohere's clients over our models, for code that is to run without their service.

After the Cohere SDK 7 (https://docs.cohere.com/reference/rerank): `rerank` of `Client` and `ClientV2`, `client.v2.rerank`, and
the async ones; arguments by keyword, the shape of the answer. The model is the one that the client was made with: the name in
the call is the service's, and is not used.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from localrank.calling.keywords import check_keywords
from localrank.calling.rerank import rerank
from localrank.calling.sync import run_blocking
from localrank.contract.errors import InvalidRequestError, UnknownModelError
from localrank.contract.model import AnyReranker
from localrank.contract.types import RerankResult
from localrank.providers.arguments import check_count
from localrank.providers.registry import DEFAULT_MODEL, resolve

__all__ = ["AsyncCohereClient", "CohereClient", "CohereResponse", "CohereResult"]

_OF_A_CONNECTION = frozenset(
    {
        "api_key",
        "base_url",
        "environment",
        "client_name",
        "timeout",
        "httpx_client",
        "thread_pool_executor",
        "headers",
    }
)
"""Arguments of the SDK's constructors, which lead to the service."""

_KEY = re.compile(r"[A-Za-z0-9_-]{32,}")
"""What may be a key: no name of a model is so long without a dot, a slash or a colon."""

_TAKEN = ("top_n", "return_documents", "rank_fields", "model", "priority", "request_options")

_UNUSED = frozenset({"priority", "request_options"})
"""What changes no score."""

_SERVICE = "The service itself is rerank_sync(CohereReranker(…), …) of localrank_cohere."

_REFUSED = {
    "max_tokens_per_doc": "the model's own window cuts: set max_length on the reranker.",
    "max_chunks_per_doc": "wrap the reranker in Chunked(…).",
    "relevant_spans": "only the service gives spans.",
}
"""What would change the answer and cannot be had in the call, with the way to it."""


@dataclass(frozen=True)
class CohereResult:
    """One document at its place.

    Attributes:
        index: Position in `documents`.
        relevance_score: Its score.
        document: The document, if asked for by `return_documents`: its `text` and what else it held are attributes.
    """

    index: int
    relevance_score: float
    document: Any = None


@dataclass(frozen=True)
class CohereResponse:
    """What a call returns.

    Attributes:
        results: Best first.
        id: A new one for each call.
        meta: `tokens` and `billed_units` as far as they are known, and `warnings`.
    """

    results: list[CohereResult]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    meta: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __iter__(self) -> Any:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, index: int) -> CohereResult:
        return self.results[index]


class _Text:
    """A document as the service returns it."""

    def __init__(self, document: Any) -> None:
        self.__dict__.update(document if isinstance(document, Mapping) else {"text": document})

    def __repr__(self) -> str:
        return f"<document with {', '.join(map(str, self.__dict__))}>"


class CohereClient:
    """Answers `rerank` as `cohere.Client`, `cohere.ClientV2` and their `v2` do.

    Args:
        model: A reranker or one of our names. None means the embedded model.
        others: None: the SDK's own lead to the service.

    Raises:
        UnknownModelError: No such model.
        InvalidRequestError: An argument of the SDK's constructor, such as a key.
    """

    def __init__(self, model: AnyReranker | str | None = None, **others: Any) -> None:
        for name in others:
            if name in _OF_A_CONNECTION:
                raise InvalidRequestError(
                    f"{name} is given, and nothing is sent from here: the model is local.",
                    hint=f"Leave it out. {_SERVICE}",
                )
        check_keywords(type(self).__name__, others, ("model",))
        self.reranker = _resolved(model)

    @property
    def v2(self) -> CohereClient:
        """The same, by the name of its second version."""
        return self

    def rerank(
        self, *, query: str, documents: Sequence[str | Mapping[str, Any]], **others: Any
    ) -> CohereResponse:
        """Return the ranking.

        Args:
            query: The text to rank against.
            documents: Texts, or mappings with a `text`.
            others: `top_n`; `return_documents`; `rank_fields`, the keys of mappings that are read; `model`, `priority` and
                `request_options`, which are not used.

        Raises:
            InvalidRequestError: A bad argument, or one that would change the answer and cannot be had here.
            RerankError: Whatever `rerank` raises.
        """
        call = _Call(self.reranker, query, documents, others)
        return call.answer(run_blocking(call.ranked))


class AsyncCohereClient(CohereClient):
    """The same as `cohere.AsyncClient` and `cohere.AsyncClientV2`, to be awaited."""

    @property
    def v2(self) -> AsyncCohereClient:
        """The same, by the name of its second version."""
        return self

    async def rerank(  # type: ignore[override]  # as in the SDK, where the two are apart
        self, *, query: str, documents: Sequence[str | Mapping[str, Any]], **others: Any
    ) -> CohereResponse:
        """Return the ranking; arguments and errors as for `CohereClient.rerank`."""
        call = _Call(self.reranker, query, documents, others)
        return call.answer(await call.ranked())


def _resolved(model: AnyReranker | str | None) -> AnyReranker:
    try:
        return resolve(DEFAULT_MODEL if model is None else model)
    except UnknownModelError:
        if not isinstance(model, str) or not _KEY.fullmatch(model.strip()):
            raise
    raise UnknownModelError(
        "What was given is the name of no model, and may be a key.",
        hint=f'Leave a key out; CohereClient("localrank-mini") names a model. {_SERVICE}',
    )


class _Call:
    """One call: its arguments checked, asked, and answered in the service's form."""

    def __init__(self, model: AnyReranker, query: str, documents: Any, others: Mapping[str, Any]) -> None:
        given = {name: value for name, value in others.items() if value is not None and name not in _UNUSED}
        given.pop("model", None)
        self._shows = bool(given.pop("return_documents", False))
        fields = given.pop("rank_fields", None)
        if isinstance(fields, str):
            raise InvalidRequestError(f"rank_fields is {fields!r}.", hint=f"Pass a list: [{fields!r}].")
        self._fields = None if fields is None else tuple(fields)
        top_n = check_count("top_n", given.pop("top_n", None))
        for name in given:
            if name in _REFUSED:
                raise InvalidRequestError(
                    f"{name} is given, and the model here is local.", hint=f"Leave it out; {_REFUSED[name]}"
                )
        check_keywords("rerank", given, _TAKEN)
        self.documents = documents
        text = None if self._fields is None else self._read
        self.ranked = partial(rerank, model, query, documents, top_n, text=text)

    def _read(self, document: Any) -> str:
        """Return the fields that are to be read as YAML has them, as the service does."""
        if isinstance(document, str):
            return document
        lines = (f"{name}: {_written(document[name])}" for name in self._fields or () if name in document)
        return "\n".join(lines)

    def answer(self, result: RerankResult[Any]) -> CohereResponse:
        """Return the ranking in the service's form."""
        results = [
            CohereResult(hit.index, hit.score, _Text(hit.document) if self._shows else None) for hit in result
        ]
        usage = result.usage
        meta: dict[str, Any] = {"warnings": [warning.message for warning in result.warnings] or None}
        if usage.input_tokens is not None:
            meta["tokens"] = {"input_tokens": usage.input_tokens, "output_tokens": 0}
        if usage.search_units is not None:
            meta["billed_units"] = {"search_units": usage.search_units}
        return CohereResponse(results, meta=meta)


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
