"""PyTerrier: a ranking that is there already goes through `LocalRankTransformer`, which keeps the three that answer."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pyterrier as pt

from localrank.integrations import LocalRankTransformer

NOTES = Path(__file__).parent / "notes"


def read_notes(folder: Path) -> list[dict[str, str]]:
    return [
        {"docno": f"{path.stem}: {' '.join(section.split())[:60]}", "text": " ".join(section.split())}
        for path in sorted(folder.glob("*.md"))
        for section in path.read_text("utf-8").split("\n## ")[1:]
    ]


def first_stage(queries: pd.DataFrame) -> pd.DataFrame:
    """Give every section to every query; `pt.terrier.Retriever(index)` stands here where there is an index, and Java."""
    return queries.merge(pd.DataFrame(read_notes(NOTES)).assign(score=0.0, rank=0), how="cross")


if __name__ == "__main__":
    question = " ".join(sys.argv[1:]) or "How long do I press the button to reset the router?"
    pipeline = pt.apply.generic(first_stage) >> LocalRankTransformer() % 3
    for row in pipeline.search(question).itertuples():
        print(f"{row.score:.2f} {row.docno}")
