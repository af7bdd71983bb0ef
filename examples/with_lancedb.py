"""LanceDB in a folder: a full-text search finds twelve sections, `LocalRankLanceDBReranker` puts the ones that answer first."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import lancedb
from lancedb.index import FTS

from localrank.integrations import LocalRankLanceDBReranker

NOTES = Path(__file__).parent / "notes"


def read_notes(folder: Path) -> list[dict[str, str]]:
    return [
        {"source": path.stem, "text": " ".join(section.split())}
        for path in sorted(folder.glob("*.md"))
        for section in path.read_text("utf-8").split("\n## ")[1:]
    ]


if __name__ == "__main__":
    question = " ".join(sys.argv[1:]) or "How long do I press the button to reset the router?"
    with tempfile.TemporaryDirectory() as folder:
        table = lancedb.connect(folder).create_table("notes", read_notes(NOTES))
        table.create_index("text", config=FTS(remove_stop_words=False))
        found = table.search(question, query_type="fts").limit(12).rerank(LocalRankLanceDBReranker())
        for row in found.to_list()[:3]:
            print(f"{row['_relevance_score']:.2f} {row['source']}: {row['text'][:60]}")
