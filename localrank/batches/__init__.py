"""Jobs over many queries: tables in, the same rows with rank and score out, in parts that survive an interruption."""

from __future__ import annotations

from localrank.batches.job import BatchJob, BatchProgress, BatchReport, run_batch
from localrank.batches.planned import PlannedJob, plan
from localrank.batches.rows import Columns, Reject
from localrank.batches.tables import rerank_batches

__all__ = [
    "BatchJob",
    "BatchProgress",
    "BatchReport",
    "Columns",
    "PlannedJob",
    "Reject",
    "plan",
    "rerank_batches",
    "run_batch",
]
