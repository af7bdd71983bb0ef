"""A collection of ten short texts with graded judgements, in memory and in the layouts that people have."""

from __future__ import annotations

import json
from pathlib import Path

from localrank.evaluation import Collection

QUERIES = {
    "q1": "reset the router",
    "q2": "what do pandas eat",
    "q3": "ferry to the island",
    "q4": "invoice overdue",
    "q5": "blue whale size",
}

DOCUMENTS = {
    "d1": "Hold the red button for ten seconds to reset the router.",
    "d2": "The router stands in the hall.",
    "d3": "The giant panda eats almost nothing but bamboo.",
    "d4": "Pandas live in China, where the bamboo grows.",
    "d5": "The ferry leaves for the island at noon.",
    "d6": "Nobody lives on the island.",
    "d7": "An invoice is overdue after thirty days.",
    "d8": "We send an invoice on the first working day.",
    "d9": "A blue whale is thirty metres long.",
    "d10": "Whales are mammals, and what they eat is krill.",
}

JUDGEMENTS = {
    "q1": {"d1": 2, "d2": 1},
    "q2": {"d3": 2, "d4": 1, "d10": 0},
    "q3": {"d5": 1, "d6": 0},
    "q4": {"d7": 2, "d8": 1},
    "q5": {"d9": 1},
}

RUN = {
    "q1": [("d2", 3.0), ("d1", 2.0), ("d5", 1.0)],
    "q2": [("d4", 3.0), ("d10", 2.0), ("d3", 1.0), ("d2", 0.5)],
    "q3": [("d6", 3.0), ("d5", 2.0)],
    "q4": [("d8", 3.0), ("d7", 2.0), ("d9", 1.0)],
    "q5": [("d10", 3.0), ("d9", 2.0), ("d1", 1.0)],
}
"""A first stage that puts something else before the best document of each query."""


def small_collection() -> Collection:
    """Return the collection."""
    return Collection("small", QUERIES, DOCUMENTS, JUDGEMENTS)


def write_beir(folder: Path) -> Path:
    """Write it in the BEIR layout; the first word of each document is its title."""
    (folder / "qrels").mkdir(parents=True)
    documents = (
        {"_id": key, "title": text.split()[0], "text": text.partition(" ")[2]}
        for key, text in DOCUMENTS.items()
    )
    queries = ({"_id": key, "text": text} for key, text in QUERIES.items())
    for name, records in (("corpus", documents), ("queries", queries)):
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (folder / f"{name}.jsonl").write_text(lines, "utf-8")
    rows = [
        f"{query}\t{document}\t{grade}\n"
        for query, of in JUDGEMENTS.items()
        for document, grade in of.items()
    ]
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(rows), "utf-8")
    return folder


def write_first_stage(path: Path) -> Path:
    """Write the run as TREC has it."""
    lines = [
        f"{query} Q0 {document} {rank} {score} first\n"
        for query, ranking in RUN.items()
        for rank, (document, score) in enumerate(ranking, 1)
    ]
    path.write_text("".join(lines), "utf-8")
    return path
