"""What a family must say for `OnnxReranker` to serve it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy.typing as npt

from localrank_transformers.scoring import Activation
from localrank_transformers.tokenization import DocumentTokens, Row

__all__ = ["OnnxFamily", "OnnxQuery", "RunRows"]

RunRows: TypeAlias = Callable[[Sequence[Row]], npt.NDArray[Any]]
"""One run of the graph: rows of one unit in, its output for them out; raises InferenceError once the call is stopped."""


class OnnxQuery(Protocol):
    """One query over one engine, ready to meet documents from many threads at once."""

    @property
    def truncated(self) -> bool:
        """Whether the query was cut."""
        ...

    def documents(self, texts: Sequence[str]) -> list[DocumentTokens]:
        """Tokenize documents, each cut to what fits beside the query."""
        ...

    def length(self, document: DocumentTokens) -> int:
        """Return the tokens that the engine reads for one document."""
        ...

    def margins(self, documents: Sequence[DocumentTokens]) -> list[float]:
        """Run one unit and return one logit a document."""
        ...


@dataclass(frozen=True, slots=True)
class OnnxFamily:
    """A family with its tokenizer.

    Attributes:
        open_query: Takes a query, an instruction and what runs rows, and tokenizes the query.
        token_spans: Returns the character span of each token of a text.
        activation: What turns a logit into a score where the user does not say.
        reads_instruction: Whether there is a place for an instruction.
    """

    open_query: Callable[[str, str | None, RunRows], OnnxQuery]
    token_spans: Callable[[str], list[tuple[int, int]]]
    activation: Activation = "sigmoid"
    reads_instruction: bool = False
