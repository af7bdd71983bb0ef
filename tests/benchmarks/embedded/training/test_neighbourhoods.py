"""Batches of texts that lie close to each other."""

from __future__ import annotations

from itertools import islice

import numpy as np

from benchmarks.embedded.training.neighbourhoods import neighbourhoods


def _directions(count: int) -> np.ndarray:
    angles = np.linspace(0, np.pi / 2, count)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_the_others_are_among_the_nearest() -> None:
    pooled, lengths = _directions(600), np.full(600, 100)
    for places in islice(neighbourhoods(pooled, lengths, size=16, seed=1), 100):
        assert len(set(places.tolist())) == len(places) == 16
        assert np.abs(places - places[0]).max() <= 129


def test_at_most_three_in_ten_of_the_others_are_short_where_there_are_long_ones() -> None:
    pooled, lengths = _directions(600), np.where(np.arange(600) % 3 == 0, 100, 10)
    for places in islice(neighbourhoods(pooled, lengths, size=10, seed=1), 100):
        assert np.count_nonzero(lengths[places[1:]] == 10) == 3


def test_few_texts_are_all_drawn() -> None:
    places = next(neighbourhoods(_directions(5), np.full(5, 10), size=16, seed=1))
    assert sorted(places.tolist()) == [0, 1, 2, 3, 4]


def test_one_seed_gives_one_order() -> None:
    pooled, lengths = _directions(300), np.full(300, 100)
    first, second = (
        [places.tolist() for places in islice(neighbourhoods(pooled, lengths, size=8, seed=3), 70)]
        for _ in range(2)
    )
    assert first == second
