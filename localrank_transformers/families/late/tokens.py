"""Late interaction (ColBERT): query and documents as rows of their own, with their markers, fillings and skipped tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer

from localrank.contract.errors import ModelLoadError
from localrank_transformers.call.contract import DocumentTokens
from localrank_transformers.families.tokenization import cut_documents, token_spans
from localrank_transformers.families.word_memo import word_memo
from localrank_transformers.models.folder.late_layout import LateLayout

if TYPE_CHECKING:
    from localrank_transformers.call.contract import Ids
    from localrank_transformers.models.folder.stated.unigram import UnigramTokenizer

__all__ = ["KeyedTokens", "LateQueryTokens", "LateTokenizer"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class KeyedTokens(DocumentTokens):
    """A document that is to be read and then kept by its key."""

    key: bytes

    @classmethod
    def of(cls, tokens: DocumentTokens, key: bytes) -> KeyedTokens:
        """Return the document with its key."""
        return cls(tokens.ids, tokens.truncated, key)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LateQueryTokens:
    """A tokenized query.

    Attributes:
        ids: Shape (tokens,); the expansion included.
        attended: 1 where the model looks; shape (tokens,). All tokens count in the score.
        truncated: Whether the query was cut.
    """

    ids: Ids
    attended: Ids
    truncated: bool


class LateTokenizer:
    """Makes rows: start token, marker, text, end token; and says which tokens of a document count.

    Args:
        tokenizer: It must not cut or fill up.
        layout: Markers and lengths.
        max_length: Tokens of a document.
        mask_token: The tokenizer's mask token.

    Attributes:
        around: Tokens of a document's row besides those of its text.

    Raises:
        ModelLoadError: The vocabulary lacks the token that fills queries.
    """

    def __init__(
        self,
        tokenizer: Tokenizer | UnigramTokenizer,
        layout: LateLayout,
        *,
        max_length: int,
        mask_token: str | None,
    ) -> None:
        self.max_length = max_length
        self._tokenizer = tokenizer
        self._memo = word_memo(tokenizer)
        self._layout = layout
        encoding = tokenizer.encode("a")
        text = [at for at, special in enumerate(encoding.special_tokens_mask) if not special]
        self._before, self._after = encoding.ids[: text[0]], encoding.ids[text[-1] + 1 :]
        self._query_marker, self._query_lead = self._marker(layout.query_prefix)
        self._document_marker, self._document_lead = self._marker(layout.document_prefix)
        self._query_length = min(layout.query_length or max_length, max_length)
        self.around = len(self._before) + len(self._document_marker) + len(self._after)
        self._room = max_length - self.around
        fill = tokenizer.token_to_id(layout.expansion_token or mask_token or "")
        self._fill = 0 if fill is None else fill
        if layout.expanded_length is not None and fill is None:
            raise ModelLoadError(
                "The tokenizer has no mask token, with which this model fills up its queries."
            )
        unknown = getattr(tokenizer.model, "unk_token", None) if isinstance(tokenizer, Tokenizer) else None
        numbers = (tokenizer.token_to_id(word) for word in layout.skipped if word != unknown)
        self._skipped = np.array([number for number in numbers if number is not None], dtype=np.int64)

    def _marker(self, prefix: str) -> tuple[list[int], str]:
        """Return the ids of a marker token at the beginning of `prefix`, and the text after it."""
        first = prefix.split(None, 1)[0] if prefix.split() else ""
        for token in (prefix, f"{first} ", first):
            number = self._tokenizer.token_to_id(token) if token.strip() else None
            if number is not None and prefix.startswith(token.rstrip()):
                return [number], prefix[len(token) :].lstrip() if prefix != token else ""
        return [], prefix

    def query(self, text: str) -> LateQueryTokens:
        """Tokenize a query, cut it, and fill it up where the model does so."""
        around = len(self._before) + len(self._query_marker) + len(self._after)
        room = max(1, self._query_length - around)
        (read,) = cut_documents(self._tokenizer, [self._query_lead + text], room)
        row = [*self._before, *self._query_marker, *read.ids, *self._after]
        missing = max(0, (self._layout.expanded_length or 0) - len(row))
        attended = [1] * len(row) + [int(self._layout.attends)] * missing
        row += [self._fill] * missing
        return LateQueryTokens(
            np.array(row, dtype=np.int64), np.array(attended, dtype=np.int64), truncated=read.truncated
        )

    def documents(self, documents: Sequence[str]) -> list[DocumentTokens]:
        """Tokenize documents, each cut to the room."""
        texts = [self._document_lead + document for document in documents]
        return cut_documents(self._tokenizer, texts, self._room, self._memo)

    def rows(self, documents: Sequence[DocumentTokens]) -> tuple[list[Ids], list[Ids | None]]:
        """Return the ids of documents as the model reads them, and which of them are compared; see `row` and `counted`."""
        rows = [self.row(document) for document in documents]
        return rows, [self.counted(row) for row in rows]

    def row(self, document: DocumentTokens) -> Ids:
        """Return the ids of one document."""
        return np.array([*self._before, *self._document_marker, *document.ids, *self._after], dtype=np.int64)

    def counted(self, row: Ids) -> Ids | None:
        """Return 1 for each token of a document that is compared, and 0 for punctuation; None where the model skips none."""
        return (~np.isin(row, self._skipped)).astype(np.int64) if len(self._skipped) else None

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the character span of each token of `text`."""
        return token_spans(self._tokenizer, text)
