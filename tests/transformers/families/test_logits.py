"""Logits of every shape a reranker has, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from localrank.contract.errors import InferenceError, ModelLoadError
from localrank_transformers.call.call import score
from localrank_transformers.families.logits import document_logits


def test_one_label_is_the_logit_itself() -> None:
    assert document_logits(np.array([[1.5], [-2.0]], dtype=np.float32)) == [1.5, -2.0]


def test_a_squeezed_output_is_read_too() -> None:
    assert document_logits(np.array([1.5], dtype=np.float32)) == [1.5]


def test_two_labels_give_the_softmax_of_the_positive_one() -> None:
    logits = np.array([[0.3, 1.1]])
    softmax = np.exp(logits[0, 1]) / np.exp(logits[0]).sum()
    assert pytest.approx(softmax) == score(document_logits(logits)[0], "sigmoid")


@pytest.mark.parametrize("shape", [(2, 3), (2, 1, 1), ()])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelLoadError, match="shape"):
        document_logits(np.zeros(shape))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_refused(bad: float) -> None:
    with pytest.raises(InferenceError, match="not finite"):
        document_logits(np.array([[bad]]))
