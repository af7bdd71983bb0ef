"""Ray Data: a file of queries with lists of candidates, ranked by actors that hold the model, and written as Parquet."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import ray
import ray.data

from localrank.integrations.ray import rerank_dataset

ROWS = [
    {"query": "river boats", "text": ["A mill of 1790.", "Boats sail down the river."]},
    {"query": "old mills", "text": ["A mill of 1790.", "Boats sail down the river."]},
    {"query": None, "text": ["A row without a query is kept, with the reason why it has no rank."]},
]

if __name__ == "__main__":
    folder = Path(tempfile.mkdtemp())
    source = sys.argv[1] if len(sys.argv) > 1 else str(folder / "in.parquet")
    if len(sys.argv) < 2:
        pq.write_table(pa.Table.from_pylist(ROWS), source)
    ray.init("local", include_dashboard=False, logging_level="ERROR")
    ray.data.DataContext.get_current().enable_progress_bars = False
    ranked = rerank_dataset(ray.data.read_parquet(source), "onnx:localrank-mini")
    ranked.write_parquet(str(folder / "out"))
    for row in pq.read_table(folder / "out").to_pylist():
        print(row["query"], row["rank"], row["reject"])
    ray.shutdown()
