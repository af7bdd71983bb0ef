"""Servers that people run themselves."""

from __future__ import annotations

from localrank_cohere.dialects.dialect import Dialect
from localrank_cohere.dialects.options import Option, end_or_none, flag, mapping, one_of, text, whole_number
from localrank_cohere.dialects.pictures import in_a_message, in_data_only, in_parts
from localrank_cohere.dialects.shapes import text_object

__all__ = ["NIM", "ROWS"]

VLLM = Dialect(
    name="vllm",
    provider="vllm",
    source="https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
    path="/v1/rerank",
    listens_at="http://127.0.0.1:8000",
    as_picture=in_a_message,
    instruction="instruction",
    options=(
        Option("max_tokens_per_query", whole_number(0)),
        Option("max_tokens_per_doc", whole_number(0)),
        Option("truncate_prompt_tokens", whole_number(-1)),
        Option("truncation_side", one_of("left", "right")),
        Option("use_activation", flag),
        Option("chat_template_kwargs", mapping),
        Option("priority", whole_number(-(2**31))),
        Option("request_id", text),
        Option("cache_salt", text),
        Option("user", text),
    ),
    needs_model=False,
)

TEI = Dialect(
    name="tei",
    provider="tei",
    source="https://huggingface.github.io/text-embeddings-inference/",
    path="/rerank",
    documents="texts",
    count=None,
    rows=None,
    score="score",
    fixed={"truncate": True},
    options=(
        Option("truncation", flag, "truncate"),
        Option("truncation_direction", one_of("Left", "Right")),
        Option("raw_scores", flag),
    ),
    token_header="x-compute-tokens",  # noqa: S106 - the name of a header
    max_documents=32,
    needs_model=False,
)

SGLANG = Dialect(
    name="sglang",
    provider="sglang",
    source="https://docs.sglang.io; python/sglang/srt/entrypoints/openai/protocol.py",
    path="/v1/rerank",
    rows=None,
    score="score",
    listens_at="http://127.0.0.1:30000",
    fixed={"return_documents": False},
    as_picture=in_parts,
    instruction="instruct",
    needs_model=False,
)

NIM = Dialect(
    name="nim",
    provider="nvidia",
    source="https://docs.nvidia.com/nim/nemo-retriever/reranking/latest/",
    path="/v1/ranking",
    query="query.text",
    documents="passages",
    as_document=text_object,
    count=None,
    rows="rankings",
    score="logit",
    listens_at="http://127.0.0.1:8000",
    fixed={"truncate": "END"},
    as_picture=in_data_only,
    seeing=("-vl-", "nemotron-3.5-rerank"),
    options=(Option("truncation", end_or_none, "truncate"),),
    max_documents=512,
    score_kind="logit",
)

INFINITY = Dialect(
    name="infinity",
    provider="infinity",
    source="https://github.com/michaelfeil/infinity",
    path="/rerank",
    listens_at="http://127.0.0.1:7997",
    fixed={"return_documents": False},
    options=(Option("raw_scores", flag),),
    max_documents=2_048,
    needs_model=False,
)

LLAMA_CPP = Dialect(
    name="llamacpp",
    provider="llamacpp",
    source="https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
    path="/v1/rerank",
    listens_at="http://127.0.0.1:8080",
    needs_model=False,
)

LOCALAI = Dialect(
    name="localai",
    provider="localai",
    source="https://localai.io/features/reranker/",
    path="/v1/rerank",
    listens_at="http://127.0.0.1:8080",
)

XINFERENCE = Dialect(
    name="xinference",
    provider="xinference",
    source="https://inference.readthedocs.io/en/latest/models/model_abilities/rerank.html",
    path="/v1/rerank",
    listens_at="http://127.0.0.1:9997",
    fixed={"return_documents": False},
    options=(Option("max_chunks_per_doc", whole_number(1)), Option("return_len", flag)),
)

OPENVINO = Dialect(
    name="openvino",
    provider="openvino",
    source="https://docs.openvino.ai/2025/model-server/ovms_docs_rest_api_rerank.html",
    path="/v3/rerank",
    listens_at="http://127.0.0.1:8000",
    fixed={"return_documents": False},
)

ROWS = (VLLM, TEI, SGLANG, NIM, INFINITY, LLAMA_CPP, LOCALAI, XINFERENCE, OPENVINO)
"""Limits: TEI takes 32 documents unless started with another `--max-client-batch-size`, Infinity 2,048, and NVIDIA's Nemotron
3.5 Rerank 512."""
