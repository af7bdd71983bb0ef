"""Encoders of random sizes and weights as the compiled kernels take them, without a file."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from localrank_transformers.engines.native.encoder import NativeEncoder, StopFlag
from localrank_transformers.engines.native.layout import Input, NativeHead, NativeLayer, NativeLayout, Product

Floats = npt.NDArray[np.float32]
Document = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""Ids and segments of its tokens."""

VOCABULARY = 50


@dataclass(frozen=True)
class Sizes:
    """Of an encoder; 0 labels for one whose token vectors are the result."""

    int8: bool = True
    heads: int = 2
    head_width: int = 32
    inner: int = 96
    layers: int = 2
    labels: int = 1
    window: int = 64
    segments: int = 2
    gelu_head: bool = False

    @property
    def width(self) -> int:
        """Numbers of a token's vector."""
        return self.heads * self.head_width


def random_sizes(random: np.random.Generator, *, window: int = 64) -> Sizes:
    """Return sizes of which every kind occurs: one head and many, narrow and wide, odd numbers of panels."""
    return Sizes(
        int8=bool(random.integers(2)),
        heads=int(random.integers(1, 5)),
        head_width=32 * int(random.integers(1, 4)),
        inner=32 * int(random.integers(1, 12)),
        layers=int(random.integers(1, 4)),
        labels=int(random.integers(0, 4)),
        window=window,
        segments=int(random.integers(1, 3)),
        gelu_head=bool(random.integers(2)),
    )


def random_layout(random: np.random.Generator, sizes: Sizes) -> NativeLayout:
    """Return weights that keep numbers in the range that trained ones have."""
    width = sizes.width
    words: npt.NDArray[np.generic] = _normal(random, VOCABULARY, width)
    scales = None
    if sizes.int8:
        words = random.integers(-128, 128, (VOCABULARY, width), dtype=np.int8)
        scales = random.uniform(0.005, 0.03, (VOCABULARY, 1)).astype(np.float32)
    head = NativeHead(
        _product(random, width, width), sizes.gelu_head, _product(random, width, max(1, sizes.labels))
    )
    return NativeLayout(
        words=words,
        word_scales=scales,
        positions=_normal(random, sizes.window, width),
        types=_normal(random, sizes.segments, width) if sizes.segments > 1 else None,
        gain=_near_one(random, width),
        shift=_normal(random, width),
        layers=tuple(_layer(random, sizes) for _ in range(sizes.layers)),
        head=head if sizes.labels else None,
        heads=sizes.heads,
        epsilon=1e-12,
        content=mmap.mmap(-1, mmap.PAGESIZE),
    )


def some_documents(random: np.random.Generator, sizes: Sizes, lengths: Sequence[int]) -> list[Document]:
    """Return documents of random ids."""
    return [
        (random.integers(0, VOCABULARY, length), random.integers(0, sizes.segments, length))
        for length in lengths
    ]


def run(encoder: NativeEncoder, documents: Sequence[Document], *, threads: int = 1) -> Floats:
    """Return what an encoder makes of documents that it runs end to end."""
    ids, types = (np.concatenate(parts) for parts in zip(*documents, strict=True))
    lengths = np.array([len(ids) for ids, _ in documents], dtype=np.int32)
    return encoder.run(ids, types, lengths, StopFlag(0), threads=threads)


def _layer(random: np.random.Generator, sizes: Sizes) -> NativeLayer:
    width, inner = sizes.width, sizes.inner
    shapes = [(width, width)] * 4 + [(width, inner), (inner, width)]
    inputs: tuple[Input, ...] = ()
    if sizes.int8:
        inputs = tuple(_input(random, count) for count in (width, width, width, inner))
    return NativeLayer(
        products=tuple(_product(random, *shape, int8=sizes.int8) for shape in shapes),
        inputs=inputs,
        gains=(_near_one(random, width), _near_one(random, width)),
        shifts=(_normal(random, width), _normal(random, width)),
    )


def _product(random: np.random.Generator, inputs: int, outputs: int, *, int8: bool = False) -> Product:
    bias = _normal(random, outputs)
    if not int8:
        return Product(_normal(random, inputs, outputs) / np.float32(np.sqrt(inputs)), bias)
    weight = random.integers(-128, 128, (inputs, outputs), dtype=np.int8)
    scales = (random.uniform(0.5, 1.5, outputs) / 74 / np.sqrt(inputs)).astype(np.float32)
    return Product(weight, bias, scales)


def _input(random: np.random.Generator, channels: int) -> Input:
    scale = float(random.uniform(0.01, 0.04))
    factors = _near_one(random, channels) if random.integers(2) else np.ones(1, dtype=np.float32)
    return Input(factors / np.float32(scale), scale, int(random.integers(0, 256)))


def _normal(random: np.random.Generator, *shape: int) -> Floats:
    return random.standard_normal(shape, dtype=np.float32)


def _near_one(random: np.random.Generator, count: int) -> Floats:
    return random.uniform(0.7, 1.3, count).astype(np.float32)
