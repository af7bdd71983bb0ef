"""Agno: a knowledge base over LanceDB asks a reranker of eight lines, which is any model of localrank."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("LANCEDB_LOG", "error")  # read at the import

from agno.knowledge.document import Document
from agno.knowledge.embedder.base import Embedder
from agno.knowledge.knowledge import Knowledge
from agno.knowledge.reranker.base import Reranker
from agno.vectordb.lancedb import LanceDb

from localrank import rerank_sync

NOTES = Path(__file__).parent / "notes"


class LocalRank(Reranker):
    """Any model of localrank; the documents' `content` is found by itself."""

    model: str = "localrank-mini"

    def rerank(self, query: str, documents: list[Document], limit: int | None = None) -> list[Document]:
        result = rerank_sync(self.model, query, documents, limit)
        for hit in result:
            hit.document.reranking_score = hit.score
        return [hit.document for hit in result]


class SharedLetters(Embedder):
    """Counts of letters, in place of an embedding model that would have to be fetched."""

    def get_embedding(self, text: str) -> list[float]:
        return [float(text.lower().count(chr(letter))) for letter in range(ord("a"), ord("z") + 1)]

    def get_embedding_and_usage(self, text: str) -> tuple[list[float], dict[str, Any] | None]:
        return self.get_embedding(text), None


def read_notes(folder: Path) -> list[Document]:
    return [
        Document(content=" ".join(section.split()), name=path.stem, id=f"{path.stem}-{number}")
        for path in sorted(folder.glob("*.md"))
        for number, section in enumerate(path.read_text("utf-8").split("\n## ")[1:])
    ]


if __name__ == "__main__":
    logging.getLogger("agno").setLevel(logging.WARNING)
    question = " ".join(sys.argv[1:]) or "How long do I press the button to reset the router?"
    with tempfile.TemporaryDirectory() as folder:
        store = LanceDb(uri=folder, table_name="notes", embedder=SharedLetters(dimensions=26))
        store.create()
        store.insert("notes", read_notes(NOTES))
        for document in Knowledge(vector_db=store, reranker=LocalRank()).search(question, max_results=3):
            print(f"{document.reranking_score:.2f} {document.name}: {document.content[:60]}")
