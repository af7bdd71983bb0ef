"""Scale and bias of a multilingual model's score: `python -m benchmarks.embedded.multilingual.fit MODEL --passages FILE …`.

They are fitted on two kinds of lists, of which each candidate but one is wrong: headings of passages that only one page of a
language has, with the passages of other pages that are nearest by BM25 over letters; and questions of people from the English
training records, but SQuAD's. Every language has as many lists; one says what the score means in each. The error by language is
that of a fit on the other half of the lists.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.common.results import write
from benchmarks.common.tables import markdown_table
from benchmarks.embedded.measuring.calibrate import Floats, calibration_error, fit_scores
from benchmarks.embedded.multilingual.lists import Labelled, of_headings, of_people
from localrank import rerank_sync
from localrank_transformers import OnnxReranker
from localrank_transformers.training.model.late_folder import read_head, write_head

LISTS = 8
"""Of each language."""
CANDIDATES = 20


@dataclass(frozen=True, slots=True)
class Scored:
    """The logits of a list, and 1 for what is right."""

    language: str
    logits: tuple[float, ...]
    labels: tuple[float, ...]


def main() -> int:
    """Score, fit, measure, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, help="folder that finish wrote; its scale and bias are exchanged")
    parser.add_argument("--passages", type=Path, required=True)
    parser.add_argument("--train", type=Path, required=True, help="records")
    parser.add_argument("--name", default="multilingual_calibration", help="of the files that are written")
    arguments = parser.parse_args()
    lists = [
        *of_people(arguments.train, lists=LISTS, candidates=CANDIDATES, apart=False),
        *of_headings(arguments.passages, lists=LISTS, candidates=CANDIDATES, apart=False),
    ]
    head = read_head(arguments.model)
    write_head(arguments.model, replace(head, scale=1.0, bias=0.0))
    scored = list(_scored(arguments.model, lists))
    fit = fit_scores(*_flat(scored))
    write_head(arguments.model, replace(head, scale=1 / fit.temperature, bias=fit.bias / fit.temperature))
    rows = list(_rows(scored))
    text = (
        f"{len(lists)} lists of up to {CANDIDATES} candidates, one right: headings over passages of each language, and "
        f"questions that people asked in English. Scale {1 / fit.temperature:.2f}, bias {fit.bias / fit.temperature:.2f}, "
        "fitted on all; the error of each row is that of a fit on the other half of all lists.\n\n"
        + markdown_table(
            ["", "lists", "pairs", "expected calibration error", "mean score", "right"], rows, left=1
        )
    )
    write(
        arguments.name,
        "The multilingual model's score as a probability",
        text,
        {"fit": asdict(fit), "rows": rows},
    )
    return 0


def _scored(folder: Path, lists: Sequence[Labelled]) -> Iterator[Scored]:
    begun = time.perf_counter()
    with OnnxReranker(folder, precision="int8") as model:
        for done, one in enumerate(lists, 1):
            ranked = rerank_sync(model, one.query, one.documents)
            yield Scored(
                one.language,
                tuple(float(hit.metadata["logit"]) for hit in ranked),
                tuple(float(hit.index == one.right) for hit in ranked),
            )
            if done % 20 == 0:
                print(
                    f"{done} of {len(lists)} lists, {time.perf_counter() - begun:.0f} s",
                    file=sys.stderr,
                    flush=True,
                )


def _flat(scored: Sequence[Scored]) -> tuple[Floats, Floats]:
    logits = [value for one in scored for value in one.logits]
    labels = [value for one in scored for value in one.labels]
    return np.array(logits), np.array(labels)


def _rows(scored: Sequence[Scored]) -> Iterator[list[str]]:
    """Yield a row of each language and of all, each list judged by a fit on those that it is not among."""
    halves = scored[::2], scored[1::2]
    found = [
        (one.language, fit(np.array(one.logits)), np.array(one.labels))
        for own, other in (halves, halves[::-1])
        for fit in [fit_scores(*_flat(other))]
        for one in own
    ]
    for name in [*dict.fromkeys(one.language for one in scored), "all"]:
        own = [one for one in found if name in (one[0], "all")]
        scores, labels = (np.concatenate([one[at] for one in own]) for at in (1, 2))
        error = calibration_error(scores, labels)
        yield [
            name,
            f"{len(own)}",
            f"{len(scores)}",
            f"{error:.4f}",
            f"{scores.mean():.4f}",
            f"{labels.mean():.4f}",
        ]


if __name__ == "__main__":
    raise SystemExit(main())
