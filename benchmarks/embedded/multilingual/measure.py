"""How good a multilingual model is: `python -m benchmarks.embedded.multilingual.measure --lists FOLDER --model NAME=MODEL …`.

XQuAD-R (Roy et al. 2020, "LAReQA"): single sentences, of which one holds the answer. `FOLDER` has
`xquadr_LANGUAGE.json.gz`: queries, docs, qrels, and the 50 best of BM25 over letters as `candidates`. Within a language
those are reranked; with `--across` the questions of other languages meet all English sentences. nDCG@10, with 95 %
bootstrap intervals over queries, those of differences paired. The first model is compared with BM25 and with each of the
others.

The score is looked at as a probability too: the expected calibration error over 15 bins of equal count, by language.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import fmean, median

import numpy as np

from benchmarks.common.results import Bar, write
from benchmarks.common.statistics import Interval, paired_difference
from benchmarks.common.tables import markdown_table
from benchmarks.embedded.calibrate import calibration_error
from localrank import rerank_sync
from localrank.evaluation.measures import measured
from localrank_transformers import OnnxReranker

_NDCG = "nDCG@10"
ENGLISH = "en"
_CACHE_MB = 200
_TIMED = 8
"""Queries of a language whose CPU time is compared."""
_LEAST_MEAN = 0.855
_LEAST_ENGLISH = 0.89
_LEAST_ACROSS = {"de": 0.80, "es": 0.82, "zh": 0.72}

Run = Mapping[str, Sequence[tuple[str, float]]]


@dataclass(frozen=True, slots=True)
class Task:
    """Queries with candidates.

    Attributes:
        name: The language; of two, `de → en`.
        queries: Id → text.
        docs: Id → text.
        qrels: Query → document → 1.
        candidates: Query → documents with the first stage's score, the best first; without a first stage all, at 0.
        has_stage: Whether there is one.
    """

    name: str
    queries: Mapping[str, str]
    docs: Mapping[str, str]
    qrels: Mapping[str, Mapping[str, int]]
    candidates: Run
    has_stage: bool = True


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
    parser.add_argument("--lists", type=Path, required=True)
    parser.add_argument("--model", action="append", required=True, metavar="NAME=MODEL")
    parser.add_argument("--languages", default="en,de,es,hi,zh", type=lambda text: text.split(","))
    parser.add_argument("--across", default=[], type=lambda text: text.split(","))
    parser.add_argument("--queries", type=int, help="the first so many of each")
    parser.add_argument("--name", default="multilingual_quality", help="of the files that are written")
    arguments = parser.parse_args()
    tasks = [_within(arguments.lists, one) for one in arguments.languages]
    tasks += [_across(arguments.lists, one) for one in arguments.across]
    tasks = [_first(task, arguments.queries) for task in tasks]
    stages = {task.name: _values(task, task.candidates) for task in tasks if task.has_stage}
    found: dict[str, dict[str, Outcome]] = {}
    for text in arguments.model:
        name, _, model = text.partition("=")
        found[name] = {}
        for task in tasks:
            found[name][task.name] = outcome = _outcome(model, task)
            print(
                f"{name} {task.name}: {fmean(outcome.values):.4f}, ECE {outcome.error:.4f}",
                file=sys.stderr,
                flush=True,
            )
    models = dict(text.split("=", 1) for text in arguments.model)
    times = [[task.name, *_times(models, task)] for task in tasks if task.has_stage]
    parts = [
        _table(tasks, stages, found),
        "Expected calibration error of the score:",
        _errors(tasks, found),
        f"User CPU time of {next(iter(models))} as a multiple of each model's, the median of {_TIMED} queries with their "
        "candidates, each ranked by one model after the other:",
        markdown_table(["", *models], times, left=1),
    ]
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
        "How good the multilingual model is",
        page,
        data,
        bars=_bars(stages, next(iter(found.values()))),
    )
    return 0


def _read(folder: Path, language: str) -> dict[str, Mapping[str, object]]:
    content: dict[str, Mapping[str, object]] = json.loads(
        gzip.decompress((folder / f"xquadr_{language}.json.gz").read_bytes())
    )
    return content


def _within(folder: Path, language: str) -> Task:
    content = _read(folder, language)
    return Task(language, content["queries"], content["docs"], content["qrels"], content["candidates"])  # type: ignore[arg-type]  # as the file has them


def _across(folder: Path, language: str) -> Task:
    """Return the questions of a language over all English sentences; questions have the same ids in all languages."""
    asked, english = _read(folder, language), _within(folder, ENGLISH)
    everything = [(document, 0.0) for document in english.docs]
    queries: Mapping[str, str] = asked["queries"]  # type: ignore[assignment]  # as above
    return Task(
        f"{language} → en",
        queries,
        english.docs,
        {query: english.qrels[query] for query in queries},
        dict.fromkeys(queries, everything),
        has_stage=False,
    )


def _first(task: Task, count: int | None) -> Task:
    queries = dict(islice(task.queries.items(), count))
    candidates = {query: task.candidates[query] for query in queries}
    return replace(
        task, queries=queries, candidates=candidates, qrels={query: task.qrels[query] for query in queries}
    )


def _outcome(model: str, task: Task) -> Outcome:
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
    header = ["nDCG@10", "queries", "candidates", "BM25, letters", first, "more than BM25"]
    for other in others:
        header += [other, f"{first}: more than {other}"]
    return markdown_table(header, rows, left=1)


def _mean(values: Sequence[float]) -> str:
    interval = paired_difference(values, [0.0] * len(values), samples=2_000)
    return f"{interval.mean:.4f} ({interval.low:.3f}–{interval.high:.3f})"


def _change(ours: Sequence[float], theirs: Sequence[float]) -> str:
    interval: Interval = paired_difference(ours, theirs, samples=2_000)
    return f"{interval.mean:+.3f} ({interval.low:+.3f} to {interval.high:+.3f})"


def _errors(tasks: Sequence[Task], found: Mapping[str, Mapping[str, Outcome]]) -> str:
    rows = [
        [task.name, *(f"{outcomes[task.name].error:.4f}" for outcomes in found.values())] for task in tasks
    ]
    return markdown_table(["", *found], rows, left=1)


def _bars(stages: Mapping[str, Sequence[float]], ours: Mapping[str, Outcome]) -> list[Bar]:
    means = {name: fmean(one.values) for name, one in ours.items()}
    bars = []
    others = [means[name] for name in stages if name != ENGLISH]
    if others:
        mean = fmean(others)
        bars.append(
            Bar("mean without English", f"at least {_LEAST_MEAN}", f"{mean:.4f}", mean >= _LEAST_MEAN)
        )
    for name, values in stages.items():
        stage = fmean(values)
        bars.append(
            Bar(f"{name}, not below BM25", f"{stage:.4f}", f"{means[name]:.4f}", means[name] >= stage)
        )
    if ENGLISH in means:
        bars.append(
            Bar(
                "English",
                f"at least {_LEAST_ENGLISH}",
                f"{means[ENGLISH]:.4f}",
                means[ENGLISH] >= _LEAST_ENGLISH,
            )
        )
    for language, least in _LEAST_ACROSS.items():
        name = f"{language} → en"
        if name in means:
            bars.append(Bar(name, f"at least {least}", f"{means[name]:.4f}", means[name] >= least))
    return bars


if __name__ == "__main__":
    raise SystemExit(main())
