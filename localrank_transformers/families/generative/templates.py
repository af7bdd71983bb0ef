"""The prompts of causal rerankers as data: what stands before the document, after it, and which words answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["TEMPLATES", "CausalTemplate"]


@dataclass(frozen=True, slots=True)
class CausalTemplate:
    """One prompt. Each text of `before`, `between` and `after` is tokenized by itself, as its authors do it.

    Attributes:
        before: Texts before the part that holds the query; special tokens in them are read as such.
        query: The part with `{query}`, and `{instruction}` where there is one; special tokens in it are plain text.
        query_alone: The same for a call without an instruction, where that differs.
        between: Texts between it and the document's part.
        document: What the document's part begins with.
        after: Texts after the document.
        positive: The word whose logit counts for the document.
        negative: The word whose logit counts against it; None where the positive one counts alone.
        starts_with_bos: Whether the tokenizer's start token comes first.
        reads_instruction: Whether there is a place for an instruction.
        instruction: What stands there when none is given.
        source: Where the prompt is published.
    """

    before: tuple[str, ...]
    query: str
    between: tuple[str, ...]
    document: str
    after: tuple[str, ...]
    positive: str
    negative: str | None
    source: str
    query_alone: str | None = None
    starts_with_bos: bool = False
    reads_instruction: bool = True
    instruction: str | None = None


_QWEN3 = CausalTemplate(
    before=(
        "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct "
        'provided. Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n',
    ),
    query="<Instruct>: {instruction}\n<Query>: {query}\n<Document>:",
    between=(),
    document=" ",
    after=("<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n",),
    positive="yes",
    negative="no",
    instruction="Given a web search query, retrieve relevant passages that answer the query",
    source="https://huggingface.co/Qwen/Qwen3-Reranker-0.6B",
)

_MXBAI_V2 = CausalTemplate(
    before=(
        "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n"
        "<|im_start|>user\n",
    ),
    query="instruction: {instruction}\nquery: {query}",
    query_alone="query: {query}",
    between=("\n",),
    document="document: ",
    after=(
        "\n",
        "You are a search relevance expert who evaluates how well documents match search queries. For each "
        "query-document pair, carefully analyze the semantic relationship between them, then provide your binary "
        "relevance judgment (0 for not relevant, 1 for relevant).\nRelevance:",
        "<|im_end|>\n<|im_start|>assistant\n",
    ),
    positive="1",
    negative="0",
    source="https://github.com/mixedbread-ai/mxbai-rerank",
)

_BGE_YES = CausalTemplate(
    before=(),
    query="A: {query}",
    between=("\n",),
    document="B: ",
    after=(
        "\n",
        "Given a query A and a passage B, determine whether the passage contains an answer to the query by providing "
        "a prediction of either 'Yes' or 'No'.",
    ),
    positive="Yes",
    negative=None,
    starts_with_bos=True,
    reads_instruction=False,
    source="https://huggingface.co/BAAI/bge-reranker-v2-gemma",
)

TEMPLATES: Mapping[str, CausalTemplate] = MappingProxyType(
    {"qwen3": _QWEN3, "mxbai-v2": _MXBAI_V2, "bge-yes": _BGE_YES}
)
"""By the name that the catalogue and `TorchReranker(template=…)` use."""
