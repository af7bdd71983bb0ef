"""LangChain's compressor over Cohere's client."""

from __future__ import annotations

from asking import Ask, answer_all
from langchain_cohere import CohereRerank
from langchain_core.documents import Document


def compress(ask: Ask) -> list[tuple[int, float]]:
    reranker = CohereRerank(base_url=ask.url, cohere_api_key=ask.key, model=ask.model, top_n=ask.count)
    documents = [Document(page_content=text) for text in ask.documents]
    found = reranker.compress_documents(documents, ask.query)
    return [(ask.place(one.page_content), one.metadata["relevance_score"]) for one in found]


answer_all({"langchain-cohere": compress})
