"""An encoder in C: its weights handed over once, then runs from many threads."""

from __future__ import annotations

import ctypes
import mmap
import weakref
from collections import deque
from contextlib import suppress
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from localrank.contract.errors import InferenceError, ModelLoadError
from localrank_transformers.engines.native.layout import NativeHead, NativeLayer, NativeLayout
from localrank_transformers.engines.native.library import GivenEncoder, GivenLayer, Kernels

__all__ = ["NativeEncoder", "StopFlag"]

StopFlag: TypeAlias = ctypes.c_int32
"""Not 0 once a run is to end; a run looks at it before each layer."""

Numbers: TypeAlias = npt.NDArray[np.int64]

_KEPT_ROOM = 16 << 20
"""Bytes of a run's room that are kept for the next run; more, which long documents want, is given back."""

_STOPPED, _TOO_LONG, _NOT_FINITE = 1, 3, 4
"""What a run returns when it gives nothing; see kernels/encoder.h. What is left is an id that no table has."""


class NativeEncoder:
    """Loaded weights.

    Attributes:
        width: Numbers of a token's vector.
        labels: Logits of a document; 0 without a head.
        segments: How many segment ids there are.

    Args:
        kernels: See `library`.
        layout: The weights. Tables of embeddings stay where they are; matrices are copied into the order of the kernels.

    Raises:
        ModelLoadError: There is no memory for the copy.
    """

    def __init__(self, kernels: Kernels, layout: NativeLayout) -> None:
        self.width = layout.width
        self.labels = 0 if layout.head is None else len(layout.head.out.bias)
        self.segments = 1 if layout.types is None else len(layout.types)
        self._functions = kernels.functions
        self._kept: list[npt.NDArray[Any]] = []
        """What C points to."""
        given = self._given(layout)
        self._handle = kernels.functions.localrank_encoder_new(ctypes.byref(given), kernels.number)
        if not self._handle:
            raise ModelLoadError(
                "There is not enough memory for the model.", hint="Close other models, or take a smaller one."
            )
        freeing = weakref.finalize(self, kernels.functions.localrank_encoder_free, self._handle)
        freeing.atexit = False  # a worker may still be running in it
        if isinstance(layout.content, mmap.mmap):
            # A process that locks its memory keeps all; Windows takes pages back by itself.
            with suppress(OSError, AttributeError):
                # Matrices are copied; tables come back page by page as they are read.
                layout.content.madvise(mmap.MADV_DONTNEED)
        self._rooms: deque[npt.NDArray[np.uint8]] = deque()

    def run(
        self,
        ids: Numbers,
        types: Numbers,
        lengths: npt.NDArray[np.int32],
        stopped: StopFlag,
        *,
        threads: int = 1,
    ) -> npt.NDArray[np.float32]:
        """Return logits, shape (documents, labels), or without a head vectors, shape (tokens, width).

        Args:
            ids: One a token, the documents one after another; contiguous, as the other arrays.
            types: Segment ids, one a token.
            lengths: Tokens of each document, at least one.
            stopped: Ends the run from another thread.
            threads: How many share the run.

        Raises:
            InferenceError: It was stopped, a document is none that this encoder can read, or a number was not finite.
        """
        documents = len(lengths)
        out = np.empty((documents, self.labels) if self.labels else (len(ids), self.width), dtype=np.float32)
        wanted = self._functions.localrank_room(self._handle, lengths.ctypes.data, documents, threads)
        if wanted < 0:
            raise _failure(_TOO_LONG)
        room = self._room(wanted)
        code = self._functions.localrank_run(
            self._handle,
            room.ctypes.data,
            ids.ctypes.data,
            types.ctypes.data,
            lengths.ctypes.data,
            documents,
            threads,
            out.ctypes.data,
            ctypes.addressof(stopped),
        )
        if len(room) <= _KEPT_ROOM:
            self._rooms.append(room)
        if code:
            raise _failure(code)
        return out

    def _room(self, wanted: int) -> npt.NDArray[np.uint8]:
        try:
            room = self._rooms.pop()
        except IndexError:  # every one is in use
            return np.empty(wanted, dtype=np.uint8)
        return room if len(room) >= wanted else np.empty(wanted, dtype=np.uint8)

    def _given(self, layout: NativeLayout) -> GivenEncoder:
        given = GivenEncoder(
            is_int8=layout.is_int8,
            word_blocks=layout.has_word_blocks,
            width=self.width,
            heads=layout.heads,
            inner=layout.layers[0].products[4].weight.shape[1],
            layers=len(layout.layers),
            vocabulary=len(layout.words),
            window=len(layout.positions),
            segments=self.segments,
            labels=self.labels,
            epsilon=layout.epsilon,
            words=self._address(layout.words),
            positions=self._address(layout.positions),
            gain=self._address(layout.gain),
            shift=self._address(layout.shift),
            layer=(GivenLayer * len(layout.layers))(*(self._layer(layer) for layer in layout.layers)),
        )
        if layout.word_scales is not None:
            given.word_scales = self._address(layout.word_scales)
        if layout.types is not None:
            given.types = self._address(layout.types)
        if layout.head is not None:
            self._add_head(given, layout.head)
        return given

    def _add_head(self, given: GivenEncoder, head: NativeHead) -> None:
        given.head_gelu = head.is_gelu
        given.dense, given.dense_bias = self._address(head.dense.weight), self._address(head.dense.bias)
        given.out, given.out_bias = self._address(head.out.weight.T), self._address(head.out.bias)

    def _layer(self, layer: NativeLayer) -> GivenLayer:
        given = GivenLayer()
        for at, product in enumerate(layer.products):
            given.weights[at] = self._address(product.weight)
            given.biases[at] = self._address(product.bias)
            if product.scales is not None:
                given.scales[at] = self._address(product.scales)
        for at, (read, product) in enumerate(zip(layer.inputs, layer.products[2:], strict=False)):
            given.factors[at] = self._address(np.broadcast_to(read.factors, len(product.weight)))
            given.input_scales[at], given.offsets[at] = read.scale, read.offset
        for at in range(2):
            given.gains[at], given.shifts[at] = (
                self._address(layer.gains[at]),
                self._address(layer.shifts[at]),
            )
        return given

    def _address(self, values: npt.NDArray[Any]) -> int:
        kept = np.require(values, requirements=["C", "A"])  # a small tensor of a file lies anywhere
        self._kept.append(kept)
        return int(kept.ctypes.data)


def _failure(code: int) -> InferenceError:
    if code == _STOPPED:
        return InferenceError("The run was stopped.")
    if code == _TOO_LONG:
        return InferenceError(
            "A document has more tokens than the model has positions.", hint="Pass a smaller max_length."
        )
    if code == _NOT_FINITE:
        return InferenceError(
            "The model computed a number that is not finite: its weights hold NaN or infinity, or are too large.",
            hint="Fetch or export the model again; a training that diverged leaves such weights.",
        )
    return InferenceError(
        "The tokenizer gave an id that the model has no embedding for.",
        hint="tokenizer.json and the graph are of different models: fetch or export them again.",
    )
