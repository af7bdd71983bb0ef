"""The compiled kernels as an engine: rows of token ids in, logits or token vectors out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from localrank_transformers.engines.contract import Grouping
from localrank_transformers.engines.native.encoder import NativeEncoder, StopFlag
from localrank_transformers.engines.native.layout import read_layout
from localrank_transformers.engines.native.library import library

if TYPE_CHECKING:
    from localrank_transformers.tokenization import Ids, Row

__all__ = ["NativeEngine", "NativeRequest", "open_native"]


def open_native(onnx: Path) -> NativeEngine | None:
    """Load an int8 graph that we wrote; None where the kernels are absent or do not compute such a graph."""
    kernels = library()
    layout = None if kernels is None else read_layout(onnx)
    return None if kernels is None or layout is None else NativeEngine(NativeEncoder(kernels, layout))


class NativeEngine:
    """See `Engine`."""

    def __init__(self, encoder: NativeEncoder) -> None:
        self._encoder = encoder

    @property
    def grouping(self) -> Grouping:
        """Rows run end to end: whatever shares a run, a row's numbers keep their bits."""
        return "packed"

    def request(self, threads: int = 1) -> NativeRequest:  # noqa: ARG002  # a run is one thread's
        """Return a handle for the runs of one call."""
        return NativeRequest(self._encoder)

    def settle(self) -> None:
        """Return at once: nothing is made in the background."""


class NativeRequest:
    """See `EngineRequest`; a run ends before its next layer."""

    def __init__(self, encoder: NativeEncoder) -> None:
        self._encoder = encoder
        self._stopped = StopFlag(0)

    def stop(self) -> None:
        """End every run of this handle, and refuse new ones."""
        self._stopped.value = 1

    def run(self, rows: Sequence[Row]) -> npt.NDArray[Any]:
        """Return the logits of `rows`, shape (rows, labels)."""
        return self._output(rows, _lengths(rows))

    def vectors(self, rows: Sequence[Row]) -> list[npt.NDArray[Any]]:
        """Return the vectors of each row's tokens, shape (tokens, dimensions) each."""
        lengths = _lengths(rows)
        found = self._output(rows, lengths)
        borders = pairwise([0, *np.cumsum(lengths)])
        return [found[start:end][: len(row.ids)] for row, (start, end) in zip(rows, borders, strict=True)]

    def _output(self, rows: Sequence[Row], lengths: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        ids = _joined([row.ids for row in rows])
        types = _joined([row.types for row in rows]) if self._encoder.segments > 1 else np.zeros_like(ids)
        return self._encoder.run(ids, types, lengths, self._stopped)


def _lengths(rows: Sequence[Row]) -> npt.NDArray[np.int32]:
    return np.array([max(1, len(row.ids)) for row in rows], dtype=np.int32)


def _joined(parts: Sequence[Ids]) -> Ids:
    """Return the numbers end to end, with a 0, which every vocabulary has, for a row without any."""
    filled = [part if len(part) else np.zeros(1, dtype=np.int64) for part in parts]
    return np.ascontiguousarray(filled[0] if len(filled) == 1 else np.concatenate(filled), dtype=np.int64)
