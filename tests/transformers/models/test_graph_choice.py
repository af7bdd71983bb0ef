"""The one ONNX file among several: by precision, processor and name."""

from __future__ import annotations

import pytest

from localrank_transformers.models.graph_choice import choose_onnx, fitting_int8

SENTENCE_TRANSFORMERS = [
    "onnx/model.onnx",
    "onnx/model_O4.onnx",
    "onnx/model_qint8_arm64.onnx",
    "onnx/model_qint8_avx512.onnx",
    "onnx/model_qint8_avx512_vnni.onnx",
    "onnx/model_quint8_avx2.onnx",
]
XENOVA = ["onnx/model.onnx", "onnx/model_fp16.onnx", "onnx/model_quantized.onnx"]


@pytest.mark.parametrize(
    ("expected", "names", "precision", "features"),
    [
        ("onnx/model.onnx", SENTENCE_TRANSFORMERS, "auto", ["AVX512-VNNI"]),
        ("onnx/model.onnx", XENOVA, "fp32", ()),
        ("onnx/model_quantized.onnx", XENOVA, "int8", ()),
        ("onnx/model_fp16.onnx", XENOVA, "fp16", ()),
        ("model_fp16.onnx", ["model_fp16.onnx", "model_int8.onnx"], "fp16", ()),
        ("model_int8.onnx", ["model_fp16.onnx", "model_int8.onnx"], "auto", ()),
        (None, ["onnx/model.onnx"], "fp16", ()),
        ("onnx/model_qint8_avx512_vnni.onnx", SENTENCE_TRANSFORMERS, "int8", ["AVX512-VNNI", "AVX2"]),
        ("onnx/model_qint8_avx512_vnni.onnx", SENTENCE_TRANSFORMERS, "int8", ["AVX-VNNI", "AVX2"]),
        ("onnx/model_quint8_avx2.onnx", SENTENCE_TRANSFORMERS, "int8", ["AVX2"]),
        ("onnx/model_qint8_arm64.onnx", SENTENCE_TRANSFORMERS, "int8", ["NEON"]),
        ("onnx/model_quantized.onnx", ["onnx/model_quantized.onnx"], "auto", None),
        ("elsewhere/a.onnx", ["elsewhere/a.onnx", "config.json"], "auto", ()),
        (None, ["elsewhere/a.onnx", "elsewhere/b.onnx"], "auto", ()),
        (None, ["elsewhere/a.onnx"], "fp32", ()),
        (None, XENOVA[:2], "int8", ()),
        (None, [], "auto", ()),
        ("vespa_colbert.onnx", ["vespa_colbert.onnx", *XENOVA], "auto", ()),
        ("vespa_colbert.onnx", ["vespa_colbert.onnx", *XENOVA], "fp32", ()),
        (None, ["vespa_colbert.onnx", *XENOVA], "int8", ()),
    ],
)
def test_a_model_that_is_not_known_is_read_by_the_names_of_exporters(
    expected: str | None, names: list[str], precision: str, features: list[str] | None
) -> None:
    assert choose_onnx(names, precision, features=features) == expected


@pytest.mark.parametrize(
    ("expected", "precision", "known"),
    [
        ("a.onnx", "auto", {"int8": "a.onnx", "fp32": "b.onnx"}),
        ("b.onnx", "fp32", {"int8": "a.onnx", "fp32": "b.onnx"}),
        ("b.onnx", "auto", {"int8-arm64": "a.onnx", "fp32": "b.onnx"}),
        ("onnx/model.onnx", "auto", {"int8": "gone.onnx", "fp32": "gone-too.onnx"}),
    ],
)
def test_a_known_model_is_taken_in_int8_where_it_has_one_for_this_processor(
    expected: str, precision: str, known: dict[str, str]
) -> None:
    names = ["a.onnx", "b.onnx", "onnx/model.onnx"]
    assert choose_onnx(names, precision, known=known, features=["AVX2"]) == expected


def test_the_int8_of_a_processor_is_the_best_that_it_runs_well() -> None:
    files = {"int8-avx512": "x", "int8-avx2": "y", "int8": "z"}
    assert fitting_int8(files, ["AVX512-VNNI", "AVX512", "AVX2"]) == "int8-avx512"
    assert fitting_int8(files, ["AVX2"]) == "int8-avx2"
    assert fitting_int8(files, None) == "int8"
    assert fitting_int8({"fp32": "x"}, ["AVX2"]) is None
