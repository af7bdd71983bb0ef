"""One more teacher in the scores of lists: which lists, how much it says, and the lists written anew."""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.embedded.teachers.retrievers import Floats, softmax

__all__ = ["SHARPNESS", "add_mixing", "lists_of", "mixed", "mixing_of", "write_mixed"]

SHARPNESS = 25.0
"""Makes the distributions over a list about as peaked as the bi-encoder's cosines times 20."""

_REPORT = 50


def add_mixing(parser: argparse.ArgumentParser, *, teacher: str) -> None:
    """Add the arguments of a script that mixes a teacher into lists; `teacher` says what its folder is."""
    parser.add_argument("--data", type=Path, required=True, help="folder that prepare wrote")
    parser.add_argument("--teacher", type=Path, required=True, help=teacher)
    parser.add_argument("--share", type=float, default=0.5, help="of the teacher in the new distribution")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for the new lists; not that of --data"
    )


def mixing_of(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Return the arguments, or end the script where lists would be lost or mixed wrongly."""
    arguments = parser.parse_args()
    if arguments.out.resolve() == arguments.data.resolve():
        parser.error("--out is the folder of --data, whose scores would be lost.")
    if not 0 <= arguments.share <= 1:
        parser.error(f"--share is {arguments.share}; it must lie between 0 and 1.")
    return arguments


def lists_of(data: Path) -> Iterator[dict[str, Any]]:
    """Yield the training lists of a folder."""
    with gzip.open(data / "train.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def write_mixed(
    arguments: argparse.Namespace,
    cosines: Callable[[str, list[str]], Floats],
    *,
    sharpness: float = SHARPNESS,
) -> None:
    """Write the lists of `--data` to `--out`: the training lists with the teacher in their scores, the others as they are.

    Args:
        arguments: Of `mixing_of`.
        cosines: What the teacher says of a query's documents, in their order.
        sharpness: Of its distribution.
    """
    arguments.out.mkdir(parents=True, exist_ok=True)
    with gzip.open(arguments.out / "train.jsonl.gz", "wt", encoding="utf-8") as written:
        for number, row in enumerate(lists_of(arguments.data), 1):
            known = np.asarray(row["scores"], np.float32)
            scores = mixed(known, cosines(row["query"], row["documents"]), arguments.share, sharpness)
            row["scores"] = [round(float(one), 4) for one in scores]
            written.write(json.dumps(row, ensure_ascii=False) + "\n")
            if number % _REPORT == 0:
                print(f"{number} lists", file=sys.stderr, flush=True)
    (arguments.out / "dev.jsonl.gz").write_bytes((arguments.data / "dev.jsonl.gz").read_bytes())


def mixed(logits: Floats, cosines: Floats, share: float, sharpness: float = SHARPNESS) -> Floats:
    """Return the logarithm of the mean of a list's distribution and, of so much weight, that of the teacher's cosines."""
    found: Floats = np.log((1 - share) * softmax(logits) + share * softmax(cosines * sharpness) + 1e-6)
    return found
