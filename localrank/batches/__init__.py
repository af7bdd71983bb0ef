"""Jobs over many queries: tables in, the same rows with rank and score out, in parts that survive an interruption."""

from __future__ import annotations

from localrank.batches.columns import Columns
from localrank.batches.files.texts import CollectionFiles
from localrank.batches.job import BatchJob
from localrank.batches.planned import PlannedJob, plan
from localrank.batches.rows import Reject
from localrank.batches.running import BatchProgress, BatchReport, run_batch
from localrank.batches.tables import ranked_schema, rerank_batches

__all__ = [
    "BatchJob",
    "BatchProgress",
    "BatchReport",
    "CollectionFiles",
    "Columns",
    "PlannedJob",
    "Reject",
    "plan",
    "ranked_schema",
    "rerank_batches",
    "run_batch",
]
