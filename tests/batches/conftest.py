"""What tests of jobs share: rows of several queries, as a file of each kind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localrank.batches.files.packed import opened, packed, packing_of

Row = dict[str, Any]
WriteRows = Callable[[str, list[Row]], Path]


def some_rows(queries: int = 12, documents: int = 5) -> list[Row]:
    return [
        {"id": f"{query}-{number}", "query": f"query {query}", "text": "query " * number + f"{query} é"}
        for query in range(queries)
        for number in range(documents)
    ]


def some_lists(queries: int = 12) -> list[Row]:
    return [
        {
            "id": query,
            "query": f"query {query}",
            "text": ["query " * number + "é" for number in range(5)],
        }
        for query in range(queries)
    ]


@pytest.fixture
def write(tmp_path: Path) -> WriteRows:
    """Write rows into a file of the kind that its name tells."""

    def write_rows(name: str, rows: list[Row]) -> Path:
        path = tmp_path / name
        lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
        if name.endswith(".parquet"):
            arrow = pytest.importorskip("pyarrow")
            parquet = pytest.importorskip("pyarrow.parquet")
            parquet.write_table(arrow.Table.from_pylist(rows), path, row_group_size=7)
        else:
            path.write_bytes(packed(lines, packing_of(path)))
        return path

    return write_rows


def written(folder: Path) -> list[Row]:
    """Return the rows of all parts, in their order."""
    rows: list[Row] = []
    for path in sorted(folder.glob("part-*")):
        if path.suffix == ".parquet":
            rows += pytest.importorskip("pyarrow.parquet").read_table(path).to_pylist()
        else:
            with opened(path) as file:
                rows += map(json.loads, file)
    return rows


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder with its bytes."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}
