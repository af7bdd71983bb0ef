"""The systems that are compared, as data: environment, adapter, precision and the layout of weights that each wants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["EMBEDDED", "OWN_FP32", "OWN_INT8", "REFERENCE", "SYSTEMS", "System"]

Layout = Literal["own", "torch", "onnx", "openvino", "embedded"]


@dataclass(frozen=True, slots=True)
class System:
    """One line of the tables.

    Attributes:
        name: Short, for `--systems`.
        title: What the tables say.
        environment: A key of `environments.ENVIRONMENTS`, or `localrank`.
        adapter: A module of `adapters`.
        precision: What the adapter's `load` gets.
        layout: Which form of the weights it gets; `embedded` has weights of its own.
        exact: Whether it computes in float32.
        gives_logits: Whether its scores lack the sigmoid that the others apply.
    """

    name: str
    title: str
    environment: str
    adapter: str
    precision: str
    layout: Layout
    exact: bool = False
    gives_logits: bool = False

    @property
    def is_own(self) -> bool:
        """Whether this is localrank."""
        return self.layout in {"own", "embedded"}


OWN_INT8, OWN_FP32, REFERENCE = "localrank-int8", "localrank-fp32", "st-torch-fp32"
EMBEDDED = "localrank-mini"
"""The default model, which reads documents apart from the query: against a peer on a cross-encoder of its size."""

_ST = "sentence_transformers"

SYSTEMS = {
    system.name: system
    for system in (
        System(OWN_INT8, "**localrank int8**", "localrank", "localrank", "int8", "own"),
        System(
            "localrank-refined", "**localrank refined** (top 10)", "localrank", "localrank", "refined", "own"
        ),
        System(OWN_FP32, "**localrank fp32**", "localrank", "localrank", "fp32", "own", exact=True),
        System(
            EMBEDDED, "**localrank-mini** (weights of its own)", "localrank", "localrank", "int8", "embedded"
        ),
        System(
            REFERENCE, "sentence-transformers torch fp32", "torch", _ST, "torch-fp32", "torch", exact=True
        ),
        System("st-torch-bf16", "sentence-transformers torch bf16", "torch", _ST, "torch-bf16", "torch"),
        System(
            "st-onnx-fp32", "sentence-transformers ONNX fp32", "onnx", _ST, "onnx-fp32", "onnx", exact=True
        ),
        System("st-onnx-int8", "sentence-transformers ONNX int8", "onnx", _ST, "onnx-int8", "onnx"),
        System(
            "st-openvino",
            "sentence-transformers OpenVINO (its default precision)",
            "openvino",
            _ST,
            "openvino",
            "openvino",
        ),
        System(
            "st-openvino-fp32",
            "sentence-transformers OpenVINO fp32",
            "openvino",
            _ST,
            "openvino-fp32",
            "openvino",
            exact=True,
        ),
        System(
            "transformers",
            "plain transformers, one batch",
            "torch",
            "transformers",
            "fp32",
            "torch",
            exact=True,
        ),
        System(
            "rerankers",
            "rerankers fp32",
            "torch",
            "rerankers",
            "fp32",
            "torch",
            exact=True,
            gives_logits=True,
        ),
        System("flashrank-fp32", "FlashRank fp32", "flashrank", "flashrank", "fp32", "onnx", exact=True),
        System("flashrank-int8", "FlashRank int8", "flashrank", "flashrank", "int8", "onnx"),
        System(
            "fastembed-fp32",
            "fastembed fp32",
            "fastembed",
            "fastembed",
            "fp32",
            "onnx",
            exact=True,
            gives_logits=True,
        ),
        System(
            "fastembed-int8", "fastembed int8", "fastembed", "fastembed", "int8", "onnx", gives_logits=True
        ),
    )
}
