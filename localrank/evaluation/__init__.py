"""How well models rank your own documents: collections, first stages, measures, reports.

Needs the extra `eval`: `pip install "localrank[eval]"`.
"""

from localrank.evaluation.answers import AnswerFigures, BestScores, answer_figures, best_scores
from localrank.evaluation.collection import Collection, sampled
from localrank.evaluation.compare import SavedComparison, compare_evaluations
from localrank.evaluation.evaluate import EvaluationProgress, evaluate, evaluate_sync
from localrank.evaluation.first_stage import FirstStage, first_stage_of
from localrank.evaluation.measures import DEFAULT_MEASURES
from localrank.evaluation.reading import load_beir, load_jsonl, load_trec, read_qrels
from localrank.evaluation.results import Evaluation, Ranking, SystemResult
from localrank.evaluation.run_reading import read_run
from localrank.evaluation.saved import load_evaluation, save_evaluation
from localrank.evaluation.significance import Comparison, compared
from localrank.evaluation.trec_run import write_qrels, write_run
from localrank.evaluation.writing import write_reports

__all__ = [
    "DEFAULT_MEASURES",
    "AnswerFigures",
    "BestScores",
    "Collection",
    "Comparison",
    "Evaluation",
    "EvaluationProgress",
    "FirstStage",
    "Ranking",
    "SavedComparison",
    "SystemResult",
    "answer_figures",
    "best_scores",
    "compare_evaluations",
    "compared",
    "evaluate",
    "evaluate_sync",
    "first_stage_of",
    "load_beir",
    "load_evaluation",
    "load_jsonl",
    "load_trec",
    "read_qrels",
    "read_run",
    "sampled",
    "save_evaluation",
    "write_qrels",
    "write_reports",
    "write_run",
]
