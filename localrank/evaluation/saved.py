"""Evaluations as JSON: everything that was found, with a summary for people and programs in front."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from localrank.contract.errors import InvalidRequestError
from localrank.evaluation.answers import AnswerFigures
from localrank.evaluation.journal import ranking_of, record_of
from localrank.evaluation.results import Evaluation, SystemResult
from localrank.evaluation.significance import compared, intervals
from localrank.providers.annotations import check_types
from localrank.providers.arguments import check_path
from localrank.providers.files import replace_file

__all__ = ["load_evaluation", "save_evaluation", "summary_of"]

FORMAT = "localrank-evaluation/1"

_WRITTEN_BY = "`localrank evaluate` writes one as results.json."


def save_evaluation(
    evaluation: Evaluation, path: str | Path, *, answers: Sequence[AnswerFigures] = ()
) -> None:
    """Write `evaluation` to a JSON file, whole or not at all.

    First `summary`, `significance` and `answers`, for people and programs; then all that `load_evaluation` reads.

    Document texts are not in it; the texts of the queries are.
    """
    check_types(locals(), save_evaluation, Evaluation=Evaluation)
    record = {
        "format": FORMAT,
        "collection": evaluation.collection,
        "created": evaluation.created,
        "version": evaluation.version,
        "candidates": evaluation.candidates,
        "seed": evaluation.seed,
        "measures": list(evaluation.measures),
        "remarks": list(evaluation.remarks),
        "summary": summary_of(evaluation),
        "significance": [
            {name: getattr(comparison, name) for name in comparison.__slots__}
            for measure in evaluation.measures
            for comparison in compared(evaluation.systems, measure)
        ],
        "answers": [asdict(figures) for figures in answers],
        "queries": dict(evaluation.queries),
        "judgements": {query: dict(grades) for query, grades in evaluation.judgements.items()},
        "systems": [_system_record(system) for system in evaluation.systems],
    }
    replace_file(check_path("path", path), json.dumps(record, ensure_ascii=False, allow_nan=False, indent=1))


def load_evaluation(path: str | Path) -> Evaluation:
    """Read what `save_evaluation` wrote.

    Raises:
        InvalidRequestError: The file cannot be read or is none of ours.
    """
    check_types(locals(), load_evaluation)
    file = check_path("path", path)
    try:
        record = json.loads(file.read_text("utf-8-sig"))
    except OSError as error:
        raise InvalidRequestError(f"{path} cannot be read: {error.strerror}.") from None
    except RecursionError:
        raise InvalidRequestError(f"{path} is no JSON: it is nested too deeply.", hint=_WRITTEN_BY) from None
    except ValueError as error:
        raise InvalidRequestError(f"{path} is no JSON: {error}.", hint=_WRITTEN_BY) from None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise InvalidRequestError(f"{path} is no saved evaluation.", hint=_WRITTEN_BY)
    try:
        return _checked(_evaluation(record))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise InvalidRequestError(
            f"{path} is a damaged evaluation: {type(error).__name__} at {error}.",
            hint="Evaluate again.",
        ) from None


def summary_of(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return one record a system: means with intervals, and what it took."""
    ends = {measure: intervals(evaluation.systems, measure) for measure in evaluation.measures}
    return [
        {
            "name": system.name,
            "kind": system.kind,
            "means": dict(system.means),
            "intervals": {measure: list(ends[measure][system.name]) for measure in evaluation.measures},
            "pairs": system.pairs,
            "pairs_per_second": system.pairs_per_second,
            "median_ms": system.median_ms,
            "p95_ms": system.p95_ms,
            "tokens": system.tokens,
            "dollars": system.dollars,
            "warnings": dict(system.warnings),
            "outcomes": dict(system.outcomes) if system.kind == "model" else {},
        }
        for system in evaluation.systems
    ]


def _system_record(system: SystemResult) -> dict[str, Any]:
    return {
        "name": system.name,
        "kind": system.kind,
        "means": dict(system.means),
        "values": {measure: dict(values) for measure, values in system.values.items()},
        "rankings": {query: record_of(ranking) for query, ranking in system.rankings.items()},
        "score_kind": system.score_kind,
        "scores_comparable": system.scores_comparable,
    }


def _evaluation(record: Mapping[str, Any]) -> Evaluation:
    systems = [_system(system) for system in record["systems"]]
    return Evaluation(
        collection=record["collection"],
        first_stage=systems[0],
        models=tuple(systems[1:]),
        measures=tuple(record["measures"]),
        candidates=record["candidates"],
        queries=record["queries"],
        judgements=record["judgements"],
        seed=record["seed"],
        remarks=tuple(record["remarks"]),
        created=record["created"],
        version=record["version"],
    )


def _system(record: Mapping[str, Any]) -> SystemResult:
    rankings = {query: ranking_of(ranking) for query, ranking in record["rankings"].items()}
    return SystemResult(
        record["name"],
        record["kind"],
        record["means"],
        record["values"],
        rankings,
        record.get("score_kind", "unknown"),
        record.get("scores_comparable", True),
    )


def _checked(evaluation: Evaluation) -> Evaluation:
    """Return `evaluation`; raise where a value is of another type than what is written, or a query lacks one."""
    texts = [
        evaluation.collection,
        *evaluation.measures,
        *(evaluation.queries[query] for query in evaluation.queries),
    ]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a text that is none")
    numbers: list[float] = [
        grade for query in evaluation.queries for grade in evaluation.judgements[query].values()
    ]
    for system in evaluation.systems:
        _ = [system.rankings[query] for query in evaluation.queries]
        numbers += [
            system.values[measure][query] for measure in evaluation.measures for query in evaluation.queries
        ]
    numbers += [] if evaluation.candidates is None else [evaluation.candidates]
    if not all(isinstance(number, int | float) for number in numbers):
        raise TypeError("a number that is none")
    return evaluation
