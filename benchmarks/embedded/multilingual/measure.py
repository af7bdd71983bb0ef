"""How good a multilingual model is: `python -m benchmarks.embedded.multilingual.measure --lists FOLDER --model NAME=MODEL …`.

XQuAD-R (Roy et al. 2020, "LAReQA"): single sentences, of which one holds the answer. `FOLDER` has
`xquadr_LANGUAGE.json.gz`: queries, docs, qrels, and the 50 best of BM25 over letters as `candidates`. Within a language
those are reranked; with `--across` the questions of other languages meet all English sentences. nDCG@10, with 95 %
bootstrap intervals over queries, those of differences paired. The first model is compared with BM25 and with each of the
others.

The score is looked at as a probability too: the expected calibration error over 15 bins of equal count, by language.

With `--data` and `--runs` the collections that `--collections` names are reranked too: English, the 50 best of a run. With
`--passages` and `--train` lists that `lists` makes: of headings in each language, of headings over English passages, and of
questions of people. What a model gives on a task is kept in `--kept`, by what its scores depend on and the task, so that a run
that was cut short, or one with another model beside, measures the rest alone.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from statistics import fmean, median

import numpy as np

from benchmarks.common.results import Bar, write
from benchmarks.common.statistics import Interval, paired_difference
from benchmarks.common.tables import markdown_table
from benchmarks.embedded.measuring.calibrate import Floats, calibration_error
from benchmarks.embedded.multilingual.tasks import (
    ENGLISH,
    Kind,
    Run,
    Task,
    across,
    collection,
    first,
    made,
    within,
)
from localrank import rerank_sync
from localrank.evaluation.measures import measured
from localrank_transformers import OnnxReranker

__all__ = ["Outcome", "outcome_of"]

_NDCG = "nDCG@10"
_CACHE_MB = 200
_SEED = 26
_SAMPLES = 2_000
_TIMED = 8
"""Queries of a language whose CPU time is compared."""
_LEAST_MEAN = 0.855
_LEAST_ENGLISH = 0.89
_LEAST_ACROSS = {"de": 0.80, "es": 0.82, "zh": 0.72}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One model on one task.

    Attributes:
        values: nDCG@10 of each query.
        error: The expected calibration error of the scores.
        seconds: CPU time.
        documents: How many were ranked.
    """

    values: tuple[float, ...]
    error: float
    seconds: float
    documents: int


def main() -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lists", type=Path)
    parser.add_argument("--model", action="append", required=True, metavar="NAME=MODEL")
    parser.add_argument("--languages", default=[], type=lambda text: text.split(","))
    parser.add_argument("--across", default=[], type=lambda text: text.split(","))
    parser.add_argument("--queries", type=int, help="the first so many of each language")
    parser.add_argument("--collections", default=[], type=lambda text: text.split(","))
    parser.add_argument("--data", type=Path, help="folder of collections in the BEIR layout")
    parser.add_argument("--runs", type=Path, help="folder of TREC runs, NAME.ANYTHING.run")
    parser.add_argument("--collection-queries", type=int, help="at most so many, spread over each collection")
    parser.add_argument("--passages", type=Path, help="that lists are made of")
    parser.add_argument("--train", type=Path, help="records that lists are made of")
    parser.add_argument("--made", type=int, default=24, help="lists of each language")
    parser.add_argument("--kept", type=Path, help="folder of what was measured before")
    parser.add_argument("--name", default="multilingual_quality", help="of the files that are written")
    parser.add_argument(
        "--least-change",
        type=float,
        default=-0.015,
        help="aimed at on the mean of the collections, to the second model",
    )
    parser.add_argument("--title", default="How good the multilingual model is", help="of the page")
    arguments = parser.parse_args()
    tasks = _tasks(arguments)
    stages = {task.name: _values(task, task.candidates) for task in tasks if task.has_stage}
    found: dict[str, dict[str, Outcome]] = {}
    for text in arguments.model:
        name, _, model = text.partition("=")
        found[name] = {}
        for task in tasks:
            found[name][task.name] = outcome = outcome_of(model, task, arguments.kept)
            print(
                f"{name} {task.name}: {fmean(outcome.values):.4f}, ECE {outcome.error:.4f}, {outcome.seconds:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    models = dict(text.split("=", 1) for text in arguments.model)
    parts = [_table(tasks, stages, found)]
    parts += _of_lists(models, [task for task in tasks if task.kind is not Kind.COLLECTION], found)
    page = "\n\n".join(parts)
    data = {
        "queries": {task.name: len(task.queries) for task in tasks},
        "first_stage": {name: fmean(values) for name, values in stages.items()},
        "models": {
            name: {task: asdict(one) | {"mean": fmean(one.values)} for task, one in outcomes.items()}
            for name, outcomes in found.items()
        },
    }
    write(
        arguments.name,
        arguments.title,
        page,
        data,
        bars=_bars(tasks, stages, found, arguments.least_change),
    )
    return 0


def _tasks(arguments: argparse.Namespace) -> list[Task]:
    tasks = [within(arguments.lists, one) for one in arguments.languages]
    tasks += [across(arguments.lists, one) for one in arguments.across]
    tasks = [first(task, arguments.queries) for task in tasks]
    tasks += [
        collection(arguments.data, arguments.runs, name, arguments.collection_queries)
        for name in arguments.collections
    ]
    if arguments.passages is not None:
        tasks += made(arguments.passages, arguments.train, arguments.made)
    return tasks


def _of_lists(
    models: Mapping[str, str], tasks: Sequence[Task], found: Mapping[str, Mapping[str, Outcome]]
) -> list[str]:
    """Return what is told of languages alone: how far the score is a probability, and what time it takes."""
    if not tasks:
        return []
    parts = ["Expected calibration error of the score:", _errors(tasks, found)]
    timed = [task for task in tasks if task.kind is Kind.SENTENCES]
    if timed:
        parts += [
            f"User CPU time of {next(iter(models))} as a multiple of each model's, the median of {_TIMED} queries with "
            "their candidates, each ranked by one model after the other:",
            markdown_table(["", *models], [[task.name, *_times(models, task)] for task in timed], left=1),
        ]
    return parts


def outcome_of(model: str, task: Task, kept: Path | None) -> Outcome:
    """Return what the model gives on the task: measured now, unless it was before and is kept."""
    if kept is None:
        return _measured(model, task)
    depends = [OnnxReranker(model, precision="int8").fingerprint, task.queries, task.candidates]
    key = hashlib.sha256(json.dumps(depends).encode()).hexdigest()[:24]
    path = kept / f"{key}.json"
    if path.is_file():
        content = json.loads(path.read_text("utf-8"))
        return Outcome(tuple(content.pop("values")), **content)
    outcome = _measured(model, task)
    kept.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(outcome)), "utf-8")
    return outcome


def _measured(model: str, task: Task) -> Outcome:
    run: dict[str, list[tuple[str, float]]] = {}
    scores, labels = [], []
    with OnnxReranker(model, precision="int8", document_cache_mb=_CACHE_MB) as reranker:
        begun = time.process_time()
        for query, candidates in task.candidates.items():
            names = [document for document, _ in candidates]
            result = rerank_sync(reranker, task.queries[query], [task.docs[name] for name in names])
            run[query] = [(names[one.index], one.score) for one in result]
            scores += [score for _, score in run[query]]
            labels += [float(task.qrels[query].get(name, 0) > 0) for name, _ in run[query]]
        seconds = time.process_time() - begun
    error = calibration_error(np.array(scores), np.array(labels))
    return Outcome(tuple(_values(task, run)), error, seconds, len(scores))


def _times(models: Mapping[str, str], task: Task) -> list[str]:
    """Return the first model's CPU time as a multiple of each one's: the median over queries that all rank in turn."""
    ratios: dict[str, list[float]] = {name: [] for name in models}
    rerankers = {name: OnnxReranker(model, precision="int8") for name, model in models.items()}
    for query, candidates in [*islice(task.candidates.items(), 1), *islice(task.candidates.items(), _TIMED)]:
        documents = [task.docs[document] for document, _ in candidates]
        seconds = {}
        for name, reranker in rerankers.items():
            begun = os.times().user
            rerank_sync(reranker, task.queries[query], documents)
            seconds[name] = os.times().user - begun
        for name in models:
            ratios[name].append(seconds[next(iter(models))] / seconds[name])
    return [f"{median(values[1:]):.2f}" for values in ratios.values()]  # the first loaded the models


def _values(task: Task, run: Run) -> list[float]:
    found = measured(
        [_NDCG],
        {query: dict(grades) for query, grades in task.qrels.items()},
        {query: list(one) for query, one in run.items()},
    )
    return [found.values[_NDCG][query] for query in task.queries]


def _table(
    tasks: Sequence[Task], stages: Mapping[str, Sequence[float]], found: Mapping[str, Mapping[str, Outcome]]
) -> str:
    first, *others = found
    rows = []
    for task in tasks:
        ours = found[first][task.name].values
        row = [task.name, str(len(task.queries)), str(max(map(len, task.candidates.values())))]
        stage = stages.get(task.name)
        row += ["—", _mean(ours), "—"] if stage is None else [_mean(stage), _mean(ours), _change(ours, stage)]
        for other in others:
            theirs = found[other][task.name].values
            row += [_mean(theirs), _change(ours, theirs)]
        rows.append(row)
    rows += [row for kind in Kind for row in _mean_row(kind, tasks, stages, found)]
    header = ["nDCG@10", "queries", "candidates", "first stage", first, "more than the first stage"]
    for other in others:
        header += [other, f"{first}: more than {other}"]
    return markdown_table(header, rows, left=1)


def _mean_row(
    kind: Kind,
    tasks: Sequence[Task],
    stages: Mapping[str, Sequence[float]],
    found: Mapping[str, Mapping[str, Outcome]],
) -> list[list[str]]:
    """Return the mean over the tasks of a kind, each counting alike; the interval is of queries drawn within each."""
    names = [task.name for task in tasks if task.kind is kind and task.has_stage]
    if len(names) < 2:
        return []
    first, *others = ([np.array(own[name].values) for name in names] for own in found.values())
    row = [f"mean of {len(names)}: {kind.value}", str(sum(map(len, first))), ""]
    stage = [np.array(stages[name]) for name in names]
    row += [f"{_of_means(stage):.4f}", f"{_of_means(first):.4f}", _change_of_means(first, stage)]
    for other in others:
        row += [f"{_of_means(other):.4f}", _change_of_means(first, other)]
    return [row]


def _of_means(parts: Sequence[Floats]) -> float:
    return fmean(float(part.mean()) for part in parts)


def _change_of_means(ours: Sequence[Floats], theirs: Sequence[Floats]) -> str:
    dice = np.random.default_rng(_SEED)
    changes = [left - right for left, right in zip(ours, theirs, strict=True)]
    drawn = [
        fmean(float(dice.choice(change, len(change)).mean()) for change in changes) for _ in range(_SAMPLES)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return f"{_of_means(changes):+.3f} ({low:+.3f} to {high:+.3f})"


def _mean(values: Sequence[float]) -> str:
    interval = paired_difference(values, [0.0] * len(values), samples=_SAMPLES)
    return f"{interval.mean:.4f} ({interval.low:.3f}–{interval.high:.3f})"


def _change(ours: Sequence[float], theirs: Sequence[float]) -> str:
    interval: Interval = paired_difference(ours, theirs, samples=_SAMPLES)
    return f"{interval.mean:+.3f} ({interval.low:+.3f} to {interval.high:+.3f})"


def _errors(tasks: Sequence[Task], found: Mapping[str, Mapping[str, Outcome]]) -> str:
    rows = [
        [task.name, *(f"{outcomes[task.name].error:.4f}" for outcomes in found.values())] for task in tasks
    ]
    return markdown_table(["", *found], rows, left=1)


def _bars(
    tasks: Sequence[Task],
    stages: Mapping[str, Sequence[float]],
    found: Mapping[str, Mapping[str, Outcome]],
    least_change: float,
) -> list[Bar]:
    ours, *others = found.values()
    means = {name: fmean(one.values) for name, one in ours.items()}
    sentences = [task.name for task in tasks if task.kind is Kind.SENTENCES]
    collections = [task.name for task in tasks if task.kind is Kind.COLLECTION]
    bars = []
    foreign = [means[name] for name in sentences if name != ENGLISH]
    if foreign:
        bars.append(_at_least("mean without English", _LEAST_MEAN, fmean(foreign)))
    ranked = [task.name for task in tasks if task.has_stage and task.kind is not Kind.COLLECTION]
    bars += [_at_least(f"{name}, not below BM25", fmean(stages[name]), means[name]) for name in ranked]
    if ENGLISH in sentences:
        bars.append(_at_least("English", _LEAST_ENGLISH, means[ENGLISH]))
    for language, least in _LEAST_ACROSS.items():
        name = f"{language} → en"
        if name in means:
            bars.append(_at_least(name, least, means[name]))
    if collections and others:
        changes = [fmean(ours[name].values) - fmean(others[0][name].values) for name in collections]
        bars.append(_at_least("mean change on the English collections", least_change, fmean(changes)))
    return bars


def _at_least(name: str, least: float, value: float) -> Bar:
    return Bar(name, f"at least {least:.4g}", f"{value:.4f}", value >= least)


if __name__ == "__main__":
    raise SystemExit(main())
