"""From data files to the lists that are trained and measured on: read, split, mined; kept on disk for a resumed run."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from localrank.contract.errors import InvalidDataError
from localrank_transformers.training.data.development import as_candidates, held_out
from localrank_transformers.training.data.lists import TrainingList
from localrank_transformers.training.data.mining import Retriever, bm25_retriever, collection, with_negatives
from localrank_transformers.training.data.reading import DEVELOPMENT, read_lists
from localrank_transformers.training.data.teacher import taught
from localrank_transformers.training.request import TrainRequest

__all__ = ["Prepared", "prepare", "read_prepared", "write_prepared"]

Prepared = tuple[list[TrainingList], list[TrainingList]]
"""The lists to train, and the lists to measure on."""

DEV_AT_MOST = 100
DEV_DEPTH = 20
_FILES = ("train.jsonl.gz", "dev.jsonl.gz")


def prepare(request: TrainRequest, on_step: Callable[[str], None]) -> Prepared:
    """Return the lists to train and the lists to measure on.

    Raises:
        InvalidDataError: Data that cannot be read, too few queries, or no negatives to be had.
        MissingDependencyError: Mining needs a package that is absent.
    """
    on_step("read")
    train = read_lists(request.data)
    if request.dev:
        dev = read_lists(request.dev, splits=DEVELOPMENT)
    else:
        train, dev = held_out(train, request.dev_share, most=DEV_AT_MOST, seed=request.settings.seed)
    dev = [example for example in dev if example.positives]
    if not dev:
        raise InvalidDataError(
            "No list to measure on has a positive.", hint="Pass --dev with labelled lists."
        )
    if not all(example.has_negatives for example in (*train, *dev)):
        on_step(f"mine negatives ({request.negatives})")
        texts = collection([*train, *dev])
        retriever = _retriever(request.negatives, texts)
        train = with_negatives(train, texts, retriever, request.mining, seed=request.settings.seed)
        dev = as_candidates(dev, texts, retriever, depth=DEV_DEPTH)
    train = [example for example in train if example.has_negatives]
    if request.teacher is not None:
        on_step(f"score {len(train)} lists with {request.teacher}")
        train = taught(request.teacher, train)
    return train, dev


def _retriever(name: str, texts: Sequence[str]) -> Retriever:
    if name == "bm25":
        return bm25_retriever(texts)
    from localrank_transformers.training.data.bi_encoder import bi_encoder_retriever  # noqa: PLC0415  # torch

    return bi_encoder_retriever(name, texts)


def write_prepared(folder: Path, train: Sequence[TrainingList], dev: Sequence[TrainingList]) -> None:
    """Write both parts, so that a resumed run goes on with the same."""
    for name, lists in zip(_FILES, (train, dev), strict=True):
        with gzip.open(folder / name, "wt", encoding="utf-8") as stream:
            for example in lists:
                stream.write(json.dumps(asdict(example), ensure_ascii=False) + "\n")


def read_prepared(folder: Path) -> Prepared:
    """Read what `write_prepared` wrote, in the same order."""
    train, dev = (_read(folder / name) for name in _FILES)
    return train, dev


def _read(path: Path) -> list[TrainingList]:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        return [_from_json(json.loads(line)) for line in stream]


def _from_json(fields: dict[str, object]) -> TrainingList:
    tuples = {key: tuple(value) for key, value in fields.items() if isinstance(value, list)}
    return TrainingList(**fields | tuples)  # type: ignore[arg-type]
