"""No text of an evaluation collection in training: 13 words in a row in common, or a whole shorter query, are a hit.

`python -m benchmarks.embedded.records.overlap --eval EVAL lists.jsonl.gz …` counts the hits in written lists; it must
find none. 13 words is the length that Brown et al. 2020 ("Language Models are Few-Shot Learners", appendix C) use for the same
purpose.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from benchmarks.embedded.records.reading import Record
from localrank.evaluation import load_beir

__all__ = ["HELD_OUT", "WORDS", "EvaluationTexts", "protected_texts", "unprotected"]

HELD_OUT = (
    "Doctor_Who",
    "Economic_inequality",
    "Immune_system",
    "Nikola_Tesla",
    "Packet_switching",
    "Warsaw",
)
"""The SQuAD articles that are an evaluation collection."""

WORDS = 13
_WORD = re.compile(r"[^\W_]+")


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _runs(words: list[str]) -> Iterator[int]:
    for start in range(len(words) - WORDS + 1):
        yield hash(tuple(words[start : start + WORDS]))


class EvaluationTexts:
    """The texts that training must not hold.

    Args:
        queries: Also compared as a whole, however short.
        documents: Compared by runs of 13 words.
    """

    def __init__(self, queries: Iterable[str], documents: Iterable[str]) -> None:
        self._runs: set[int] = set()
        self._short: set[tuple[str, ...]] = set()
        for text in queries:
            words = _words(text)
            self._short.add(tuple(words))
            self._runs.update(_runs(words))
        for text in documents:
            self._runs.update(_runs(_words(text)))

    def holds(self, text: str) -> bool:
        """Whether `text` shares 13 words in a row with a protected text, or is a protected query."""
        words = _words(text)
        return tuple(words) in self._short or any(run in self._runs for run in _runs(words))


def protected_texts(folder: Path) -> EvaluationTexts:
    """Return every query of the collections in `folder`, and every document judged relevant there."""
    queries: list[str] = []
    documents: list[str] = []
    for place in sorted(path.parent for path in folder.glob("*/corpus.jsonl")):
        collection = load_beir(place)
        queries += collection.queries.values()
        relevant = {
            document
            for grades in collection.judgements.values()
            for document, grade in grades.items()
            if grade > 0 and document in collection.documents
        }
        documents += [collection.documents[document] for document in relevant]
    return EvaluationTexts(queries, documents)


def unprotected(records: Sequence[Record], protected: EvaluationTexts) -> list[Record]:
    """Return the records of which neither text is of an evaluation."""
    hits = {
        text for text in {t for one in records for t in (one.query, one.passage)} if protected.holds(text)
    }
    kept = [one for one in records if one.query not in hits and one.passage not in hits]
    print(f"{len(records) - len(kept)} of {len(records)} records overlap", file=sys.stderr, flush=True)
    return kept


def main() -> int:
    """Count the hits in written lists."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lists", type=Path, nargs="+")
    parser.add_argument("--eval", type=Path, required=True, help="folder of collections in the BEIR layout")
    arguments = parser.parse_args()
    protected = protected_texts(arguments.eval)
    texts: set[str] = set()
    for path in arguments.lists:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                texts.update([row["query"], *row["documents"]])
    hits = sum(protected.holds(text) for text in texts)
    print(f"{len(texts)} different texts, {hits} share {WORDS} words in a row with an evaluation text.")
    return 1 if hits else 0


if __name__ == "__main__":
    raise SystemExit(main())
