"""Real text from a folder: of collections in the BEIR layout, or of plain text files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Texts", "read_texts"]

_TEXT_SUFFIXES = {".txt", ".md", ".rst"}
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_PARAGRAPH = re.compile(r"\n\s*\n")
_QUERY_WORDS = range(5, 16)


@dataclass(frozen=True, slots=True)
class Texts:
    """What workloads are drawn from: queries and documents."""

    queries: list[str]
    documents: list[str]


def read_texts(folder: Path) -> Texts:
    """Read every collection below `folder`, or, where there is none, the paragraphs of its text files.

    Raises:
        SystemExit: The folder holds neither.
    """
    collections = sorted(path.parent for path in folder.rglob("corpus.jsonl"))
    queries: list[str] = []
    documents: list[str] = []
    for place in collections:
        queries += [record["text"] for record in _json_lines(place / "queries.jsonl")]
        documents += [
            record["text"] for record in _json_lines(place / "corpus.jsonl") if record["text"].strip()
        ]
    if not collections:
        for path in sorted(path for path in folder.rglob("*") if path.suffix in _TEXT_SUFFIXES):
            found = [part.strip() for part in _PARAGRAPH.split(path.read_text(errors="replace"))]
            documents += [part for part in found if part]
        queries = [
            line for text in documents for line in _SENTENCE.split(text) if len(line.split()) in _QUERY_WORDS
        ]
    queries = [query for query in queries if len(query.split()) <= _QUERY_WORDS[-1]]
    if not queries or not documents:
        raise SystemExit(f"{folder} holds no collection in the BEIR layout and no text files with sentences.")
    return Texts(queries, documents)


def _json_lines(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
