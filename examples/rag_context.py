"""Retrieve, rerank, and make the context for a language model, from a folder of notes."""

from __future__ import annotations

import math
import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from localrank import RerankResult, rerank_sync
from localrank_transformers import OnnxReranker

NOTES = Path(__file__).parent / "notes"
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Passage:
    """A section of a note, and where it stands."""

    source: str
    text: str


def read_passages(folder: Path) -> list[Passage]:
    """Return each section of the folder's Markdown files."""
    passages: list[Passage] = []
    for path in sorted(folder.glob("*.md")):
        for section in path.read_text("utf-8").split("\n## ")[1:]:
            heading, _, text = section.partition("\n")
            passages.append(Passage(f"{path.stem}/{heading}", " ".join(text.split())))
    return passages


def retrieve(query: str, passages: list[Passage], limit: int = 20) -> list[tuple[Passage, float]]:
    """Return the passages that share words with the query, with their BM25 scores (k1 = 1.2, b = 0.75), best first."""
    bags = [Counter(_words(passage.text)) for passage in passages]
    mean = sum(bag.total() for bag in bags) / len(bags)
    holders = Counter(word for bag in bags for word in bag)

    def weight(word: str, bag: Counter[str]) -> float:
        rarity = math.log(1 + (len(bags) - holders[word] + 0.5) / (holders[word] + 0.5))
        return rarity * bag[word] * 2.2 / (bag[word] + 1.2 * (0.25 + 0.75 * bag.total() / mean))

    scored = [
        (passage, sum(weight(word, bag) for word in set(_words(query))))
        for passage, bag in zip(passages, bags, strict=True)
    ]
    found = [pair for pair in scored if pair[1] > 0]
    return sorted(found, key=lambda pair: -pair[1])[:limit]


def find(query: str, model: OnnxReranker, *, top_k: int = 3) -> RerankResult[Passage]:
    """Retrieve many, keep the few that answer."""
    candidates = [passage for passage, _ in retrieve(query, read_passages(NOTES))]
    return rerank_sync(model, query, candidates, top_k=top_k)


def prompt(query: str, hits: RerankResult[Passage]) -> str:
    """Return what a language model is asked: the passages with their numbers, then the question."""
    context = "\n\n".join(f"[{hit.rank}] {hit.document.source}\n{hit.text}" for hit in hits)
    return f"Answer from the passages below and name their numbers.\n\n{context}\n\nQuestion: {query}"


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


if __name__ == "__main__":
    question = " ".join(sys.argv[1:]) or "How long do I press the button to reset the router?"
    print(prompt(question, find(question, OnnxReranker())))
