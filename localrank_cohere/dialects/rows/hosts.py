"""Services that host models of others, and gateways to several of them."""

from __future__ import annotations

from dataclasses import replace

from localrank_cohere.dialects.dialect import Dialect
from localrank_cohere.dialects.options import Option, mapping, names, text, whole_number
from localrank_cohere.dialects.pictures import side_by_side
from localrank_cohere.dialects.rows.servers import NIM
from localrank_cohere.dialects.shapes import once_a_document

__all__ = ["ROWS"]

OPENROUTER = Dialect(
    name="openrouter",
    provider="openrouter",
    source="https://openrouter.ai/docs/api/api-reference/rerank/create-rerank",
    path="/api/v1/rerank",
    home="https://openrouter.ai",
    hosts=("openrouter.ai",),
    key_variables=("OPENROUTER_API_KEY",),
    as_picture=side_by_side,
    options=(
        Option("provider", mapping),
        Option("session_id", text),
        Option("trace", mapping),
        Option("user", text),
    ),
)

VERCEL = Dialect(
    name="vercel",
    provider="vercel",
    source="https://vercel.com/docs/ai-gateway/sdks-and-apis/cohere-rerank",
    path="/v2/rerank",
    home="https://ai-gateway.vercel.sh",
    hosts=("ai-gateway.vercel.sh",),
    key_variables=("AI_GATEWAY_API_KEY",),
    options=(
        Option("max_tokens_per_doc", whole_number(1)),
        Option("gateway", mapping, "providerOptions.gateway"),
    ),
    max_documents=1_000,
    score_kind="probability",
)

TOGETHER = Dialect(
    name="together",
    provider="together",
    source="https://docs.together.ai/reference/rerank",
    path="/v1/rerank",
    home="https://api.together.ai",
    hosts=("together.xyz", "together.ai"),
    key_variables=("TOGETHER_API_KEY",),
    fixed={"return_documents": False},
    takes_objects=True,
    object_fields="rank_fields",
    options=(Option("rank_fields", names),),
)

FIREWORKS = Dialect(
    name="fireworks",
    provider="fireworks",
    source="https://docs.fireworks.ai/inference-api-reference/rerank, as langchain-fireworks speaks it",
    path="/inference/v1/rerank",
    rows="data",
    home="https://api.fireworks.ai",
    hosts=("fireworks.ai",),
    key_variables=("FIREWORKS_API_KEY",),
    fixed={"return_documents": False},
    instruction="task",
)

SILICONFLOW = Dialect(
    name="siliconflow",
    provider="siliconflow",
    source="https://docs.siliconflow.com/en/api-reference/rerank/create-rerank",
    path="/v1/rerank",
    home="https://api.siliconflow.com",
    hosts=("siliconflow.com", "siliconflow.cn"),
    key_variables=("SILICONFLOW_API_KEY",),
    fixed={"return_documents": False},
    instruction="instruction",
    options=(
        Option("max_chunks_per_doc", whole_number(1)),
        Option("overlap_tokens", whole_number(0, 80)),
    ),
)

NOVITA = Dialect(
    name="novita",
    provider="novita",
    source="https://novita.ai/docs/api-reference/model-apis-llm-create-rerank",
    path="/openai/v1/rerank",
    home="https://api.novita.ai",
    hosts=("novita.ai",),
    key_variables=("NOVITA_API_KEY",),
)

DEEPINFRA = Dialect(
    name="deepinfra",
    provider="deepinfra",
    source="https://deepinfra.com/Qwen/Qwen3-Reranker-8B/api",
    path="/v1/inference/{model}",
    model=None,
    query="queries",
    as_query=once_a_document,  # the service wants as many queries as documents
    count=None,
    rows="scores",
    index=None,
    home="https://api.deepinfra.com",
    hosts=("deepinfra.com",),
    key_variables=("DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN"),
    instruction="instruction",
    options=(Option("service_tier", text),),
    score_kind="probability",
)


def _nvidia_path(model: str) -> str:
    return model.replace(".", "_")


NVIDIA = replace(
    NIM,
    name="nvidia",
    source="https://docs.api.nvidia.com/nim/reference/retrieval-apis",
    path="/v1/retrieval/{model}/reranking",
    path_model=_nvidia_path,
    home="https://ai.api.nvidia.com",
    listens_at=None,
    hosts=("api.nvidia.com",),
    key_variables=("NVIDIA_API_KEY",),
)

ALIBABA = Dialect(
    name="alibaba",
    provider="alibaba",
    source="https://www.alibabacloud.com/help/en/model-studio/text-rerank-api",
    path="/api/v1/services/rerank/text-rerank/text-rerank",
    query="input.query",
    documents="input.documents",
    count="parameters.top_n",
    rows="output.results",
    home="https://dashscope.aliyuncs.com",
    hosts=("dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com", "maas.aliyuncs.com"),
    key_variables=("DASHSCOPE_API_KEY",),
    fixed={"parameters.return_documents": False},
    instruction="parameters.instruct",
    max_documents=500,
)

ALIBABA_COMPATIBLE = replace(
    ALIBABA,
    name="alibaba-compatible",
    path="/compatible-api/v1/reranks",
    query="query",
    documents="documents",
    count="top_n",
    rows="results",
    fixed={},
    instruction="instruct",
)

ROWS = (
    OPENROUTER,
    VERCEL,
    TOGETHER,
    FIREWORKS,
    SILICONFLOW,
    NOVITA,
    DEEPINFRA,
    NVIDIA,
    ALIBABA,
    ALIBABA_COMPATIBLE,
)
"""Limit: Alibaba takes 500 documents (`qwen3-rerank`, `gte-rerank-v2`)."""
