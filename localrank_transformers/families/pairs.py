"""Cross-encoders: pairs by the tokenizer's template, logits from any engine that takes rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from localrank_transformers.call.contract import Activation, DocumentTokens, EngineRequest, Row, Scorer
from localrank_transformers.families.logits import document_logits
from localrank_transformers.families.tokenization import PairTokenizer, QueryTokens

__all__ = ["PairFamily", "PairQuery"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PairFamily:
    """Query and document in one row; see `Family`."""

    tokenizer: PairTokenizer
    activation: Activation = "sigmoid"
    groups: bool = True
    reads_instruction: bool = False
    query_limit: str = "three quarters of the model's window"

    def open(self, query: str, instruction: str | None) -> PairQuery:  # noqa: ARG002  # a pair has no place for it
        """Tokenize a query."""
        tokens = self.tokenizer.query(query)
        return PairQuery(self.tokenizer, tokens, tokens.truncated)

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the character span of each token of `text`."""
        return self.tokenizer.token_spans(text)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PairQuery:
    """See `Query`."""

    tokenizer: PairTokenizer
    query: QueryTokens
    truncated: bool
    query_tokens: ClassVar[int] = 0
    shared_tokens: ClassVar[int] = 0

    def documents(self, documents: Sequence[str]) -> list[DocumentTokens]:
        """Tokenize documents, each cut to what fits beside the query."""
        return self.tokenizer.documents(self.query, documents)

    def lengths(self, documents: Sequence[DocumentTokens]) -> list[int]:
        """Return the tokens of each pair."""
        return [self.tokenizer.length(self.query, document) for document in documents]

    def rows(self, documents: Sequence[DocumentTokens]) -> list[Row]:
        """Return the pairs."""
        return [self.tokenizer.row(self.query, document) for document in documents]

    def scorer(self, request: EngineRequest) -> Scorer:
        """Return what runs pairs and takes one logit of each."""
        positive = self.tokenizer.positive
        return lambda documents: document_logits(request.run(self.rows(documents)), positive)
