"""LlamaIndex's postprocessors that ask a server."""

from __future__ import annotations

from typing import Any

from asking import Ask, answer_all
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.postprocessor.cohere_rerank import CohereRerank
from llama_index.postprocessor.jinaai_rerank import JinaRerank
from llama_index.postprocessor.tei_rerank import TextEmbeddingInference


def ranked(postprocessor: Any, ask: Ask) -> list[tuple[int, float]]:
    nodes = [NodeWithScore(node=TextNode(text=text), score=0.5) for text in ask.documents]
    found = postprocessor.postprocess_nodes(nodes, query_str=ask.query)
    return [(ask.place(one.node.get_content()), one.score) for one in found]


def cohere(ask: Ask) -> list[tuple[int, float]]:
    return ranked(CohereRerank(api_key=ask.key, base_url=ask.url, model=ask.model, top_n=ask.count), ask)


def jina(ask: Ask) -> list[tuple[int, float]]:
    return ranked(
        JinaRerank(api_key=ask.key, base_url=f"{ask.url}/v1", model=ask.model, top_n=ask.count), ask
    )


def tei(ask: Ask) -> list[tuple[int, float]]:
    return ranked(
        TextEmbeddingInference(base_url=ask.url, auth_token=f"Bearer {ask.key}", top_n=ask.count), ask
    )


answer_all({"llama-index cohere": cohere, "llama-index jina": jina, "llama-index tei": tei})
