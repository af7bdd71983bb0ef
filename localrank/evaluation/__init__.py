"""How well models rank your own documents: collections, first stages, measures, reports.

Needs the extra `eval`: `pip install "localrank[eval]"`.
"""

from localrank.evaluation.beir import load_beir
from localrank.evaluation.collection import Collection, sampled
from localrank.evaluation.evaluate import EvaluationProgress, evaluate, evaluate_sync
from localrank.evaluation.first_stage import FirstStage, first_stage_of
from localrank.evaluation.jsonl import load_jsonl
from localrank.evaluation.measures import DEFAULT_MEASURES
from localrank.evaluation.results import Evaluation, Ranking, SystemResult
from localrank.evaluation.trec import load_trec, read_qrels, read_run

__all__ = [
    "DEFAULT_MEASURES",
    "Collection",
    "Evaluation",
    "EvaluationProgress",
    "FirstStage",
    "Ranking",
    "SystemResult",
    "evaluate",
    "evaluate_sync",
    "first_stage_of",
    "load_beir",
    "load_jsonl",
    "load_trec",
    "read_qrels",
    "read_run",
    "sampled",
]
