"""Which one ONNX file of a model to use: by precision, by processor and by the names that exporters give."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Literal

__all__ = ["Precision", "choose_onnx", "fitting_int8"]

Precision = Literal["auto", "fp32", "fp16", "int8"]

_FP32_NAMES = ("onnx/model.onnx", "model.onnx", "onnx/model_optimized.onnx", "model_optimized.onnx")
_LATE_INTERACTION = "vespa_colbert.onnx"
"""What RAGatouille's exporter writes. The other graphs beside it are the encoder alone, without the projection."""

_FP16_NAMES = ("onnx/model_fp16.onnx", "model_fp16.onnx")
_INT8_NAMES = ("onnx/model_int8.onnx", "model_int8.onnx")
_INT8_BY_PROCESSOR = {
    "int8-avx512-vnni": "onnx/model_qint8_avx512_vnni.onnx",
    "int8-avx512": "onnx/model_qint8_avx512.onnx",
    "int8-avx2": "onnx/model_quint8_avx2.onnx",
    "int8-arm64": "onnx/model_qint8_arm64.onnx",
}
"""The names that sentence-transformers gives (`export_dynamic_quantized_onnx_model`)."""

_INT8_GENERAL = ("onnx/model_quantized.onnx", "model_quantized.onnx")

_RUNS_WELL_ON = (
    ("int8-avx512-vnni", frozenset({"AVX512-VNNI", "AVX-VNNI", "AMX-int8"})),
    ("int8-avx512", frozenset({"AVX512"})),
    ("int8-avx2", frozenset({"AVX2"})),
    ("int8-arm64", frozenset({"NEON"})),
)
"""Precision → the processor features of which one must be there; best first."""


def choose_onnx(
    names: Collection[str],
    precision: Precision,
    *,
    known: Mapping[str, str] | None = None,
    features: Collection[str] | None,
) -> str | None:
    """Return the name of the file to load, or None where there is none of that precision.

    Args:
        names: The files of the model.
        precision: `auto` means fp32 before int8, but for a model of the catalogue int8 before fp32.
        known: For a model of the catalogue, its ONNX files by precision; empty where its layout is not known.
        features: Features of this processor (`cpu_features()`).
    """
    if _LATE_INTERACTION in names:
        return None if precision == "int8" else _LATE_INTERACTION
    fp32 = [*_of(known, ["fp32"]), *_FP32_NAMES]
    fp16 = [*_of(known, ["fp16"]), *_FP16_NAMES]
    int8 = list(_int8(known or {}, frozenset(features or ())))
    of_precision = {
        "auto": [*fp32, *int8, *_foreign_int8(), *fp16] if known is None else [*int8, *fp32],
        "fp32": fp32,
        "fp16": fp16,
        "int8": [*int8, *_foreign_int8()],
    }
    ordered = of_precision[precision]
    here = set(names)
    found = next((name for name in ordered if name in here), None)
    if found is None and precision == "auto":
        return _only(here)
    return found


def fitting_int8(files: Mapping[str, str], features: Collection[str] | None) -> str | None:
    """Return the precision among `files` that is the int8 of this processor, or None."""
    has = frozenset(features or ())
    fitting = [precision for precision, needed in _RUNS_WELL_ON if has & needed]
    return next((precision for precision in [*fitting, "int8"] if precision in files), None)


def _int8(known: Mapping[str, str], features: frozenset[str]) -> Iterator[str]:
    precision = fitting_int8(known, features)
    yield from _of(known, [precision] if precision else [])
    yield from _INT8_NAMES
    for name, needed in _RUNS_WELL_ON:
        if features & needed:
            yield _INT8_BY_PROCESSOR[name]
    yield from _INT8_GENERAL


def _foreign_int8() -> tuple[str, ...]:
    """Files for other processors: right but slower, so only where nothing else is left."""
    return tuple(_INT8_BY_PROCESSOR.values())


def _of(known: Mapping[str, str] | None, precisions: list[str]) -> list[str]:
    return [known[precision] for precision in precisions if known and precision in known]


def _only(names: set[str]) -> str | None:
    graphs = [name for name in names if name.endswith(".onnx")]
    return graphs[0] if len(graphs) == 1 else None
