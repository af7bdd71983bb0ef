"""Kinds of processors that an int8 graph can be made for, and the name by which `OnnxReranker` finds it there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from localrank.contract.errors import InvalidRequestError
from localrank_transformers.models.cpu_features import FULL_RANGE, cpu_features

__all__ = ["TARGETS", "Int8Target", "int8_target"]


@dataclass(frozen=True, slots=True)
class Int8Target:
    """How weights become int8. Each column of a matrix has a scale of its own.

    Attributes:
        graph: The name of the graph in its folder.
        seven_bits: Whether weights use 7 of the 8 bits (`reduce_range`).
        signed: Whether they are QInt8; else QUInt8.
        features: Of these a processor must have one to run the graph well; empty for any.
        made_for: The kind of processor, for people.
    """

    graph: str
    seven_bits: bool
    made_for: str
    signed: bool = True
    features: frozenset[str] = frozenset()

    def runs_well_on(self, features: Collection[str]) -> bool:
        """Return whether a processor with `features` computes what was meant, at its speed."""
        return not self.features or bool(self.features & frozenset(features))


TARGETS: Mapping[str, Int8Target] = MappingProxyType(
    {
        "vnni": Int8Target(
            "onnx/model_qint8_avx512_vnni.onnx",
            seven_bits=False,
            made_for="x86 with VNNI",
            features=frozenset({"AVX512-VNNI", "AVX-VNNI", "AMX-int8"}),
        ),
        "avx512": Int8Target(
            "onnx/model_qint8_avx512.onnx",
            seven_bits=True,
            made_for="x86 with AVX-512 and without VNNI",
            features=frozenset({"AVX512"}),
        ),
        "avx2": Int8Target(
            "onnx/model_quint8_avx2.onnx",
            seven_bits=True,
            made_for="x86 with AVX2",
            signed=False,
            features=frozenset({"AVX2"}),
        ),
        "arm64": Int8Target(
            "onnx/model_qint8_arm64.onnx",
            seven_bits=False,
            made_for="ARM",
            features=frozenset({"NEON"}),
        ),
    }
)
"""By the name that `--cpu` takes; the graphs are named as sentence-transformers names them."""


def int8_target(cpu: str | None) -> Int8Target:
    """Return the target of that name; None means the processor at hand.

    Raises:
        InvalidRequestError: There is no such name.
    """
    if cpu is not None and cpu not in TARGETS:
        raise InvalidRequestError(
            f"cpu is {cpu!r}.", hint=f"Pass one of {', '.join(TARGETS)}, or leave it out for this processor."
        )
    if cpu is not None:
        return TARGETS[cpu]
    full = not FULL_RANGE.isdisjoint(cpu_features() or ())
    return Int8Target("onnx/model_int8.onnx", seven_bits=not full, made_for="this processor")
