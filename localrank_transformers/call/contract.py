"""What the parts of a call hand each other, and what a family, an engine and a device must say to take part in one."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:  # the embedded model is to be there at once, and numpy takes longer than all the rest
    import numpy as np
    import numpy.typing as npt

    from localrank.contract.model import DoRerankOptions, DoRerankResult
    from localrank.contract.types import RerankWarning
    from localrank_transformers.call.deadline import Watch

    Ids: TypeAlias = npt.NDArray[np.int64]

__all__ = [
    "Activation",
    "Device",
    "DocumentTokens",
    "Engine",
    "EngineRequest",
    "Family",
    "Grouping",
    "Ids",
    "Model",
    "Query",
    "Row",
    "Runner",
    "Scorer",
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


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Row:
    """One row as the model reads it, each of shape (length,): ids, segment ids, and 1 for each token that the others see.

    None as the last means that all are seen.
    """

    ids: Ids
    types: Ids
    attended: Ids | None = None


Scorer: TypeAlias = Callable[[Sequence[DocumentTokens]], list[float]]
"""Takes the documents of one unit, runs them and returns one logit each; called from every thread of a runner at once."""


class Query(Protocol):
    """One query, tokenized and ready to meet documents; it lives for one call."""

    @property
    def truncated(self) -> bool:
        """Whether the query was cut."""
        ...

    @property
    def query_tokens(self) -> int:
        """Tokens that the engine reads once for all documents: the query's, where it is read apart from them."""
        ...

    @property
    def shared_tokens(self) -> int:
        """Tokens of every document's row that the engine computes once for all of them."""
        ...

    def documents(self, documents: Sequence[str]) -> list[DocumentTokens]:
        """Tokenize documents, each cut to what fits beside the query."""
        ...

    def lengths(self, documents: Sequence[DocumentTokens]) -> list[int]:
        """Return the tokens that the engine reads for each document, with query and prompt where they are in its row.

        It is 0 for a document that is not read, since it is known or was found to be known while it was scored.
        """
        ...

    def rows(self, documents: Sequence[DocumentTokens]) -> list[Row]:
        """Return what an engine reads: a row a document, and before them the query's where it is read apart."""
        ...

    def scorer(self, request: Any) -> Scorer:
        """Return what scores documents with a `Runner.request` of the engine that this family was loaded with."""
        ...


class Family(Protocol):
    """What a kind of model means, with its tokenizer: texts to rows, and what the engine gives to logits."""

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
    def query_limit(self) -> str:
        """What a query is cut to, in words."""
        ...

    def open(self, query: str, instruction: str | None) -> Query:
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

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        ...

    def run(self, rows: Sequence[Row]) -> npt.NDArray[Any]:
        """Return the logits of `rows`, shape (rows, labels).

        Raises:
            InferenceError: The engine failed, or the handle was stopped.
        """
        ...

    def vectors(self, rows: Sequence[Row], *, alone: bool = False) -> list[npt.NDArray[Any]]:
        """Return the vectors of each row's tokens, shape (tokens, dimensions) each; raise as `run` does.

        Args:
            rows: What is read.
            alone: Whether the call runs nothing else meanwhile.
        """
        ...


class Engine(Protocol):
    """A loaded graph, for many threads at once."""

    @property
    def grouping(self) -> Grouping:
        """How rows may share a run without changing each other's numbers."""
        ...

    def request(self, threads: int = 1, *, alone: bool = True) -> EngineRequest:
        """Return a handle for the runs of one call.

        Args:
            threads: What a run of one row may take where that is faster, and the call runs nothing else meanwhile.
            alone: Whether that is so of every run; if not, of those that say so.
        """
        ...

    def settle(self) -> None:
        """Wait until nothing is made in the background, and make nothing from now on."""
        ...


class Runner(Protocol):
    """One engine for one pass over the documents of one call."""

    @property
    def request(self) -> Any:
        """What a query's scorer computes with."""
        ...

    @property
    def deadline_slice(self) -> int:
        """Documents tokenized together where there is a deadline, so that the first scores are there before the last text."""
        ...

    def run(
        self,
        work: Sequence[int],
        execute: Callable[[Sequence[int]], None],
        should_stop: Callable[[], bool],
    ) -> bool:
        """Hand every position of `work` to `execute`, in units that are computed together; return False if stopped before.

        Args:
            work: The tokens of each document; 0 where nothing is read, so that many make one unit.
            execute: Scores the documents at some positions.
            should_stop: Looked at often.
        """
        ...

    def stop(self) -> None:
        """End what is running soon. Safe from any thread."""
        ...

    def end(self) -> list[RerankWarning]:
        """End the pass, and return what the caller should know of how it ran."""
        ...


class Device(Protocol):
    """Where a model computes; it outlives the calls."""

    def begin(self, engine: Any, family: Family, documents: int) -> Runner:
        """Return a runner for a request of so many documents."""
        ...

    def release(self) -> None:
        """Let go of what was held for a model, once no call computes."""
        ...


class Model(Protocol):
    """A model in memory."""

    @property
    def provider(self) -> str:
        """The name under which a call's options and the result's metadata speak of it."""
        ...

    @property
    def metadata(self) -> Mapping[str, Any] | None:
        """What every result says of the model."""
        ...

    def rank(self, options: DoRerankOptions, watch: Watch) -> DoRerankResult:
        """Rank one request in the calling thread; incompletely once `watch` says stop."""
        ...
