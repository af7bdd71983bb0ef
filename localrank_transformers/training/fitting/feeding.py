"""Lists into the trainer: a data set of places, batches of similar length, and a collator that draws documents anew."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from datasets import Dataset
from sentence_transformers.base.sampler import DefaultBatchSampler
from sentence_transformers.cross_encoder.data_collator import CrossEncoderDataCollator

from localrank_transformers.training.data.lists import TrainingList
from localrank_transformers.training.fitting.targets import UNLABELLED, draw, pair_label, target
from localrank_transformers.training.request import TrainSettings

__all__ = ["LengthBatchSampler", "ListCollator", "list_dataset"]

_MEGABATCH = 32
"""Batches that are sorted by length together: enough to save padding, few enough to keep the order random."""


def list_dataset(lists: Sequence[TrainingList]) -> Dataset:
    """Return a data set with each list's place and its length in characters; texts stay in memory, once."""
    lengths = [
        len(example.query) + sum(map(len, example.documents)) // len(example.documents) for example in lists
    ]
    return Dataset.from_dict({"place": list(range(len(lists))), "length": lengths})


class LengthBatchSampler(DefaultBatchSampler):
    """Shuffles, sorts stretches of some batches by length, cuts them into batches, and shuffles those; anew each epoch."""

    def __iter__(self) -> Iterator[list[int]]:
        """Yield places, a batch at a time."""
        lengths = self.sampler["length"]
        dice = random.Random(f"{self.seed} {self.epoch}")  # noqa: S311  # an order, no secret
        order = list(range(len(lengths)))
        dice.shuffle(order)
        stretch = _MEGABATCH * self.batch_size
        batches: list[list[int]] = []
        for start in range(0, len(order), stretch):
            own = sorted(order[start : start + stretch], key=lambda index: lengths[index])
            batches += [own[at : at + self.batch_size] for at in range(0, len(own), self.batch_size)]
        dice.shuffle(batches)
        yield from batches


@dataclass
class ListCollator(CrossEncoderDataCollator):  # sentence-transformers' own is a mutable dataclass
    """Makes a step's texts and targets of places.

    Documents are drawn with Python's own generator, whose state the trainer keeps in its checkpoints.
    """

    lists: Sequence[TrainingList] = ()
    settings: TrainSettings = field(default_factory=TrainSettings)
    largest: float = 1.0

    def __call__(self, features: list[dict[str, Any]]) -> dict[str, Any]:
        """Return queries, documents and labels in the form that the loss takes."""
        drawn = [
            draw(self.lists[row["place"]], self.settings.list_size, random)  # type: ignore[arg-type]
            for row in features
        ]
        if self.settings.loss == "bce":
            return self._pairs(drawn)
        goals = self._grades if self.settings.loss == "lambda" else self._goals
        return {
            "query": [example.query for example in drawn],
            "documents": [list(example.documents) for example in drawn],
            "label": [goals(example) for example in drawn],
        }

    def _goals(self, example: TrainingList) -> torch.Tensor:
        count = len(example.documents)
        labels = (
            [pair_label(label, self.largest) for label in example.labels]
            if example.labels
            else [UNLABELLED] * count
        )
        return torch.tensor(list(zip(target(example, self.settings) or [0.0] * count, labels, strict=True)))

    def _grades(self, example: TrainingList) -> torch.Tensor:
        return torch.tensor(example.labels or [0.0] * len(example.documents))

    def _pairs(self, drawn: Sequence[TrainingList]) -> dict[str, Any]:
        pairs = [
            (example.query, text, pair_label(label, self.largest))
            for example in drawn
            for text, label in zip(example.documents, example.labels or (), strict=False)
        ]
        return {
            "query": [query for query, _, _ in pairs],
            "document": [text for _, text, _ in pairs],
            "label": torch.tensor([label for _, _, label in pairs]),
        }
