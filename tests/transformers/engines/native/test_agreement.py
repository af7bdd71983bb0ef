"""The embedded models' vectors have the recorded bits, whatever processor computes them."""

from __future__ import annotations

import pytest

from localrank_transformers.engines.native.agreement import SUMS, sum_of_bits
from localrank_transformers.engines.native.library import Kernels, usable
from localrank_transformers.models.bundled import bundled_names


def test_every_embedded_model_is_recorded() -> None:
    assert list(SUMS) == bundled_names()


@pytest.mark.parametrize("kernels", usable(), ids=lambda kernels: kernels.name)
@pytest.mark.parametrize("model", bundled_names())
def test_the_bits_are_those_recorded(kernels: Kernels, model: str) -> None:
    assert sum_of_bits(kernels, model) == SUMS[model]
