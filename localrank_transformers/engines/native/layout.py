"""Which weight is which in an int8 graph that we wrote: a walk along its nodes that refuses whatever it does not know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from localrank_transformers.engines.native.graph import Graph, Node, read_graph
from localrank_transformers.onnx_fields import MalformedOnnxError
from localrank_transformers.producer import is_ours

__all__ = ["Head", "Input", "Layer", "Layout", "Product", "read_layout"]

Array = npt.NDArray[Any]

_MULTIPLE = 32
"""Widths that the kernels compute are multiples of it."""

_ROUNDED = frozenset({"Mul", "QuantizeLinear"})
"""What the input of a product goes through."""

_NO_SCALES = np.empty(0, dtype=np.float32)

_READ = frozenset(
    {"Gemm", "MatMulIntegerToFloat", "QuantizeLinear", "LayerNormalization", "If", "Gelu", "Tanh"}
)
_PASSED = frozenset(
    {"Add", "Cast", "Concat", "CumSum", "Equal", "Identity", "Size", "Split", "Squeeze", "Unsqueeze"}
)
"""Operators that hold no weights and of which there is one place only in such a graph."""


class _UnknownGraphError(Exception):
    """The graph is none that the kernels compute."""


@dataclass(frozen=True, slots=True)
class Product:
    """A matrix (inputs, outputs) with its bias; `scales` of an int8 one has a number for each output, and else none."""

    weight: Array
    bias: Array
    scales: Array


@dataclass(frozen=True, slots=True)
class Input:
    """How the input of a product is rounded: times `factors` (one, or one a channel), plus `offset`; `scale` undoes it."""

    factors: Array
    scale: float
    offset: int


@dataclass(frozen=True, slots=True)
class Layer:
    """Products: query, key, value, attended, up, down. Inputs: of the first three together, and of each other."""

    products: tuple[Product, ...]
    inputs: tuple[Input, ...]
    gains: tuple[Array, Array]
    shifts: tuple[Array, Array]


@dataclass(frozen=True, slots=True)
class Head:
    """First token to logits."""

    dense: Product
    is_gelu: bool
    out: Product


@dataclass(frozen=True, slots=True)
class Layout:
    """All weights of an encoder, as the file holds them.

    Attributes:
        words: Shape (vocabulary, width), int8.
        word_scales: Shape (vocabulary, 1).
        positions: Shape (window, width).
        types: Shape (segments, width); None where `positions` holds the only segment.
        gain: Of the normalization of embeddings.
        shift: The same one's bias.
        layers: From the first to the last.
        head: None for an encoder whose token vectors are the result.
        heads: Of attention.
        epsilon: Of every normalization.
    """

    words: Array
    word_scales: Array
    positions: Array
    types: Array | None
    gain: Array
    shift: Array
    layers: tuple[Layer, ...]
    head: Head | None
    heads: int
    epsilon: float


def read_layout(onnx: Path) -> Layout | None:
    """Return the weights of a graph that the kernels compute; None for any other file."""
    if not is_ours(onnx):
        return None
    try:
        layout = _Walk(read_graph(onnx)).layout()
        _check(layout)
    except (_UnknownGraphError, MalformedOnnxError, OSError, LookupError, ValueError, RecursionError):
        return None
    return layout


class _Walk:
    """Goes along the nodes that hold weights, in their order."""

    def __init__(self, graph: Graph) -> None:
        self._tensors = graph.tensors
        self._nodes = [node for node in graph.nodes if self._holds_weights(node)]
        self._at = 0

    def layout(self) -> Layout:
        words, scales, positions, *types = self._tables()
        epsilon = self._nodes[self._at].numbers["epsilon"]
        gain, shift = self._norm()
        layers: list[Layer] = []
        heads: set[int] = set()
        while self._next() in _ROUNDED:
            heads |= self._layer(layers)
        head = self._head() if self._next() else None
        if self._next() or len(heads) != 1 or len(types) > 1:
            raise _UnknownGraphError
        segments = types[0] if types else None
        return Layout(
            words, scales, positions, segments, gain, shift, tuple(layers), head, heads.pop(), epsilon
        )

    def _holds_weights(self, node: Node) -> bool:
        if node.operator == "Gather":
            return node.inputs[0] in self._tensors
        if node.operator == "Mul":
            return node.inputs[1] in self._tensors
        if node.operator not in _READ | _PASSED:
            raise _UnknownGraphError
        return node.operator in _READ

    def _tables(self) -> Iterator[Array]:
        while self._next() == "Gather":
            yield self._tensors[self._take("Gather").inputs[0]]

    def _layer(self, layers: list[Layer]) -> set[int]:
        """Append a layer; return the numbers of heads that its attention has."""
        qkv = self._input()
        query, key, value = self._product(), self._product(), self._product()
        attention = self._take("If").branches
        to_attended, attended, first = self._input(), self._product(), self._norm()
        to_up, up = self._input(), self._product()
        self._take("Gelu")
        to_down, down, second = self._input(), self._product(), self._norm()
        products = (query, key, value, attended, up, down)
        gains, shifts = zip(first, second, strict=True)
        layers.append(Layer(products, (qkv, to_attended, to_up, to_down), gains, shifts))
        return {int(node.numbers["q_num_heads"]) for node in attention if node.operator == "Attention"}

    def _input(self) -> Input:
        factors: Array = np.ones(1, dtype=np.float32)
        if self._next() == "Mul":
            factors = self._tensors[self._take("Mul").inputs[1]]
        _, scale, offset = (self._tensors.get(name) for name in self._take("QuantizeLinear").inputs)
        if scale is None or offset is None or offset.dtype != np.uint8:
            raise _UnknownGraphError
        return Input(factors / scale, float(scale.item()), int(offset.item()))

    def _product(self) -> Product:
        _, weight, _, scales, _, _, bias = self._take("MatMulIntegerToFloat").inputs
        return Product(self._tensors[weight], self._tensors[bias], self._tensors[scales])

    def _float_product(self) -> Product:
        _, weight, bias = self._take("Gemm").inputs
        return Product(self._tensors[weight], self._tensors[bias], _NO_SCALES)

    def _norm(self) -> tuple[Array, Array]:
        _, gain, bias = self._take("LayerNormalization").inputs
        return self._tensors[gain], self._tensors[bias]

    def _head(self) -> Head:
        dense = self._float_product()
        is_gelu = self._next() == "Gelu"
        self._take("Gelu" if is_gelu else "Tanh")
        return Head(dense, is_gelu, self._float_product())

    def _next(self) -> str:
        """Return the operator that comes next; none at the end."""
        return self._nodes[self._at].operator if self._at < len(self._nodes) else ""

    def _take(self, operator: str) -> Node:
        if self._next() != operator:
            raise _UnknownGraphError
        self._at += 1
        return self._nodes[self._at - 1]


def _check(layout: Layout) -> None:
    """Refuse widths that the kernels do not compute, and shapes that do not fit each other."""
    vocabulary, width = layout.words.shape
    inner = layout.layers[0].products[4].weight.shape[1]
    if min(width, inner, layout.heads) < 1 or width % (_MULTIPLE * layout.heads) or inner % _MULTIPLE:
        raise _UnknownGraphError
    _expect(layout.words, (vocabulary, width), np.int8)
    _expect(layout.word_scales, (vocabulary, 1))
    _expect(layout.positions, (len(layout.positions), width))
    if layout.types is not None:
        _expect(layout.types, (len(layout.types), width))
    for layer in layout.layers:
        shapes = [(width, width)] * 4 + [(width, inner), (inner, width)]
        for product, shape in zip(layer.products, shapes, strict=True):
            _expect(product.weight, shape, np.int8)
            _expect(product.scales, shape[1:])
            _expect(product.bias, shape[1:])
        for given, size in zip(layer.inputs, (width, width, width, inner), strict=True):
            if given.factors.shape not in {(size,), (1,)}:
                raise _UnknownGraphError
        for vector in (*layer.gains, *layer.shifts, layout.gain, layout.shift):
            _expect(vector, (width,))
    if layout.head is not None:
        for product, outputs in ((layout.head.dense, width), (layout.head.out, len(layout.head.out.bias))):
            _expect(product.weight, (width, outputs))
            _expect(product.bias, (outputs,))


def _expect(values: Array, shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32) -> None:
    if values.shape != shape or values.dtype != dtype:
        raise _UnknownGraphError
