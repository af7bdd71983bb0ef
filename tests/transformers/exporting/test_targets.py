"""Kinds of processors for int8 graphs: each by its name, and the one at hand by what it can do."""

from __future__ import annotations

import pytest

from localrank import InvalidRequestError
from localrank_transformers.exporting import targets as export_targets
from localrank_transformers.exporting.targets import TARGETS, int8_target
from localrank_transformers.models.graph_choice import choose_onnx

FEATURES = {"vnni": "AVX512-VNNI", "avx512": "AVX512", "avx2": "AVX2", "arm64": "NEON"}


@pytest.mark.parametrize("cpu", TARGETS)
def test_a_graph_is_found_on_the_processor_that_it_was_made_for(cpu: str) -> None:
    every_graph = ["onnx/model.onnx", *(target.graph for target in TARGETS.values())]
    target = int8_target(cpu)
    assert target.graph == choose_onnx(every_graph, "int8", features=[FEATURES[cpu]])
    assert target.runs_well_on([FEATURES[cpu]])


@pytest.mark.parametrize(
    ("seven_bits", "features"),
    [
        (False, ("AVX512-VNNI", "AVX512", "AVX2")),
        (False, ("AVX-VNNI", "AVX2")),
        (False, ("NEON-dot-product", "NEON")),
        (True, ("AVX512", "AVX2")),
        (True, ("AVX2",)),
        (True, ()),
        (True, None),
    ],
)
def test_without_a_name_weights_get_as_many_bits_as_this_processor_sums_safely(
    monkeypatch: pytest.MonkeyPatch, seven_bits: bool, features: tuple[str, ...] | None
) -> None:
    monkeypatch.setattr(export_targets, "cpu_features", lambda: features)
    target = int8_target(None)
    assert (target.seven_bits, target.graph) == (seven_bits, "onnx/model_int8.onnx")
    assert target.runs_well_on(features or ())


def test_vnni_takes_all_eight_bits_and_older_processors_seven() -> None:
    assert [TARGETS[cpu].seven_bits for cpu in ("vnni", "avx512", "avx2", "arm64")] == [
        False,
        True,
        True,
        False,
    ]


def test_a_graph_for_vnni_is_not_meant_for_a_processor_without_it() -> None:
    assert not TARGETS["vnni"].runs_well_on(["AVX512", "AVX2"])


def test_an_unknown_processor_is_refused_with_the_names_that_are_known() -> None:
    with pytest.raises(InvalidRequestError, match=r"cpu is 'pentium'.*vnni, avx512, avx2, arm64"):
        int8_target("pentium")
