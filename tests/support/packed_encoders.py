"""Small graphs that the compiled kernels compute, and what they are to give, in float64."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from localrank_transformers.call.contract import Row
from localrank_transformers.engines.native.layout import Input, NativeLayout, Product, read_layout
from localrank_transformers.models.cpu_features import cpu_features
from localrank_transformers.optimizing.encoder.graph import build_graph
from localrank_transformers.optimizing.encoder.weights import read_encoder
from localrank_transformers.optimizing.smoothing import seen_inputs, smoothed_int8
from tests.support import tiny_encoders

onnx_runtime_is_exact = not {"AMX-int8", "AVX512-VNNI", "AVX-VNNI"}.isdisjoint(cpu_features() or ())
with_exact_onnx_runtime = pytest.mark.skipif(
    not onnx_runtime_is_exact,
    reason="on this processor ONNX Runtime cuts the sum of two products of int8 to int16",
)

SHAPE = tiny_encoders.Shape(hidden=64, heads=2, layers=2, wide=96)
"""The least that has two panels of 32 columns, two heads of 32, and a feed-forward width of its own."""


def row(*ids: int) -> Row:
    """Return a row whose second half is the second segment."""
    types = np.zeros(len(ids), dtype=np.int64)
    types[len(ids) // 2 :] = 1
    return Row(np.array(ids, dtype=np.int64), types)


def some_rows(*lengths: int, vocabulary: int = 20, seed: int = 0) -> list[Row]:
    """Return rows of random ids."""
    random = np.random.default_rng(seed)
    return [row(*random.integers(0, vocabulary, length)) for length in lengths]


def build(
    folder: Path,
    kind: str = "bert",
    *,
    labels: int = 1,
    shape: tiny_encoders.Shape = SHAPE,
    int8: bool = True,
) -> Path:
    """Write a model and its graph, and return the graph's file; a model of kind `late` has no head."""
    if kind == "late":
        tiny_encoders.build_late(folder, shape=shape)
    else:
        tiny_encoders.build(folder, kind, labels=labels, shape=shape)
    return write(
        folder, folder / ("model_int8.onnx" if int8 else "model.onnx"), headless=kind == "late", int8=int8
    )


def write(folder: Path, place: Path, *, headless: bool = False, int8: bool = True) -> Path:
    """Write the graph of a folder's weights to a file, and return it."""
    encoder = read_encoder(folder, headless=headless)
    rounding = smoothed_int8(encoder, seen_inputs(encoder, some_rows(5, 17, 40))) if int8 else None
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(build_graph(encoder, int8=rounding))
    return place


def expected(onnx: Path, given: Row) -> np.ndarray:
    """Return the logits of a row, or the vectors of its tokens: float64, but for what int8 rounds."""
    layout = read_layout(onnx)
    assert layout is not None
    return expected_of(layout, given)


def expected_of(layout: NativeLayout, given: Row) -> np.ndarray:
    """Return the same of weights that no file holds."""
    hidden = _embedded(layout, given)
    for layer in layout.layers:
        query, key, value, attended, up, down = layer.products
        qkv, to_attended, to_up, to_down = layer.inputs or [None] * 4
        context = _attended(layout, *(_product(hidden, one, qkv) for one in (query, key, value)))
        mixed = _product(context, attended, to_attended) + hidden
        hidden = _norm(mixed, layer.gains[0], layer.shifts[0], layout.epsilon)
        wide = tiny_encoders.gelu(_product(hidden, up, to_up))
        hidden = _norm(
            _product(wide, down, to_down) + hidden, layer.gains[1], layer.shifts[1], layout.epsilon
        )
    if layout.head is None:
        return hidden
    dense = hidden[0] @ layout.head.dense.weight + layout.head.dense.bias
    active = tiny_encoders.gelu(dense) if layout.head.is_gelu else np.tanh(dense)
    return active @ layout.head.out.weight + layout.head.out.bias


def _embedded(layout: NativeLayout, given: Row) -> np.ndarray:
    total = layout.words[given.ids].astype(np.float64)
    if layout.word_scales is not None:
        total *= layout.word_scales[given.ids]
    total += layout.positions[: len(given.ids)]
    if layout.types is not None:
        total += layout.types[given.types]
    return _norm(total, layout.gain, layout.shift, layout.epsilon)


def _product(x: np.ndarray, product: Product, read: Input | None) -> np.ndarray:
    if read is None:
        return x @ product.weight + product.bias
    whole = np.clip(np.rint(x * read.factors) + read.offset, 0, 255) - read.offset
    return whole @ product.weight.astype(np.float64) * read.scale * product.scales + product.bias


def _attended(layout: NativeLayout, query: np.ndarray, key: np.ndarray, value: np.ndarray) -> np.ndarray:
    split = [one.reshape(len(one), layout.heads, -1).transpose(1, 0, 2) for one in (query, key, value)]
    scores = split[0] @ split[1].transpose(0, 2, 1) / math.sqrt(split[0].shape[-1])
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    context = shares / shares.sum(-1, keepdims=True) @ split[2]
    return context.transpose(1, 0, 2).reshape(query.shape)


def _norm(x: np.ndarray, gain: np.ndarray, shift: np.ndarray, epsilon: float) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon) * gain + shift
