"""txtai: its `Reranker` pipeline runs an embeddings query and asks a callable of one line, which is any model of localrank."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from txtai import Embeddings
from txtai.pipeline import Reranker

from localrank import rerank_sync

NOTES = Path(__file__).parent / "notes"


def similarity(query: str, texts: list[str]) -> list[tuple[int, float]]:
    """Give (place, score), best first: what txtai's own `Similarity` pipeline gives."""
    return [(hit.index, hit.score) for hit in rerank_sync("localrank-mini", query, texts)]


def letters(texts: list[str]) -> np.ndarray:
    """Counts of letters, in place of an embedding model that would have to be fetched."""
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    return np.array([[text.lower().count(letter) for letter in alphabet] for text in texts], dtype=np.float32)


def read_notes(folder: Path) -> list[str]:
    return [
        f"{path.stem}: {' '.join(section.split())}"
        for path in sorted(folder.glob("*.md"))
        for section in path.read_text("utf-8").split("\n## ")[1:]
    ]


if __name__ == "__main__":
    question = " ".join(sys.argv[1:]) or "How long do I press the button to reset the router?"
    embeddings = Embeddings(method="external", transform=letters, content=True)
    embeddings.index(read_notes(NOTES))
    for found in Reranker(embeddings, similarity)(question, limit=3, factor=4):
        print(f"{found['score']:.2f} {found['text'][:60]}")
