"""What a family must say for `OnnxReranker` to serve it; cross-encoders, which read pairs, say it here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from localrank_transformers.activation import Activation
from localrank_transformers.engines.contract import EngineRequest
from localrank_transformers.scoring import margins
from localrank_transformers.tokenization import DocumentTokens, PairTokenizer, QueryTokens, Row

__all__ = ["OnnxFamily", "OnnxQuery", "PairFamily", "Scorer"]

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
