"""Haystack: an in-memory store retrieves twelve sections, `LocalRankRanker` keeps the three that answer."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("HAYSTACK_TELEMETRY_ENABLED", "False")  # read at the import

from haystack import Document, Pipeline
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
from haystack.document_stores.in_memory import InMemoryDocumentStore

from localrank.integrations import LocalRankRanker

NOTES = Path(__file__).parent / "notes"


def read_notes(folder: Path) -> list[Document]:
    return [
        Document(content=" ".join(section.split()), meta={"source": path.stem})
        for path in sorted(folder.glob("*.md"))
        for section in path.read_text("utf-8").split("\n## ")[1:]
    ]


def make_pipeline() -> Pipeline:
    store = InMemoryDocumentStore()
    store.write_documents(read_notes(NOTES))
    pipeline = Pipeline()
    pipeline.add_component("retriever", InMemoryBM25Retriever(store, top_k=12))
    pipeline.add_component("ranker", LocalRankRanker(top_k=3))
    pipeline.connect("retriever.documents", "ranker.documents")
    return pipeline


if __name__ == "__main__":
    question = " ".join(sys.argv[1:]) or "How long do I press the button to reset the router?"
    found = make_pipeline().run({"retriever": {"query": question}, "ranker": {"query": question}})
    for document in found["ranker"]["documents"]:
        print(f"{document.score:.2f} {document.meta['source']}: {document.content[:60]}")
