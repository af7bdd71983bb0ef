"""The small collection in the layouts that data sets of the hub have, as `datasets` writes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.small_collection import DOCUMENTS, JUDGEMENTS, QUERIES, RUN


def write_hub_folder(
    folder: Path, *splits: str, ending: str = ".parquet", candidates: Sequence[str] = ("bm25",)
) -> Path:
    """Write corpus, queries, qrels (no grade, as NanoBEIR's) and candidates, one file of each a split; return `folder`."""
    for split in splits or ("train",):
        parts: dict[str, list[dict[str, Any]]] = {
            "corpus": [{"_id": key, "text": text} for key, text in DOCUMENTS.items()],
            "queries": [{"_id": key, "text": text} for key, text in QUERIES.items()],
            "qrels": [
                {"query-id": query, "corpus-id": document}
                for query, grades in JUDGEMENTS.items()
                for document, grade in grades.items()
                if grade > 0
            ],
            **{
                name: [
                    {"query-id": query, "corpus-ids": [document for document, _ in ranking]}
                    for query, ranking in RUN.items()
                ]
                for name in candidates
            },
        }
        for name, rows in parts.items():
            write_rows(folder / name / f"{split}-00000-of-00001{ending}", rows)
    return folder


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Write Parquet or JSON Lines, by the name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(list(rows)), path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path
