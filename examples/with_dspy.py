"""DSPy: a module retrieves twelve sections and hands on the three that answer; a language model would read them next."""

from __future__ import annotations

import sys
from pathlib import Path

import dspy
import numpy as np

from localrank import rerank_sync

NOTES = Path(__file__).parent / "notes"


class Search(dspy.Module):
    """Retrieve, then rerank: `dspy.ChainOfThought("passages, question -> answer")` takes what it gives."""

    def __init__(self, passages: list[str], model: str = "localrank-mini", k: int = 3) -> None:
        super().__init__()
        self.retrieve = dspy.retrievers.Embeddings(passages, dspy.Embedder(letters), k=12)
        self.model, self.k = model, k

    def forward(self, question: str) -> dspy.Prediction:
        found = self.retrieve(question).passages
        result = rerank_sync(self.model, question, found, self.k)
        return dspy.Prediction(passages=list(result.documents), scores=list(result.scores))


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
    asked = " ".join(sys.argv[1:]) or "How long do I press the button to reset the router?"
    best = Search(read_notes(NOTES))(question=asked)
    for passage, score in zip(best.passages, best.scores, strict=True):
        print(f"{score:.2f} {passage[:60]}")
