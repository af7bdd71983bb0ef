"""The compiled kernels as an engine: rows of token ids in, logits or token vectors out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from localrank_transformers.call.contract import Grouping
from localrank_transformers.engines.native.encoder import NativeEncoder, StopFlag
from localrank_transformers.engines.native.layout import read_layout
from localrank_transformers.engines.native.library import library
from localrank_transformers.engines.packing import end_to_end, ids_end_to_end, parts

if TYPE_CHECKING:
    from localrank_transformers.call.contract import Row

__all__ = ["NativeEngine", "NativeRequest", "open_native"]

_LEAST_SHARE = 32
"""Tokens of a row for each thread: with fewer they wait for each other as long as they compute."""

_FOR_TWO = 9
"""Tokens of a row that are worth a second thread: nine take 1.31 ms with one and .98 with two, fifteen 2.06 and 1.34 (the
embedded model on two cores with AVX2)."""


def open_native(onnx: Path, *, is_kept: bool = False) -> NativeEngine | None:
    """Load a graph that we wrote; None where the kernels are absent or do not compute such a graph.

    Raises:
        ModelLoadError: There is no memory for its weights.
        OSError: The file cannot be read.
    """
    kernels = library()
    layout = None if kernels is None else read_layout(onnx, is_kept=is_kept)
    return None if kernels is None or layout is None else NativeEngine(NativeEncoder(kernels, layout))


class NativeEngine:
    """See `Engine`."""

    def __init__(self, encoder: NativeEncoder) -> None:
        self._encoder = encoder

    @property
    def grouping(self) -> Grouping:
        """Rows run end to end: whatever shares a run, a row's numbers keep their bits."""
        return "packed"

    def request(self, threads: int = 1, *, alone: bool = True) -> NativeRequest:
        """Return a handle for the runs of one call.

        Args:
            threads: What a run of one row may take while nothing else of the call runs; they are made for it and gone after it.
            alone: Whether nothing else ever runs; if not, only a run that says so takes more than one thread.
        """
        return NativeRequest(self._encoder, threads, alone=alone)

    def settle(self) -> None:
        """Return at once: nothing is made in the background."""


class NativeRequest:
    """See `EngineRequest`; a run ends in its next layer."""

    def __init__(self, encoder: NativeEncoder, threads: int, *, alone: bool) -> None:
        self._encoder = encoder
        self._threads = threads
        self._alone = alone
        self._stopped = StopFlag(0)

    def stop(self) -> None:
        """End every run of this handle, and refuse new ones."""
        self._stopped.value = 1

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped.value != 0

    def run(self, rows: Sequence[Row], *, alone: bool = False) -> npt.NDArray[Any]:
        """Return the logits of `rows`, shape (rows, labels)."""
        ids, lengths = ids_end_to_end(rows)
        reads_types = self._encoder.segments > 1
        types = end_to_end([row.types for row in rows], lengths) if reads_types else np.zeros_like(ids)
        threads = min(self._threads, _worth(lengths[0])) if len(rows) == 1 and (alone or self._alone) else 1
        return self._encoder.run(
            ids, types, np.array(lengths, dtype=np.int32), self._stopped, threads=threads
        )

    def vectors(self, rows: Sequence[Row], *, alone: bool = False) -> list[npt.NDArray[Any]]:
        """Return the vectors of each row's tokens, shape (tokens, dimensions) each."""
        return parts(self.run(rows, alone=alone), rows)


def _worth(tokens: int) -> int:
    """Return how many threads make a row of so many tokens faster."""
    return max(1 if tokens < _FOR_TWO else 2, tokens // _LEAST_SHARE)
