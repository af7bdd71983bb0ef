"""Late interaction over a graph of token vectors: the mean over the query's tokens of the best cosine in each document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from localrank_transformers.call.contract import (
    Activation,
    DocumentTokens,
    EngineRequest,
    Row,
    Scorer,
)
from localrank_transformers.families.late.known.packed import PackedDocument
from localrank_transformers.families.late.scorer import LateParts, LateScorer, row_of
from localrank_transformers.families.late.tokens import KeyedTokens, LateQueryTokens

__all__ = ["LateFamily", "LateQuery"]


@dataclass(slots=True, repr=False)
class LateQuery:
    """See `Query`."""

    family: LateFamily
    query: LateQueryTokens
    truncated: bool
    query_tokens: int
    spared: set[bytes] = field(default_factory=set[bytes])
    shared_tokens: ClassVar[int] = 0

    def documents(self, documents: Sequence[str]) -> list[DocumentTokens]:
        """Tokenize documents, but for those that are known."""
        tokenizer, known = self.family.tokenizer, self.family.known
        if known is None:
            return tokenizer.documents(documents)
        keys = [known.key(document) for document in documents]
        found = known.find(keys)
        new = [at for at, one in enumerate(found) if one is None]
        read = iter(tokenizer.documents([documents[at] for at in new]) if new else ())
        return [
            KeyedTokens.of(next(read), key) if one is None else one
            for key, one in zip(keys, found, strict=True)
        ]

    def lengths(self, documents: Sequence[DocumentTokens]) -> list[int]:
        """Return the tokens of each document's row; 0 where it is not read, since it is known."""
        lengths, spared = self.family.tokenizer.lengths(documents), self.spared
        if self.family.known is None:
            return lengths
        return [
            0
            if isinstance(document, PackedDocument)
            or (isinstance(document, KeyedTokens) and document.key in spared)
            else length
            for document, length in zip(documents, lengths, strict=True)
        ]

    def rows(self, documents: Sequence[DocumentTokens]) -> list[Row]:
        """Return the query's row and the documents'."""
        ids, _ = self.family.tokenizer.rows(documents)
        return [self._row(), *map(row_of, ids)]

    def scorer(self, request: EngineRequest) -> Scorer:
        """Return what runs documents and compares their vectors with the query's."""
        return LateScorer(self.family, self._row(), request, self.spared)

    def _row(self) -> Row:
        return row_of(self.query.ids, self.query.attended)


@dataclass(frozen=True, slots=True, repr=False)
class LateFamily(LateParts):
    """Query and documents apart; see `Family`.

    Attributes:
        query: What one query is: compared here, or by the engine.
    """

    query: type[LateQuery] = LateQuery
    groups: bool = False
    reads_instruction: bool = False
    query_limit: str = "what this model reads of one"

    @property
    def activation(self) -> Activation:
        """What turns a logit into a score where the user does not say."""
        return self.logit.activation

    def open(self, query: str, instruction: str | None) -> LateQuery:  # noqa: ARG002  # a row has no place for it
        """Tokenize a query."""
        tokens = self.tokenizer.query(query)
        return self.query(self, tokens, tokens.truncated, len(tokens.ids))

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the character span of each token of `text`."""
        return self.tokenizer.token_spans(text)
