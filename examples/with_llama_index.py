"""LlamaIndex: an in-memory index retrieves twelve sections, `LocalRankPostprocessor` keeps the three that answer."""

from __future__ import annotations

import re
import sys
import zlib
from pathlib import Path

from llama_index.core import VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import NodeWithScore, TextNode

from localrank.integrations import LocalRankPostprocessor

NOTES = Path(__file__).parent / "notes"


class WordCounts(BaseEmbedding):
    """Counts of words in 512 places: an embedding that needs no model, in place of yours."""

    def _get_text_embedding(self, text: str) -> list[float]:
        counts = [0.0] * 512
        for word in re.findall(r"\w+", text.lower()):
            counts[zlib.crc32(word.encode()) % 512] += 1
        return counts

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


def read_notes(folder: Path) -> list[TextNode]:
    return [
        TextNode(text=" ".join(section.split()), metadata={"source": path.stem})
        for path in sorted(folder.glob("*.md"))
        for section in path.read_text("utf-8").split("\n## ")[1:]
    ]


def find(question: str) -> list[NodeWithScore]:
    index = VectorStoreIndex(read_notes(NOTES), embed_model=WordCounts())
    nodes = index.as_retriever(similarity_top_k=12).retrieve(question)
    reranker = LocalRankPostprocessor(top_n=3, keep_retrieval_score=True)
    return list(reranker.postprocess_nodes(nodes, query_str=question))


if __name__ == "__main__":
    for node in find(" ".join(sys.argv[1:]) or "How long do I press the button to reset the router?"):
        print(f"{node.score:.2f} {node.metadata['source']}: {node.text[:60]}")
