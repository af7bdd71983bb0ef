"""The names people look for: each is `CohereReranker` with its dialect chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from localrank_cohere.cohere_reranker import DEFAULT_TIMEOUT_S, CohereReranker

if TYPE_CHECKING:
    import httpx2

__all__ = [
    "JinaReranker",
    "MixedbreadReranker",
    "PineconeReranker",
    "TEIReranker",
    "VLLMReranker",
    "VoyageReranker",
]


class _VendorReranker(CohereReranker):
    """A reranker whose class says the dialect."""

    _dialect: ClassVar[str]

    def __init__(
        self,
        model: str,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float | None = DEFAULT_TIMEOUT_S,
        max_documents_per_call: int | None = None,
        http_client: httpx2.AsyncClient | None = None,
        headers: Mapping[str, str] | None = None,
        fields: Sequence[str] | Literal["all"] | None = None,
    ) -> None:
        super().__init__(
            model,
            api_key=api_key,
            base_url=base_url,
            dialect=self._dialect,
            timeout=timeout,
            max_documents_per_call=max_documents_per_call,
            http_client=http_client,
            headers=headers,
            fields=fields,
        )


class JinaReranker(_VendorReranker):
    """A model of Jina AI, or of a server that speaks its API: Infinity, llama.cpp, Together, LocalAI, Xinference, LiteLLM.

    The key is `JINA_API_KEY` for Jina's own host. Arguments: see `CohereReranker`.
    """

    _dialect = "jina"


class VoyageReranker(_VendorReranker):
    """A model of Voyage AI (`rerank-2.5`, `rerank-2.5-lite` …).

    The key is `VOYAGE_API_KEY`. Texts that are too long are cut unless the option `truncation` is False. Arguments: see
    `CohereReranker`.
    """

    _dialect = "voyage"


class MixedbreadReranker(_VendorReranker):
    """A model of Mixedbread (`mixedbread-ai/mxbai-rerank-large-v2` …).

    The key is `MXBAI_API_KEY`. Arguments: see `CohereReranker`.
    """

    _dialect = "mixedbread"


class PineconeReranker(_VendorReranker):
    """A model that Pinecone hosts (`bge-reranker-v2-m3`, `cohere-rerank-4-fast` …).

    The key is `PINECONE_API_KEY`. Arguments: see `CohereReranker`.
    """

    _dialect = "pinecone"


class TEIReranker(CohereReranker):
    """The model of a Text Embeddings Inference server, which serves one.

    It takes 32 documents in a request unless started with a larger `--max-client-batch-size`; tell it as
    `max_documents_per_call`. Texts that are too long are cut unless the option `truncation` is False. Further arguments: see
    `CohereReranker`.
    """

    def __init__(
        self,
        base_url: str,
        *,
        model: str = "",
        api_key: str | None = None,
        timeout: float | None = DEFAULT_TIMEOUT_S,
        max_documents_per_call: int | None = None,
        http_client: httpx2.AsyncClient | None = None,
        headers: Mapping[str, str] | None = None,
        fields: Sequence[str] | Literal["all"] | None = None,
    ) -> None:
        super().__init__(
            model,
            api_key=api_key,
            base_url=base_url,
            dialect="tei",
            timeout=timeout,
            max_documents_per_call=max_documents_per_call,
            http_client=http_client,
            headers=headers,
            fields=fields,
        )


class VLLMReranker(CohereReranker):
    """A model that a vLLM server serves; it reads an instruction. Arguments: see `CohereReranker`."""

    def __init__(
        self,
        model: str,
        *,
        base_url: str = "http://127.0.0.1:8000",
        api_key: str | None = None,
        timeout: float | None = DEFAULT_TIMEOUT_S,
        max_documents_per_call: int | None = None,
        http_client: httpx2.AsyncClient | None = None,
        headers: Mapping[str, str] | None = None,
        fields: Sequence[str] | Literal["all"] | None = None,
    ) -> None:
        super().__init__(
            model,
            api_key=api_key,
            base_url=base_url,
            dialect="vllm",
            timeout=timeout,
            max_documents_per_call=max_documents_per_call,
            http_client=http_client,
            headers=headers,
            fields=fields,
        )
