"""The names people look for: each is `CohereReranker` with its dialect chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from localrank.providers.annotations import check_types
from localrank_cohere.cohere_reranker import DEFAULT_TIMEOUT_S, CohereReranker

if TYPE_CHECKING:
    import httpx2

__all__ = [
    "AlibabaReranker",
    "ContextualReranker",
    "DeepInfraReranker",
    "FireworksReranker",
    "InfinityReranker",
    "IsaacusReranker",
    "JinaReranker",
    "LlamaCppReranker",
    "LocalAIReranker",
    "MixedbreadReranker",
    "NIMReranker",
    "NVIDIAReranker",
    "NovitaReranker",
    "OpenRouterReranker",
    "OpenVINOReranker",
    "PineconeReranker",
    "SGLangReranker",
    "SiliconFlowReranker",
    "TEIReranker",
    "TogetherReranker",
    "VLLMReranker",
    "VercelReranker",
    "VoyageReranker",
    "XinferenceReranker",
    "ZeroEntropyReranker",
]


class _VendorReranker(CohereReranker):
    """A reranker whose class says the dialect. Arguments: see `CohereReranker`."""

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
        check_types(locals(), _VendorReranker.__init__)
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
    """A model of Jina AI, or of a server that speaks its API under no name of its own.

    The key is `JINA_API_KEY` for Jina's own host. Arguments: see `CohereReranker`.
    """

    _dialect = "jina"


class VoyageReranker(_VendorReranker):
    """A model of Voyage AI (`rerank-3`, `rerank-2.5-lite` …).

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


class ZeroEntropyReranker(_VendorReranker):
    """A model of ZeroEntropy (`zerank-2`, `zerank-1-small` …).

    The key is `ZEROENTROPY_API_KEY`. Arguments: see `CohereReranker`.
    """

    _dialect = "zeroentropy"


class ContextualReranker(_VendorReranker):
    """A model of Contextual AI (`ctxl-rerank-v2-instruct-multilingual` …); it reads an instruction.

    The key is `CONTEXTUAL_API_KEY`. Arguments: see `CohereReranker`.
    """

    _dialect = "contextual"


class IsaacusReranker(_VendorReranker):
    """A model for law of Isaacus (`kanon-2-reranker`). The key is `ISAACUS_API_KEY`. Arguments: see `CohereReranker`."""

    _dialect = "isaacus"


class OpenRouterReranker(_VendorReranker):
    """A model behind OpenRouter (`cohere/rerank-4-pro` …), which says what each call cost.

    The key is `OPENROUTER_API_KEY`. Arguments: see `CohereReranker`.
    """

    _dialect = "openrouter"


class VercelReranker(_VendorReranker):
    """A model behind Vercel's AI Gateway (`cohere/rerank-v3.5` …).

    The key is `AI_GATEWAY_API_KEY`. Arguments: see `CohereReranker`.
    """

    _dialect = "vercel"


class TogetherReranker(_VendorReranker):
    """A model that Together AI hosts. The key is `TOGETHER_API_KEY`. Arguments: see `CohereReranker`."""

    _dialect = "together"


class FireworksReranker(_VendorReranker):
    """A model that Fireworks AI hosts (`fireworks/qwen3-reranker-8b` …); it reads an instruction.

    The key is `FIREWORKS_API_KEY`. Arguments: see `CohereReranker`.
    """

    _dialect = "fireworks"


class SiliconFlowReranker(_VendorReranker):
    """A model that SiliconFlow hosts (`Qwen/Qwen3-Reranker-8B` …); Qwen's read an instruction.

    The key is `SILICONFLOW_API_KEY`; for an account in China pass `base_url="https://api.siliconflow.cn"`.
    Arguments: see `CohereReranker`.
    """

    _dialect = "siliconflow"


class NovitaReranker(_VendorReranker):
    """A model that Novita AI hosts (`baai/bge-reranker-v2-m3` …).

    The key is `NOVITA_API_KEY`. Arguments: see `CohereReranker`.
    """

    _dialect = "novita"


class DeepInfraReranker(_VendorReranker):
    """A model that DeepInfra hosts (`Qwen/Qwen3-Reranker-8B` …); it reads an instruction, and the answer says what it cost.

    The key is `DEEPINFRA_API_KEY` or `DEEPINFRA_TOKEN`. Arguments: see `CohereReranker`.
    """

    _dialect = "deepinfra"


class NVIDIAReranker(_VendorReranker):
    """A model that NVIDIA hosts at build.nvidia.com (`nvidia/llama-nemotron-rerank-1b-v2` …); scores are logits.

    The key is `NVIDIA_API_KEY`. For a NIM that you run yourself take `NIMReranker`. Arguments: see `CohereReranker`.
    """

    _dialect = "nvidia"


class AlibabaReranker(_VendorReranker):
    """A model of Alibaba Cloud Model Studio, DashScope by its older name (`qwen3-rerank` …); it reads an instruction.

    The key is `DASHSCOPE_API_KEY`; for an account outside China pass `base_url="https://dashscope-intl.aliyuncs.com"`.
    Arguments: see `CohereReranker`.
    """

    _dialect = "alibaba"


class VLLMReranker(_VendorReranker):
    """A model that a vLLM server serves, at 127.0.0.1:8000 unless `base_url` says otherwise; it reads an instruction.

    Arguments: see `CohereReranker`.
    """

    _dialect = "vllm"


class SGLangReranker(_VendorReranker):
    """A model that an SGLang server serves, at 127.0.0.1:30000 unless `base_url` says otherwise; it reads an instruction.

    Arguments: see `CohereReranker`.
    """

    _dialect = "sglang"


class NIMReranker(_VendorReranker):
    """A model of an NVIDIA NIM that you run, at 127.0.0.1:8000 unless `base_url` says otherwise; scores are logits.

    Arguments: see `CohereReranker`.
    """

    _dialect = "nim"


class InfinityReranker(_VendorReranker):
    """A model that an Infinity server serves, at 127.0.0.1:7997 unless `base_url` says otherwise.

    Arguments: see `CohereReranker`.
    """

    _dialect = "infinity"


class LlamaCppReranker(_VendorReranker):
    """The model that llama.cpp's server serves, at 127.0.0.1:8080 unless `base_url` says otherwise.

    Arguments: see `CohereReranker`.
    """

    _dialect = "llamacpp"


class LocalAIReranker(_VendorReranker):
    """A model that LocalAI serves, at 127.0.0.1:8080 unless `base_url` says otherwise. Arguments: see `CohereReranker`."""

    _dialect = "localai"


class XinferenceReranker(_VendorReranker):
    """A model that Xinference serves, by its uid, at 127.0.0.1:9997 unless `base_url` says otherwise.

    Arguments: see `CohereReranker`.
    """

    _dialect = "xinference"


class OpenVINOReranker(_VendorReranker):
    """A model that OpenVINO Model Server serves, at 127.0.0.1:8000 unless `base_url` says otherwise.

    Arguments: see `CohereReranker`.
    """

    _dialect = "openvino"


class TEIReranker(CohereReranker):
    """The model of a Text Embeddings Inference server, which serves one.

    It takes 32 documents in a request unless started with a larger `--max-client-batch-size`; tell it as
    `max_documents_per_call`. Texts that are too long are cut unless the option `truncation` is False. Further arguments: see
    `CohereReranker`.

    Args:
        base_url: The server's address, as in `http://127.0.0.1:8080`.
        model: A name for results and caches; the server needs none.
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
        check_types(locals(), TEIReranker.__init__)
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
