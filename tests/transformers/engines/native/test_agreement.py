"""The embedded models' vectors have the recorded bits, whatever processor computes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from localrank_transformers.engines.native.agreement import SUMS, recorded, sum_of_bits
from localrank_transformers.engines.native.library import Kernels, usable
from localrank_transformers.models.bundled import bundled_names
from tests.support.separate_package import PACKAGE, installed


def test_every_embedded_model_is_recorded() -> None:
    assert list(SUMS) == bundled_names()


@pytest.mark.parametrize("kernels", usable(), ids=lambda kernels: kernels.name)
@pytest.mark.parametrize("model", bundled_names())
def test_the_bits_are_those_recorded(kernels: Kernels, model: str) -> None:
    assert sum_of_bits(kernels, model) == SUMS[model]


@pytest.mark.skipif(not PACKAGE.is_dir(), reason="the package's folder is of a checkout")
@pytest.mark.parametrize("kernels", usable(), ids=lambda kernels: kernels.name)
def test_a_model_of_a_package_of_its_own_has_the_bits_that_its_package_states(
    kernels: Kernels, tmp_path: Path
) -> None:
    with installed(tmp_path):
        found = recorded()
        assert list(found) == [*SUMS, "localrank-multilingual"]
        assert sum_of_bits(kernels, "localrank-multilingual") == found["localrank-multilingual"]


def test_a_package_that_states_no_bits_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "localrank_multilingual").mkdir()
    (tmp_path / "localrank_multilingual/__init__.py").write_text("SHA256 = {}\n", "utf-8")
    (tmp_path / "record").mkdir()
    with installed(tmp_path / "record", tmp_path):
        assert recorded() == SUMS
