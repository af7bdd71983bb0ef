"""The graph of an encoder for documents end to end: no padding, no mask, the last layer for what is read of it.

All tokens of a run go through one product after another; only attention looks at one document at a time, as
`engines.packing` says. The head of a cross-encoder reads only the first token, so the last layer needs its
query, its output and its feed-forward part for that token alone; keys and values are computed for all. That is exact. An
encoder without a head gives the vectors of all tokens, for late interaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from localrank_transformers.call.planner import PACKED_DOCUMENTS
from localrank_transformers.engines.packing import IDS, LENGTHS, POSITIONS, TYPES
from localrank_transformers.optimizing.encoder.weights import Encoder, Head, Layer, Linear, Norm
from localrank_transformers.optimizing.encoder.writer import CONTRIB, GraphWriter

__all__ = ["PLACES", "Int8", "Place", "build_graph", "from_blocks", "in_blocks", "probe_name"]

Place = tuple[int, str]
"""A layer's number and which product's input: one of `PLACES`."""

PLACES = ("qkv", "attended", "up", "down")
"""The products of a layer, by their inputs."""

BLOCK = 32
"""Weights of a word's row that share a scale, with `word_blocks`."""

_GELUS = frozenset({"Gelu", "FastGelu"})


@dataclass(frozen=True, slots=True)
class Int8:
    """How products are rounded to int8: weights symmetric, with a scale an output channel; inputs with one scale and offset.

    Attributes:
        ranges: The least and the greatest value that the input of each product takes, once it is smoothed. What lies beyond is
            cut to it. A range that is known before the run, unlike one taken from it, lets documents share the run.
        smoothing: Factors, one a channel: the input is divided by them and the weight's rows are multiplied (Xiao et al.
            2023, SmoothQuant). A place that is absent is not smoothed.
    """

    ranges: Mapping[Place, tuple[float, float]]
    smoothing: Mapping[Place, npt.NDArray[np.float32]] = field(
        default_factory=dict[Place, "npt.NDArray[np.float32]"]
    )


def probe_name(place: Place) -> str:
    """Return the output that holds the input of a product in a graph with probes."""
    return f"probe.{place[0]}.{place[1]}"


def build_graph(
    encoder: Encoder, *, int8: Int8 | None = None, probes: bool = False, word_blocks: bool = False
) -> bytes:
    """Return a serialized ONNX model.

    Its inputs are those of `localrank_transformers.engines.packing`, segment ids only with more than one segment. Its output is
    `logits` of shape (documents, labels), or without a head `token_vectors` of shape (tokens, hidden size).

    Args:
        encoder: The weights.
        int8: None keeps float32. Otherwise products run in int8, and embedding rows become int8 with a scale each.
        probes: Also output the inputs of all products, to calibrate by.
        word_blocks: With int8, write word rows in blocks of 32 weights, of 4 bits each and with a float16 scale: a little more
            than half of the size. Nothing is lost of weights that came from such blocks.

    Raises:
        MissingDependencyError: The package onnx is absent.
    """
    return _EncoderGraph(encoder, int8=int8, probes=probes, word_blocks=word_blocks).model()


@dataclass(frozen=True, slots=True)
class _Input:
    """What a product reads: a float32 value, or a rounded one with its scale and offset."""

    value: str
    scale: str = ""
    offset: str = ""


class _EncoderGraph:
    """Follows a text from its ids to the output; every method returns the name of what it computes."""

    def __init__(self, encoder: Encoder, *, int8: Int8 | None, probes: bool, word_blocks: bool) -> None:
        self._write = GraphWriter()
        self._word_blocks = word_blocks
        self._encoder = encoder
        self._int8 = int8
        self._smoothing = int8.smoothing if int8 else {}
        self._probes: list[str] | None = [] if probes else None
        self._front = self._write.constant(np.array([0]))
        self._is_alone = self._alone()

    def model(self) -> bytes:
        encoder, head = self._encoder, self._encoder.head
        hidden = self._embedded()
        for number, layer in enumerate(encoder.layers):
            narrow = head is not None and number == len(encoder.layers) - 1
            hidden = self._layer(
                hidden, _smoothed_values(layer, self._smoothing, number), number, narrow=narrow
            )
        if head is None:
            width = len(encoder.layers[-1].output_norm.bias)
            output = self._write.node("Identity", [hidden], output="token_vectors")
            return self._serialized(output, ["tokens", width])
        return self._serialized(self._head(hidden, head), ["documents", len(head.out.bias)])

    def _serialized(self, output: str, shape: list[str | int]) -> bytes:
        types = [TYPES] if len(self._encoder.types) > 1 else []
        outputs: list[tuple[str, list[str | int] | None]] = [(output, shape)]
        outputs += [(name, None) for name in self._probes or ()]
        return self._write.serialized([IDS, POSITIONS, *types, LENGTHS], outputs)

    def _alone(self) -> str:
        count = self._write.node("Size", [LENGTHS])
        return self._write.node("Equal", [count, self._write.constant(np.array(1))])

    def _embedded(self) -> str:
        encoder, write = self._encoder, self._write
        one_segment = len(encoder.types) == 1
        table = encoder.positions + encoder.types if one_segment else encoder.positions
        total = write.node("Add", [self._words(), write.node("Gather", [write.constant(table), POSITIONS])])
        if not one_segment:
            total = write.node("Add", [total, write.node("Gather", [write.constant(encoder.types), TYPES])])
        hidden = self._norm(total, encoder.embedding_norm)
        return hidden if encoder.projection is None else self._float_product(hidden, encoder.projection)

    def _words(self) -> str:
        words, write = self._encoder.words, self._write
        if self._int8 is None:
            return write.node("Gather", [write.constant(words), IDS])
        if self._word_blocks:
            packed, halves = in_blocks(words)
            blocks = write.node(
                "GatherBlockQuantized",
                [write.constant(packed), IDS, write.constant(halves)],
                domain=CONTRIB,
                bits=4,
                block_size=BLOCK,
                gather_axis=0,
                quantize_axis=1,
            )
            return write.to_float(blocks)
        rows, scales = _rounded(words, axis=1)
        whole = write.to_float(write.node("Gather", [write.constant(rows), IDS]))
        return write.node("Mul", [whole, write.node("Gather", [write.constant(scales), IDS])])

    def _layer(self, hidden: str, layer: Layer, number: int, *, narrow: bool) -> str:
        read = self._read(hidden, (number, "qkv"))
        asking = read if not narrow else _Input(self._first(read.value), read.scale, read.offset)
        context = self._attention(
            self._product(asking, layer.query, (number, "qkv")),
            self._product(read, layer.key, (number, "qkv")),
            self._product(read, layer.value, (number, "qkv")),
            narrow=narrow,
        )
        residual = self._first(hidden) if narrow else hidden
        mixed = self._next(context, layer.attended, (number, "attended"))
        state = self._norm(self._write.node("Add", [mixed, residual]), layer.attention_norm)
        wide = self._next(state, layer.up, (number, "up"))
        down = self._next(self._activated(wide, self._encoder.activation), layer.down, (number, "down"))
        return self._norm(self._write.node("Add", [down, state]), layer.output_norm)

    def _attention(self, query: str, key: str, value: str, *, narrow: bool) -> str:
        """Attention over each document by itself; with `narrow` there is one query a document."""
        write = self._write
        whole = [write.node("Unsqueeze", [part, self._front]) for part in (query, key, value)]
        one_each = write.constant(np.ones(PACKED_DOCUMENTS, dtype=np.int64)) if narrow else LENGTHS

        def together() -> str:
            counts = (one_each, LENGTHS, LENGTHS)
            split = [
                write.split(source, sizes, PACKED_DOCUMENTS, axis=1)
                for source, sizes in zip(whole, counts, strict=True)
            ]
            documents = [self._attended(list(parts)) for parts in zip(*split, strict=True)]
            return write.node("Concat", documents, axis=1)

        context = write.either(self._is_alone, lambda: self._attended(whole), together)
        return write.node("Squeeze", [context, self._front])

    def _attended(self, inputs: list[str]) -> str:
        heads = self._encoder.attention_heads
        return self._write.node("Attention", inputs, q_num_heads=heads, kv_num_heads=heads)

    def _head(self, hidden: str, head: Head) -> str:
        active = self._activated(self._float_product(hidden, head.dense), head.activation)
        return self._float_product(active, head.out, output="logits")

    def _next(self, source: str, linear: Linear, place: Place) -> str:
        return self._product(self._read(source, place), linear, place)

    def _read(self, source: str, place: Place) -> _Input:
        """Smooth and round the input of a product."""
        if self._probes is not None:
            source = self._write.node("Identity", [source], output=probe_name(place))
            self._probes.append(source)
        if self._int8 is None:
            return _Input(source)
        factors = self._smoothing.get(place) if place[1] != "attended" else None  # `_smoothed_values` did
        if factors is not None:
            source = self._write.node("Mul", [source, self._write.constant((1 / factors).astype(np.float32))])
        scale, offset = _scale_and_offset(*self._int8.ranges[place])
        names = (self._write.constant(np.array(scale)), self._write.constant(np.array(offset)))
        # not ONNX's own node: version 1.23, the last for Macs with Intel processors, lacks that of this opset
        return _Input(self._write.node("QuantizeLinear", [source, *names], domain=CONTRIB), *names)

    def _product(self, source: _Input, linear: Linear, place: Place) -> str:
        if self._int8 is None:
            return self._float_product(source.value, linear)
        factors = self._smoothing.get(place)
        weight = linear.weight if factors is None else linear.weight * factors[:, None]
        rounded, scales = _rounded(weight, axis=0)
        write = self._write
        inputs = [
            source.value,
            write.constant(rounded),
            source.scale,
            write.constant(scales.ravel()),
            source.offset,
            "",
            write.constant(linear.bias),
        ]
        return write.node("MatMulIntegerToFloat", inputs, domain=CONTRIB)

    def _float_product(self, source: str, linear: Linear, output: str | None = None) -> str:
        inputs = [source, self._write.constant(linear.weight), self._write.constant(linear.bias)]
        return self._write.node("Gemm", inputs, output=output)

    def _activated(self, source: str, operator: str) -> str:
        return self._write.node(operator, [source], domain=CONTRIB if operator in _GELUS else "")

    def _norm(self, source: str, norm: Norm) -> str:
        inputs = [source, self._write.constant(norm.gain), self._write.constant(norm.bias)]
        return self._write.node("LayerNormalization", inputs, axis=-1, epsilon=self._encoder.epsilon)

    def _first(self, source: str) -> str:
        """Return the rows of the documents' first tokens."""
        starts = self._write.node("CumSum", [LENGTHS, self._write.constant(np.array(0))], exclusive=1)
        return self._write.node("Gather", [source, starts])


def _smoothed_values(layer: Layer, smoothing: Mapping[Place, npt.NDArray[np.float32]], number: int) -> Layer:
    """Let the values come out smoothed for the product after them, of which they are means: that costs no node."""
    factors = smoothing.get((number, "attended"))
    if factors is None:
        return layer
    value = Linear(layer.value.weight / factors, layer.value.bias / factors)
    return replace(layer, value=value)


def in_blocks(words: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float16]]:
    """Return rows in blocks of 32 weights of 4 bits, two a byte with the first one low, 8 for zero; and the scale of a block.

    The weight of the greatest size is -8 times the scale, as in llama.cpp's Q4_0, so that what was such a block is it again.

    Args:
        words: Shape (vocabulary, width); the width is a multiple of 32.
    """
    blocks = words.reshape(len(words), -1, BLOCK)
    greatest = np.take_along_axis(blocks, np.abs(blocks).argmax(-1)[..., None], -1)[..., 0]
    scales = (greatest / -8).astype(np.float16)
    divided = blocks / np.where(scales == 0, 1, scales).astype(np.float32)[..., None]
    whole = (np.clip(np.rint(divided), -8, 7) + 8).astype(np.uint8).reshape(words.shape)
    return whole[:, 0::2] | (whole[:, 1::2] << 4), scales


def from_blocks(packed: npt.NDArray[np.uint8], scales: npt.NDArray[np.float16]) -> npt.NDArray[np.float32]:
    """Return the rows that `in_blocks` made these of, shape (vocabulary, width)."""
    whole = np.stack((packed & 15, packed >> 4), axis=-1).reshape(len(packed), -1, BLOCK)
    rows: npt.NDArray[np.float32] = (whole.astype(np.float32) - 8) * scales.astype(np.float32)[..., None]
    return rows.reshape(len(packed), -1)


def _scale_and_offset(least: float, greatest: float) -> tuple[np.float32, np.uint8]:
    """Return how uint8 covers a range, in which zero has a number of its own."""
    least, greatest = min(least, 0.0), max(greatest, 1e-6)
    scale = np.float32((greatest - least) / 255)
    return scale, np.uint8(np.clip(np.rint(-least / scale), 0, 255))


def _rounded(
    values: npt.NDArray[np.float32], *, axis: int
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Return symmetric int8 values and their scales, one for each index of the other axis."""
    scales = np.maximum(np.abs(values).max(axis=axis, keepdims=True), 1e-12) / 127
    return np.clip(np.round(values / scales), -127, 127).astype(np.int8), scales.astype(np.float32)
