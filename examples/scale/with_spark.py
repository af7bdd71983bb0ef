"""Spark: `mapInArrow` hands each partition to the function that every engine shares; a Python worker loads the model once."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import SparkSession

from localrank.batches import rerank_batches

ROWS = [
    ("river boats", ["A mill of 1790.", "Boats sail down the river."]),
    ("old mills", ["A mill of 1790.", "Boats sail down the river."]),
]
COLUMNS = "query string, text array<string>"


def rerank(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Rank a partition; a name is resolved once in a process."""
    return rerank_batches(batches, "onnx:localrank-mini")


if __name__ == "__main__":
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # workers of the environment that has the model
    spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    frame = spark.createDataFrame(ROWS, COLUMNS)
    for row in frame.mapInArrow(rerank, f"{COLUMNS}, rank array<int>, score array<double>").collect():
        print(row["query"], row["rank"])
    spark.stop()
