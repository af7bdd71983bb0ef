"""LangChain: an in-memory store retrieves twelve sections, `LocalRankCompressor` keeps the three that answer."""

from __future__ import annotations

import re
import sys
import zlib
from pathlib import Path

from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore

from localrank.integrations import LocalRankCompressor

NOTES = Path(__file__).parent / "notes"


class WordCounts(Embeddings):
    """Counts of words in 512 places: an embedding that needs no model, in place of yours."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        counts = [0.0] * 512
        for word in re.findall(r"\w+", text.lower()):
            counts[zlib.crc32(word.encode()) % 512] += 1
        return counts


def read_notes(folder: Path) -> list[Document]:
    return [
        Document(page_content=" ".join(section.split()), metadata={"source": path.stem})
        for path in sorted(folder.glob("*.md"))
        for section in path.read_text("utf-8").split("\n## ")[1:]
    ]


def make_retriever() -> ContextualCompressionRetriever:
    store = InMemoryVectorStore(WordCounts())
    store.add_documents(read_notes(NOTES))
    return ContextualCompressionRetriever(
        base_retriever=store.as_retriever(search_kwargs={"k": 12}),
        base_compressor=LocalRankCompressor(top_n=3),
    )


if __name__ == "__main__":
    question = " ".join(sys.argv[1:]) or "How long do I press the button to reset the router?"
    for document in make_retriever().invoke(question):
        score = document.metadata["relevance_score"]
        print(f"{score:.2f} {document.metadata['source']}: {document.page_content[:60]}")
