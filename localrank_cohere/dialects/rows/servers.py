"""Servers that people run themselves."""

from __future__ import annotations

from localrank_cohere.dialects.dialect import Dialect
from localrank_cohere.dialects.options import Option, flag, mapping, one_of, text, whole_number

__all__ = ["ROWS", "TEI", "VLLM"]

VLLM = Dialect(
    name="vllm",
    provider="vllm",
    source="https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
    path="/v1/rerank",
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

ROWS = (VLLM, TEI)
"""Limits: TEI takes 32 documents unless started with another `--max-client-batch-size`."""
