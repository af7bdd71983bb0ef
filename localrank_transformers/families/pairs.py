"""A query of a cross-encoder: pairs by the tokenizer's template, logits from any engine that takes rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from localrank_transformers.call.contract import (
    Activation,
    DocumentTokens,
    EngineRequest,
    OnnxQuery,
    Row,
    Scorer,
)
from localrank_transformers.families.logits import margins
from localrank_transformers.families.tokenization import PairTokenizer, QueryTokens

__all__ = ["PairFamily", "PairQuery"]


@dataclass(frozen=True, slots=True, repr=False)
class PairQuery:
    """See `PointwiseQuery`.

    Attributes:
        tokenizer: Joins query and document.
        query: The tokens of the query.
        logits: Takes the rows of a batch and returns shape (rows, labels).
    """

    tokenizer: PairTokenizer
    query: QueryTokens
    logits: Callable[[Sequence[Row]], npt.NDArray[Any]]

    @property
    def truncated(self) -> bool:
        """Whether the query was cut."""
        return self.query.truncated

    @property
    def query_tokens(self) -> int:
        """Return 0: the query is part of each pair."""
        return 0

    def documents(self, texts: Sequence[str]) -> list[DocumentTokens]:
        """Tokenize documents, each cut to what fits beside the query."""
        return self.tokenizer.documents(self.query, texts)

    def length(self, document: DocumentTokens) -> int:
        """Return the tokens of the pair."""
        return self.tokenizer.length(self.query, document)

    def batch_length(self, document: DocumentTokens) -> int:
        """Return the tokens of the pair: nothing is shared between rows."""
        return self.tokenizer.length(self.query, document)

    def margins(self, documents: Sequence[DocumentTokens]) -> list[float]:
        """Return one logit a document."""
        return margins(self.logits([self.tokenizer.row(self.query, document) for document in documents]))


@dataclass(frozen=True, slots=True, repr=False)
class PairFamily:
    """Cross-encoders; see `OnnxFamily`."""

    tokenizer: PairTokenizer
    activation: Activation = "sigmoid"
    groups: bool = True
    reads_instruction: bool = False
    query_room: str = "three quarters of the model's window"

    def open(self, query: str, instruction: str | None) -> OnnxQuery:  # noqa: ARG002  # a pair has no place for it
        """Tokenize a query."""
        return _PairQuery(self.tokenizer, self.tokenizer.query(query))

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the character span of each token of `text`."""
        return self.tokenizer.token_spans(text)


@dataclass(frozen=True, slots=True, repr=False)
class _PairQuery:
    """See `OnnxQuery`."""

    tokenizer: PairTokenizer
    query: QueryTokens

    @property
    def truncated(self) -> bool:
        return self.query.truncated

    @property
    def query_tokens(self) -> int:
        return 0

    def documents(self, texts: Sequence[str]) -> list[DocumentTokens]:
        return self.tokenizer.documents(self.query, texts)

    def length(self, document: DocumentTokens) -> int:
        return self.tokenizer.length(self.query, document)

    def rows(self, documents: Sequence[DocumentTokens]) -> list[Row]:
        return [self.tokenizer.row(self.query, document) for document in documents]

    def scorer(self, request: EngineRequest) -> Scorer:
        return lambda documents: margins(request.run(self.rows(documents)))
