"""The development set: lists in the order of their first stage, and how well an order of scores ranks them."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from localrank.contract.errors import InvalidDataError
from localrank_transformers.training.data.lists import TrainingList
from localrank_transformers.training.data.mining import Hits, Retriever

if TYPE_CHECKING:
    from localrank.evaluation.measures import Measured

__all__ = ["METRIC", "as_candidates", "first_stage_scores", "held_out", "measure", "measure_each"]

METRIC = "nDCG@10"

Scores = Sequence[float]


def held_out(
    lists: Sequence[TrainingList], share: float, *, most: int, seed: int
) -> tuple[list[TrainingList], list[TrainingList]]:
    """Split off a development set; queries that share a positive stay on one side.

    Groups of a few queries go first, so that many different answers are measured; larger ones where those do not suffice.

    Returns:
        What is left for training, and the development set: about `share` of the queries, at most `most` where groups are small
        enough, at least one of each.

    Raises:
        InvalidDataError: No list has a positive, or too few lists, or lists that all share one, to take any away.
    """
    if not any(example.positives for example in lists):
        raise InvalidDataError(
            "No document in the data is labelled as relevant, with a label above 0.",
            hint="Label the right documents with 1, or name them as positive.",
        )
    wanted = min(most, max(1, round(len(lists) * share)))
    chosen = _chosen(
        [group for group in _by_positive(lists).values() if lists[group[0]].positives], wanted, seed
    )
    taken = set(chosen)
    rest = [example for index, example in enumerate(lists) if index not in taken]
    if not chosen or not rest:
        raise InvalidDataError(
            f"{len(lists)} {'query is' if len(lists) == 1 else 'queries are'} too few, or share too many answers, to keep a "
            "development set apart.",
            hint="Pass more data, or name other data to measure on with --dev.",
        )
    return rest, [lists[index] for index in sorted(chosen)]


def _chosen(groups: Sequence[list[int]], wanted: int, seed: int) -> list[int]:
    """Return the places of whole groups, drawn with `seed`: as many as fit into `wanted`, or the smallest one."""
    drawn = sorted(groups, key=lambda group: group[0])
    random.Random(seed).shuffle(drawn)  # noqa: S311  # a draw, no secret
    drawn.sort(key=lambda group: len(group) > max(2, wanted // 4))
    chosen: list[int] = []
    for group in drawn:
        if len(chosen) + len(group) <= wanted:
            chosen += group
    return chosen or min(drawn, key=len, default=[])


def _by_positive(lists: Sequence[TrainingList]) -> dict[int, list[int]]:
    """Return groups of places whose lists are linked by a common positive."""
    home = list(range(len(lists)))

    def root(index: int) -> int:
        while home[index] != index:
            home[index] = home[home[index]]
            index = home[index]
        return index

    seen: dict[str, int] = {}
    for index, example in enumerate(lists):
        for text in example.positives or example.documents[:1]:
            home[root(index)] = root(seen.setdefault(text, index))
    groups: dict[int, list[int]] = {}
    for index in range(len(lists)):
        groups.setdefault(root(index), []).append(index)
    return groups


def as_candidates(
    lists: Sequence[TrainingList], texts: Sequence[str], retriever: Retriever, *, depth: int
) -> list[TrainingList]:
    """Return the lists in first-stage order: those with nothing but positives get the best `depth` of `texts` around them.

    A positive that the first stage did not find comes last.
    """
    lacking = [index for index, example in enumerate(lists) if not example.has_negatives]
    retrieved = retriever([lists[index].query for index in lacking], depth)
    ready = list(lists)
    for index, hits in zip(lacking, retrieved, strict=True):
        ready[index] = _around(lists[index], texts, hits)
    return ready


def _around(example: TrainingList, texts: Sequence[str], hits: Hits) -> TrainingList:
    known = dict(zip(example.documents, example.labels or (), strict=False))
    ordered = list(dict.fromkeys([*(texts[index] for index, _ in hits), *example.documents]))
    return replace(example, documents=tuple(ordered), labels=tuple(known.get(text, 0.0) for text in ordered))


def first_stage_scores(lists: Sequence[TrainingList]) -> list[list[float]]:
    """Return the scores of the lists' own order."""
    return [[-float(rank) for rank in range(len(example.documents))] for example in lists]


def measure(lists: Sequence[TrainingList], scores: Sequence[Scores]) -> float:
    """Return the mean nDCG@10 of the lists in the order of `scores`; equal scores are ordered by lot.

    Raises:
        MissingDependencyError: The package ir-measures is absent.
    """
    return _measured(lists, scores).means[METRIC]


def measure_each(lists: Sequence[TrainingList], scores: Sequence[Scores]) -> list[float]:
    """Return nDCG@10 of each list, as `measure` means them.

    Raises:
        MissingDependencyError: The package ir-measures is absent.
    """
    values = _measured(lists, scores).values[METRIC]
    return [values[str(number)] for number in range(len(lists))]


def _measured(lists: Sequence[TrainingList], scores: Sequence[Scores]) -> Measured:
    from localrank.evaluation.measures import measured  # noqa: PLC0415  # only where something is measured
    from localrank.evaluation.ties import shuffled_ties  # noqa: PLC0415

    judgements = {str(number): _grades(example) for number, example in enumerate(lists)}
    rankings = {
        str(number): shuffled_ties(
            str(number),
            sorted(((str(at), score) for at, score in enumerate(own)), key=lambda item: -item[1]),
            name=lambda item: item[0],
            level=lambda item: item[1],
        )
        for number, own in enumerate(scores)
    }
    return measured([METRIC], judgements, rankings)


def _grades(example: TrainingList) -> dict[str, int]:
    return {str(at): math.ceil(label) for at, label in enumerate(example.labels or ())}
