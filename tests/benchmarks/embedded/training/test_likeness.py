"""How far a student's token vectors are from a teacher's."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from benchmarks.embedded.teachers.tokens import best_cosines
from benchmarks.embedded.training import likeness
from benchmarks.embedded.training.likeness import TextVectors


def vectors(*counts: int, width: int = 8) -> tuple[list[torch.Tensor], TextVectors]:
    texts = [torch.randn(count, width) for count in counts]
    return texts, TextVectors.padded(texts)


def test_texts_are_padded_with_what_is_no_token() -> None:
    texts, padded = vectors(2, 3)
    assert padded.real.tolist() == [[True, True, False], [True, True, True]]
    assert padded.tokens().equal(torch.cat(texts))


def test_a_vector_that_points_elsewhere_is_far() -> None:
    basis = torch.eye(3)[:, :2]
    goal = torch.tensor([[2.0, 0.0, 0.0]])
    assert likeness.distance(torch.tensor([[2.0, 0.0]]), goal, basis).item() == pytest.approx(0.0, abs=1e-6)
    assert likeness.distance(torch.tensor([[0.0, 2.0]]), goal, basis).item() == pytest.approx(1.0, abs=1e-6)


def test_a_vector_of_another_length_is_far_by_the_square_of_the_logarithm() -> None:
    goal, found = torch.tensor([[2.0, 0.0]]), torch.tensor([[2.0 * torch.e, 0.0]])
    assert likeness.distance(found, goal, torch.eye(2)).item() == pytest.approx(0.5, abs=1e-5)


def test_the_order_is_the_same_in_any_rotation_and_not_with_other_vectors() -> None:
    torch.manual_seed(3)
    _, own = vectors(3, 50, 7, 4)
    rotation = torch.linalg.qr(torch.randn(8, 8))[0]
    turned = TextVectors(own.vectors @ rotation, own.real)
    _, other = vectors(3, 50, 7, 4)
    assert likeness.disorder(own, turned).item() == pytest.approx(0.0, abs=1e-5)
    assert likeness.disorder(own, other).item() > 0.01


def test_what_is_taken_as_a_query_lies_in_its_text() -> None:
    real = torch.tensor([[True] * 3 + [False] * 97, [True] * 100])
    for _ in range(50):
        places, asked = likeness._windows(real)
        assert asked.sum(1).tolist() == [3, 40]
        assert places[0, :3].tolist() == [0, 1, 2]
        assert places[1].diff().tolist() == [1] * 39
        assert places.max() < 100


def test_an_order_is_that_of_the_weighted_best_cosines() -> None:
    torch.manual_seed(3)
    texts, padded = vectors(3, 5, 4)
    queries = torch.tensor([0, 2])
    found = likeness._logits(padded, queries, *likeness._windows(padded.real[queries])).exp()
    scores = [best_cosines(texts[0], texts[other], by_length=True) for other in (1, 2)]
    assert found.shape == (2, 2)
    assert found[0].tolist() == pytest.approx(torch.tensor(scores).mul(25).softmax(0).tolist(), abs=1e-5)
