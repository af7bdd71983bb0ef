"""The soft target that two teachers make."""

from __future__ import annotations

import pytest

np = pytest.importorskip("numpy")

from benchmarks.embedded.teachers.retrievers import mixed_logits, nearest  # noqa: E402


def test_one_teacher_alone_is_its_own_distribution() -> None:
    logits = mixed_logits(np.array([0.50, 0.45], np.float32), None)
    assert np.exp(logits) == pytest.approx([0.7311, 0.2689], abs=1e-3)


def test_what_only_bm25_is_sure_of_keeps_its_share() -> None:
    logits = mixed_logits(np.array([0.9, 0.0], np.float32), np.array([0.0, 60.0], np.float32))
    assert np.exp(logits) == pytest.approx([0.75, 0.25], abs=1e-3)


def test_the_nearest_come_first() -> None:
    rows = np.eye(4, dtype=np.float32)
    found = nearest(np.array([[0.1, 0.9, 0.5, 0.0]], np.float32), rows, 3)
    assert found.places.tolist() == [[1, 2, 0]]
