"""What the parts of a call hand each other, and what a family and an engine must say to take part in one."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:  # the embedded model is to be there at once, and numpy takes longer than all the rest
    import numpy as np
    import numpy.typing as npt

    from localrank.contract.model import DoRerankOptions, DoRerankResult
    from localrank_transformers.call.deadline import Watch
    from localrank_transformers.call.scheduler import Scheduler

    Ids: TypeAlias = npt.NDArray[np.int64]

__all__ = [
    "Activation",
    "DocumentTokens",
    "Engine",
    "EngineRequest",
    "Grouping",
    "Ids",
    "LoadedModel",
    "OnnxFamily",
    "OnnxQuery",
    "Row",
    "Scorer",
    "TorchFamily",
    "TorchLoaded",
]

Activation = Literal["sigmoid", "none"]
"""`sigmoid`: 1 / (1 + e⁻ˣ) of the single logit, and for two labels the softmax of the positive one, which is the sigmoid of the
difference. `none`: the logit as it is."""

Grouping: TypeAlias = Literal["alone", "equal", "padded", "packed"]
"""Each row by itself; rows of one length; rows filled up to the longest; rows end to end."""


@dataclass(frozen=True, slots=True)
class DocumentTokens:
    """The ids of one document, cut to the room that the query leaves; four bytes each."""

    ids: array[int]
    truncated: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One row as the model reads it, each of shape (length,): ids, segment ids, and 1 for each token that the others see.

    None as the last means that all are seen.
    """

    ids: Ids
    types: Ids
    attended: Ids | None = None


Scorer: TypeAlias = Callable[[Sequence[DocumentTokens]], list[float]]
"""Takes the documents of one unit, runs them and returns one logit each; called from many threads at once."""


class OnnxQuery(Protocol):
    """One query, tokenized and ready to meet documents."""

    @property
    def truncated(self) -> bool:
        """Whether the query was cut."""
        ...

    @property
    def query_tokens(self) -> int:
        """Tokens that the engine reads once for all documents: the query's, where it is read apart from them."""
        ...

    def documents(self, texts: Sequence[str]) -> list[DocumentTokens]:
        """Tokenize documents, each cut to what fits beside the query."""
        ...

    def length(self, document: DocumentTokens) -> int:
        """Return the tokens that the engine reads for one document."""
        ...

    def rows(self, documents: Sequence[DocumentTokens]) -> list[Row]:
        """Return what the engine reads: a row a document, and before them the query's where it is read apart."""
        ...

    def scorer(self, request: EngineRequest) -> Scorer:
        """Return what scores documents with the runs of `request`."""
        ...


class OnnxFamily(Protocol):
    """A family with its tokenizer."""

    @property
    def activation(self) -> Activation:
        """What turns a logit into a score where the user does not say."""
        ...

    @property
    def groups(self) -> bool:
        """Whether documents may share a padded run."""
        ...

    @property
    def reads_instruction(self) -> bool:
        """Whether there is a place for an instruction."""
        ...

    @property
    def query_room(self) -> str:
        """What a query is cut to, in words."""
        ...

    def open(self, query: str, instruction: str | None) -> OnnxQuery:
        """Tokenize a query."""
        ...

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the character span of each token of `text`, special tokens left out."""
        ...


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


@dataclass(frozen=True, slots=True, repr=False)
class LoadedModel:
    """What a call needs.

    Attributes:
        family: Reads queries and documents, and makes logits of what the engine gives.
        engine: Computes.
        exact: Computes them again in float32 for the best documents, with the precision `refined`; otherwise None.
        activation: Turns a logit into a score.
        threads: Units of one call at once; None means every worker.
        scheduler: Where the units run; its workers live as long as this model is held.
    """

    family: OnnxFamily
    engine: Engine
    exact: Engine | None
    activation: Activation
    threads: int | None
    scheduler: Scheduler

    def settle(self) -> None:
        """Wait until nothing is made in the background."""
        for engine in (self.engine, self.exact):
            if engine is not None:
                engine.settle()


class TorchFamily(Protocol):
    """What a loaded model of any family can do."""

    def rank(self, options: DoRerankOptions, watch: Watch) -> DoRerankResult:
        """Rank one request in the calling thread, which holds the model's lock.

        Every pass runs under `TorchRuntime.run`, so that it is left when `watch` says so; an incomplete ranking is then
        returned, and thrown away where the call was aborted.
        """
        ...


@dataclass(frozen=True, slots=True, repr=False)
class TorchLoaded:
    """What a call needs.

    Attributes:
        family: Ranks.
        runtime: The device (`engines.torch.runtime.TorchRuntime`).
        chosen: What the settings came to, for the result's metadata.
        lock: Held by the one call that computes.
    """

    family: TorchFamily
    runtime: Any
    chosen: Mapping[str, Any]
    lock: threading.Lock
