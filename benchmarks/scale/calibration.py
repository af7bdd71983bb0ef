"""What one core takes for a query and for a token, in a process with one thread: `python -m benchmarks.scale.calibration`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from statistics import fmean, median

from benchmarks.common.own import Own, parser
from benchmarks.scale.simulation import Cost
from benchmarks.speed.workloads import DocumentSet
from localrank import rerank_sync
from localrank.providers.cores import limit_cores
from localrank_transformers import OnnxReranker

__all__ = ["KINDS", "measured", "tokens_of"]

KINDS = ("int8", "known", "float32")
"""The embedded model, the same where every document is known, and a folder's float32 graph."""

FEW, MANY = 2, 40
SETS = 4


def tokens_of(documents: DocumentSet, query_tokens: int) -> int:
    """Return the tokens of the documents alone."""
    return sum(tokens - query_tokens - 3 for tokens in documents.pair_tokens)


def measured(kind: str, data: Path, processes: int, seconds: float, model: Path | None = None) -> Cost:
    """Return the cost on a core while `processes` of one thread each compute at once."""
    command = [sys.executable, "-m", "benchmarks.scale.calibration", "--data", str(data), "--kind", kind]
    command += ["--seconds", str(seconds), *(["--model", str(model)] if model else [])]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    answers = [json.loads(process.communicate()[0].splitlines()[-1]) for process in running]
    return Cost(*(fmean(answer[name] for answer in answers) for name in ("list_s", "token_s")))


def main() -> None:
    """Measure in this process, and print the cost as JSON."""
    options = parser(__doc__)
    options.add_argument("--kind", choices=KINDS, required=True)
    options.add_argument("--seconds", type=float, default=10.0)
    arguments = options.parse_args()
    limit_cores(1)
    print(json.dumps(asdict(_cost(arguments, arguments.kind, arguments.seconds))))


def _cost(arguments: argparse.Namespace, kind: str, seconds: float) -> Cost:
    own = Own(arguments)
    if kind == "float32":
        model = OnnxReranker(arguments.model, precision="fp32")
    else:
        model = OnnxReranker(document_cache_mb=256 if kind == "known" else None)
    few = [own.documents("mixed", FEW, number) for number in range(SETS)]
    many = [own.documents("mixed", MANY, number) for number in range(SETS)]
    tokens = [[tokens_of(one, len(own.spans(one.query))) for one in some] for some in (few, many)]
    for one in [few[0], many[0]] if kind != "known" else [*few, *many]:
        _seconds(model, one)
    taken: tuple[list[list[float]], list[list[float]]] = ([[] for _ in few], [[] for _ in many])
    end, number = time.perf_counter() + seconds, 0
    while time.perf_counter() < end or number < SETS:
        place = number % SETS
        taken[0][place].append(_seconds(model, few[place]))
        taken[1][place].append(_seconds(model, many[place]))
        number += 1
    short, long = (fmean(median(times) for times in some) for some in taken)
    token_s = (long - short) / (fmean(tokens[1]) - fmean(tokens[0]))
    return Cost(max(0.0, short - token_s * fmean(tokens[0])), token_s)


def _seconds(model: OnnxReranker, documents: DocumentSet) -> float:
    began = time.perf_counter()
    rerank_sync(model, documents.query, documents.documents)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
