"""What runs a graph: an engine a model, and a request for the runs of one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy.typing as npt

if TYPE_CHECKING:  # the tokenizers are imported while an engine is made
    from localrank_transformers.tokenization import Row

__all__ = ["Engine", "EngineRequest", "Grouping"]

Grouping: TypeAlias = Literal["alone", "equal", "padded", "packed"]
"""Each row by itself; rows of one length; rows filled up to the longest; rows end to end."""


class EngineRequest(Protocol):
    """The runs of one call. A stopped handle stays stopped: take a new one for the next call."""

    def stop(self) -> None:
        """End every run of this handle soon, and refuse new ones. Safe from any thread."""
        ...

    def run(self, rows: Sequence[Row]) -> npt.NDArray[Any]:
        """Return the logits of `rows`, shape (rows, labels).

        Raises:
            InferenceError: The engine failed, or the handle was stopped.
        """
        ...

    def vectors(self, rows: Sequence[Row]) -> list[npt.NDArray[Any]]:
        """Return the vectors of each row's tokens, shape (tokens, dimensions) each.

        Raises:
            InferenceError: The engine failed, or the handle was stopped.
        """
        ...


class Engine(Protocol):
    """A loaded graph, for many threads at once."""

    @property
    def grouping(self) -> Grouping:
        """How rows may share a run without changing each other's numbers."""
        ...

    def request(self, threads: int = 1) -> EngineRequest:
        """Return a handle for the runs of one call.

        Args:
            threads: What a run of one long row may take where that is faster.
        """
        ...

    def settle(self) -> None:
        """Wait until nothing is made in the background, and make nothing from now on."""
        ...
