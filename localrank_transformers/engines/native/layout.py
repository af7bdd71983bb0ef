"""Which weight is which in a graph that we wrote: a walk along its nodes that refuses whatever it does not know."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from localrank_transformers.models.onnx_file.graph import Graph, Node, read_graph
from localrank_transformers.models.onnx_file.producer import is_ours
from localrank_transformers.models.onnx_file.wire import MalformedOnnxError

__all__ = ["Input", "NativeHead", "NativeLayer", "NativeLayout", "Product", "read_layout"]

Array = npt.NDArray[Any]

_MULTIPLE = 32
"""Widths that the kernels compute are multiples of it."""

_MOST = 1 << 16
"""The greatest width: int32 holds the sum of so many products of uint8 and int8, 255 · 128 each."""

_INT8_PRODUCT = "MatMulIntegerToFloat"

_WORD_BLOCKS = "GatherBlockQuantized"

_BLOCK = 32
"""Weights of such a row that share a scale."""

_READ = frozenset(
    {"Gemm", _INT8_PRODUCT, _WORD_BLOCKS, "QuantizeLinear", "LayerNormalization", "If", "Gelu", "Tanh"}
)
_PASSED = frozenset(
    {"Add", "Cast", "Concat", "CumSum", "Equal", "Identity", "Size", "Split", "Squeeze", "Unsqueeze"}
)
"""Operators that hold no weights and of which there is one place only in such a graph."""


class _UnknownGraphError(Exception):
    """The graph is none that the kernels compute."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Product:
    """A matrix (inputs, outputs) with its bias; an int8 one has a scale for each output."""

    weight: Array
    bias: Array
    scales: Array | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Input:
    """How an int8 product's input is rounded: times `factors` (one, or one a channel), plus `offset`; `scale` undoes it."""

    factors: Array
    scale: float
    offset: int


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class NativeLayer:
    """Products: query, key, value, attended, up, down. Inputs, in int8: of the first three together, and of each other."""

    products: tuple[Product, ...]
    inputs: tuple[Input, ...]
    gains: tuple[Array, Array]
    shifts: tuple[Array, Array]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class NativeHead:
    """First token to logits, in float32."""

    dense: Product
    is_gelu: bool
    out: Product


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class NativeLayout:
    """All weights of an encoder, as the file holds them.

    Attributes:
        words: Shape (vocabulary, width), int8 or float32; or (vocabulary, width / 2), uint8 with two weights of 4 bits in each.
        word_scales: Shape (vocabulary, 1), of int8 words; (vocabulary, width / 32), float16, of words in 4 bits.
        positions: Shape (window, width).
        types: Shape (segments, width); None where `positions` holds the only segment.
        gain: Of the normalization of embeddings.
        shift: The same one's bias.
        layers: From the first to the last.
        head: None for an encoder whose token vectors are the result.
        heads: Of attention.
        epsilon: Of every normalization.
        content: The file whose parts all these are.
    """

    words: Array
    word_scales: Array | None
    positions: Array
    types: Array | None
    gain: Array
    shift: Array
    layers: tuple[NativeLayer, ...]
    head: NativeHead | None
    heads: int
    epsilon: float
    content: mmap.mmap | bytes

    @property
    def is_int8(self) -> bool:
        """Whether products are int8, and words int8 or less; otherwise all is float32."""
        return self.word_scales is not None

    @property
    def has_word_blocks(self) -> bool:
        """Whether words are in blocks of 32 weights of 4 bits."""
        return self.words.dtype == np.uint8

    @property
    def width(self) -> int:
        """Numbers of a token's vector."""
        return len(self.gain)


def read_layout(onnx: Path, *, is_kept: bool = False) -> NativeLayout | None:
    """Return the weights of a graph that the kernels compute; None for any other file, or where there is none.

    Raises:
        OSError: It cannot be read.
    """
    if not is_ours(onnx):
        return None
    try:
        layout = _Walk(read_graph(onnx, is_kept=is_kept)).layout()
        _check(layout)
    except (_UnknownGraphError, MalformedOnnxError, LookupError, ValueError, RecursionError):
        return None
    return layout


class _Walk:
    """Goes along the nodes that hold weights, in their order."""

    def __init__(self, graph: Graph) -> None:
        self._content = graph.content
        self._tensors = graph.tensors
        self._nodes = [node for node in graph.nodes if self._holds_weights(node)]
        self._at = 0

    def layout(self) -> NativeLayout:
        words, *tables = self._tables()
        word_scales = tables.pop(0) if words.dtype in (np.int8, np.uint8) else None
        positions, *types = tables
        epsilon = self._nodes[self._at].numbers["epsilon"]
        gain, shift = self._norm()
        heads: set[int] = set()
        count = sum(node.operator == "If" for node in self._nodes)
        layers = tuple(self._layer(heads, is_int8=word_scales is not None) for _ in range(count))
        head = self._head() if self._next() else None
        if self._next() or len(heads) != 1 or len(types) > 1:
            raise _UnknownGraphError
        return NativeLayout(
            words,
            word_scales,
            positions,
            types[0] if types else None,
            gain,
            shift,
            layers,
            head,
            heads.pop(),
            epsilon,
            self._content,
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
        if self._next() == _WORD_BLOCKS:
            node = self._take(_WORD_BLOCKS)
            packed, _, scales = node.inputs
            if node.numbers != {"bits": 4, "block_size": _BLOCK, "gather_axis": 0, "quantize_axis": 1}:
                raise _UnknownGraphError
            yield from (self._tensors[packed], self._tensors[scales])
        while self._next() == "Gather":
            yield self._tensors[self._take("Gather").inputs[0]]

    def _layer(self, heads: set[int], *, is_int8: bool) -> NativeLayer:
        """Return a layer; add the numbers of heads that its attention has."""
        inputs: list[Input] = []

        def product(count: int = 1) -> list[Product]:
            if not is_int8:
                return [self._float_product() for _ in range(count)]
            inputs.append(self._input())
            return [self._int8_product() for _ in range(count)]

        products = product(3)
        attention = self._take("If").branches
        heads |= {int(node.numbers["q_num_heads"]) for node in attention if node.operator == "Attention"}
        products += product()
        first = self._norm()
        products += product()
        self._take("Gelu")
        products += product()
        gains, shifts = zip(first, self._norm(), strict=True)
        return NativeLayer(tuple(products), tuple(inputs), gains, shifts)

    def _input(self) -> Input:
        factors: Array = np.ones(1, dtype=np.float32)
        if self._next() == "Mul":
            factors = self._tensors[self._take("Mul").inputs[1]]
        _, scale, offset = (self._tensors.get(name) for name in self._take("QuantizeLinear").inputs)
        if scale is None or offset is None or offset.dtype != np.uint8:
            raise _UnknownGraphError
        return Input(factors / scale, float(scale.item()), int(offset.item()))

    def _int8_product(self) -> Product:
        _, weight, _, scales, _, _, bias = self._take(_INT8_PRODUCT).inputs
        return Product(self._tensors[weight], self._tensors[bias], self._tensors[scales])

    def _float_product(self) -> Product:
        node = self._take("Gemm")
        _, weight, bias = node.inputs
        if node.numbers:  # a factor, or a matrix the other way round
            raise _UnknownGraphError
        return Product(self._tensors[weight], self._tensors[bias])

    def _norm(self) -> tuple[Array, Array]:
        _, gain, bias = self._take("LayerNormalization").inputs
        return self._tensors[gain], self._tensors[bias]

    def _head(self) -> NativeHead:
        dense = self._float_product()
        is_gelu = self._next() == "Gelu"
        self._take("Gelu" if is_gelu else "Tanh")
        return NativeHead(dense, is_gelu, self._float_product())

    def _next(self) -> str:
        """Return the operator that comes next; none at the end."""
        return self._nodes[self._at].operator if self._at < len(self._nodes) else ""

    def _take(self, operator: str) -> Node:
        if self._next() != operator:
            raise _UnknownGraphError
        self._at += 1
        return self._nodes[self._at - 1]


def _check(layout: NativeLayout) -> None:
    """Refuse widths that the kernels do not compute, and shapes and types that do not fit each other."""
    vocabulary, width = len(layout.words), layout.width
    inner = layout.layers[0].products[4].weight.shape[1]
    if min(width, inner, layout.heads) < 1 or width % (_MULTIPLE * layout.heads) or inner % _MULTIPLE:
        raise _UnknownGraphError
    if max(width, inner) > _MOST:
        raise _UnknownGraphError
    if layout.has_word_blocks:
        _expect(layout.words, (vocabulary, width // 2), np.uint8)
    else:
        _expect(layout.words, (vocabulary, width), np.int8 if layout.is_int8 else np.float32)
    if layout.word_scales is not None and layout.has_word_blocks:
        _expect(layout.word_scales, (vocabulary, width // _BLOCK), np.float16)
    elif layout.word_scales is not None:
        _expect(layout.word_scales, (vocabulary, 1))
    _expect(layout.positions, (len(layout.positions), width))
    if layout.types is not None:
        _expect(layout.types, (len(layout.types), width))
    for vector in (layout.gain, layout.shift):
        _expect(vector, (width,))
    for layer in layout.layers:
        _check_layer(layer, width, inner)
    if layout.head is not None:
        _check_head(layout.head, width)


def _check_head(head: NativeHead, width: int) -> None:
    if not len(head.out.bias):  # without a logit it would be taken for none
        raise _UnknownGraphError
    _check_product(head.dense, width, width)
    _check_product(head.out, width, len(head.out.bias))


def _check_layer(layer: NativeLayer, width: int, inner: int) -> None:
    for product, inputs, outputs in zip(
        layer.products, [width] * 5 + [inner], [width] * 4 + [inner, width], strict=True
    ):
        _check_product(product, inputs, outputs)
    for read, product in zip(layer.inputs, layer.products[2:], strict=bool(layer.inputs)):
        _expect(np.broadcast_to(read.factors, len(product.weight)), (len(product.weight),))
    for vector in (*layer.gains, *layer.shifts):
        _expect(vector, (width,))


def _check_product(product: Product, inputs: int, outputs: int) -> None:
    _expect(product.weight, (inputs, outputs), np.float32 if product.scales is None else np.int8)
    _expect(product.bias, (outputs,))
    if product.scales is not None:
        _expect(product.scales, (outputs,))


def _expect(values: Array, shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32) -> None:
    if values.shape != shape or values.dtype != dtype:
        raise _UnknownGraphError
