"""Nodes and constants of an ONNX graph, written one after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from localrank.providers.extras import imported
from localrank_transformers.models.onnx_file.aligned import aligned
from localrank_transformers.models.onnx_file.producer import PRODUCER

__all__ = ["CONTRIB", "GraphWriter", "import_onnx"]

CONTRIB = "com.microsoft"
"""The domain of ONNX Runtime's own operators."""

_OPSET = 23
"""The first with Attention."""

_IR_VERSION = 10


class GraphWriter:
    """Writes nodes in order; what it returns are the names of values.

    Raises:
        MissingDependencyError: The package onnx is absent.
    """

    def __init__(self) -> None:
        self._onnx = import_onnx()
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._count = 0

    def name(self) -> str:
        """Return a name that nothing has."""
        self._count += 1
        return f"v{self._count}"

    def constant(self, values: npt.NDArray[Any]) -> str:
        """Write an initializer."""
        name = self.name()
        self._constants.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(
        self,
        operator: str,
        inputs: list[str],
        *,
        output: str | None = None,
        domain: str = "",
        **settings: Any,
    ) -> str:
        """Write a node with one output. Its name tells it apart from others of its operator in a profile."""
        name = output or self.name()
        self._write(operator, inputs, [name], domain=domain, **settings)
        return name

    def split(self, source: str, sizes: str, count: int, *, axis: int) -> list[str]:
        """Write a Split into `count` values."""
        names = [self.name() for _ in range(count)]
        self._write("Split", [source, sizes], names, axis=axis)
        return names

    def either(self, condition: str, then: Callable[[], str], otherwise: Callable[[], str]) -> str:
        """Write an If over what the two write; they may read every value that is there."""
        return self.node(
            "If", [condition], then_branch=self._branch(then), else_branch=self._branch(otherwise)
        )

    def to_float(self, source: str) -> str:
        """Write a Cast to float32."""
        return self.node("Cast", [source], to=self._onnx.TensorProto.FLOAT)

    def serialized(self, inputs: list[str], outputs: list[tuple[str, list[str | int] | None]]) -> bytes:
        """Return the model.

        Args:
            inputs: Names of int64 inputs of one dimension.
            outputs: Names and shapes of float32 outputs.
        """
        helper = self._onnx.helper
        graph = helper.make_graph(
            self._nodes,
            "encoder",
            [
                helper.make_tensor_value_info(name, self._onnx.TensorProto.INT64, [f"{name}_count"])
                for name in inputs
            ],
            [self._float(name, shape) for name, shape in outputs],
            self._constants,
        )
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(CONTRIB, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name=PRODUCER)
        return aligned(model.SerializeToString())

    def _write(self, operator: str, inputs: list[str], outputs: list[str], **settings: Any) -> None:
        make = self._onnx.helper.make_node
        self._nodes.append(make(operator, inputs, outputs, name=f"{operator}-{outputs[0]}", **settings))

    def _branch(self, write: Callable[[], str]) -> Any:
        outside, self._nodes = self._nodes, []
        output = write()
        inside, self._nodes = self._nodes, outside
        return self._onnx.helper.make_graph(inside, f"branch-{output}", [], [self._float(output, None)])

    def _float(self, name: str, shape: list[str | int] | None) -> Any:
        return self._onnx.helper.make_tensor_value_info(name, self._onnx.TensorProto.FLOAT, shape)


def import_onnx() -> Any:
    """Return the package onnx.

    Raises:
        MissingDependencyError: It is absent.
    """
    return imported("onnx", "Writing a graph", "optimize")
