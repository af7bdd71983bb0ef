"""Pairs into token ids: the query once, the documents a slice at a time, joined by the model's own template."""

from __future__ import annotations

import os
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer

from localrank.contract.errors import InferenceError, ModelLoadError
from localrank.providers.forking import call_after_fork
from localrank_transformers.call.contract import DocumentTokens, Row
from localrank_transformers.families.word_memo import WordMemo, word_memo
from localrank_transformers.models.folder.stated.pairs import PairSettings

if TYPE_CHECKING:
    from localrank_transformers.call.contract import Ids
    from localrank_transformers.models.folder.stated.unigram import UnigramTokenizer

__all__ = ["PairTokenizer", "QueryTokens", "bounded", "cut_documents", "text_ids", "token_spans"]

QUERY_SHARE = 0.75
"""A query takes at most this part of the window, so that a document keeps a quarter (as in FlagEmbedding)."""

CHARACTERS_PER_TOKEN = 8
"""Text beyond this many characters an allowed token is cut before tokenizing; real text has 3 to 6, and one with more is read
again, four times as far."""

SPARE_TOKENS = 32
"""A cut text must yield this many ids more than are kept, so that the border of the cut cannot change a kept one."""

MOST_TIMES = 64
"""How many times as far as at first a text is read whose characters make few tokens (one word of a megabyte makes one)."""

LONG_RUN = 64
"""Blanks and invisible characters in a row beyond which they are tried shorter; extracted texts have millions of them."""

_runs = re.compile(
    rf"[\s\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]{{{2 * LONG_RUN},}}"
)

AT_ONCE = 32
"""Documents that the tokenizer is given in one parallel call: what it returns takes about 30 times the memory of the ids."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class QueryTokens:
    """A tokenized query, ready to be joined with documents.

    Attributes:
        head: Ids before the document: start token, query, separator. Shape (h,).
        head_types: Their segment ids. Shape (h,).
        room: How many document tokens fit beside it.
        truncated: Whether the query was cut.
    """

    head: Ids
    head_types: Ids
    room: int
    truncated: bool


_PLAIN = PairSettings()


class PairTokenizer:
    """Makes pairs as the tokenizer's own post-processor would, without tokenizing the query again for each document.

    Safe to use from many threads: the tokenizer is configured once, here, and never again.

    Args:
        tokenizer: Its truncation and padding are switched off.
        max_length: Tokens of a whole pair, special tokens included.
        said: Segments, prompt, the end that is cut, and which label counts.

    Raises:
        ModelLoadError: The template is no plain sequence of query and document.
    """

    def __init__(
        self, tokenizer: Tokenizer | UnigramTokenizer, *, max_length: int, said: PairSettings = _PLAIN
    ) -> None:
        if isinstance(tokenizer, Tokenizer):
            tokenizer.no_truncation()
            tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._memo = word_memo(tokenizer)
        self._said = said
        self.max_length = max_length
        self._read_template()

    def _read_template(self) -> None:
        """Learn the special tokens around query and document from one encoded pair."""
        pair = self._tokenizer.encode("query", "a document")
        places = pair.sequence_ids
        first = [at for at, place in enumerate(places) if place == 0]
        second = [at for at, place in enumerate(places) if place == 1]
        if not first or not second or first[-1] > second[0]:
            raise ModelLoadError(
                "The tokenizer does not put the query before the document, which this reranker needs."
            )
        self._before = pair.ids[: first[0]]
        self._between = pair.ids[first[-1] + 1 : second[0]]
        self._after = np.array(pair.ids[second[-1] + 1 :], dtype=np.int64)
        types = pair.type_ids if self._said.segments else [0] * len(pair.ids)
        self._before_types = types[: first[0]]
        self._query_type = types[first[0]]
        self._between_types = types[first[-1] + 1 : second[0]]
        self._document_type = types[second[0]]
        self._after_types = np.array(types[second[-1] + 1 :], dtype=np.int64)
        self._check_template("query", "a document", pair.ids, types)

    def _check_template(self, query: str, document: str, ids: Sequence[int], types: Sequence[int]) -> None:
        tokens = self._opened(query)
        row = self.row(tokens, self.documents(tokens, [document])[0])
        if row.ids.tolist() != list(ids) or row.types.tolist() != list(types):
            raise ModelLoadError("The tokenizer's pairs cannot be joined from query and document.")

    @property
    def positive(self) -> int:
        """Which of two labels is the positive one."""
        return self._said.positive

    def query(self, query: str) -> QueryTokens:
        """Tokenize the query once, its prompt before it; cut it to three quarters of the window."""
        return self._opened(self._said.prompt + query)

    def _opened(self, query: str) -> QueryTokens:
        around = len(self._before) + len(self._between) + len(self._after)
        longest = max(1, min(int(self.max_length * QUERY_SHARE), self.max_length - around - 1))
        found = cut_documents(self._tokenizer, [query], longest, left=self._cuts_left)[0]
        kept = found.ids
        types = [*self._before_types, *([self._query_type] * len(kept)), *self._between_types]
        head = np.array([*self._before, *kept, *self._between], dtype=np.int64)
        return QueryTokens(
            head=head,
            head_types=np.array(types, dtype=np.int64),
            room=max(0, self.max_length - len(head) - len(self._after)),
            truncated=found.truncated,
        )

    @property
    def _cuts_left(self) -> bool:
        return self._said.cut_left is True

    def documents(self, query: QueryTokens, texts: Sequence[str]) -> list[DocumentTokens]:
        """Tokenize documents; each is cut to the query's room."""
        return cut_documents(self._tokenizer, texts, query.room, self._memo, left=self._cuts_left)

    def row(self, query: QueryTokens, document: DocumentTokens) -> Row:
        """Join one pair."""
        ids = np.array(document.ids, dtype=np.int64)
        types = np.full(len(ids), self._document_type, dtype=np.int64)
        return Row(
            np.concatenate((query.head, ids, self._after)),
            np.concatenate((query.head_types, types, self._after_types)),
        )

    def length(self, query: QueryTokens, document: DocumentTokens) -> int:
        """Return the tokens of the pair."""
        return len(query.head) + len(document.ids) + len(self._after)

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the character span of each token of `text`."""
        return token_spans(self._tokenizer, text)


def token_spans(tokenizer: Tokenizer | UnigramTokenizer, text: str) -> list[tuple[int, int]]:
    """Return the character span of each token of `text`, special tokens left out."""
    whole = tokenizer if isinstance(tokenizer, Tokenizer) else tokenizer.whole
    return list(whole.encode(_encodable(text), add_special_tokens=False).offsets)


def text_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    """Return the ids of `text` without special tokens."""
    ids: list[int] = tokenizer.encode(_encodable(text), add_special_tokens=False).ids
    return ids


def cut_documents(
    tokenizer: Tokenizer | UnigramTokenizer,
    texts: Sequence[str],
    room: int,
    memo: WordMemo | None = None,
    *,
    left: bool = False,
) -> list[DocumentTokens]:
    """Tokenize documents, by the memo where there is one or else in parallel, and keep `room` tokens of each.

    Args:
        tokenizer: It must not cut or fill up.
        texts: The documents.
        room: Tokens that are kept.
        memo: Of words.
        left: Whether the beginning of a text is cut instead of its end.

    Raises:
        InferenceError: The tokenizer has ids of more than 31 bits.
    """
    cut = _Cut(tokenizer, room, left=left)
    try:
        return [
            document
            for start in range(0, len(texts), AT_ONCE)
            for document in cut.together(texts[start : start + AT_ONCE], memo)
        ]
    except OverflowError as error:
        raise InferenceError(
            "The tokenizer gave an id that no model has an embedding for.",
            hint="tokenizer.json is damaged: copy or fetch the model again.",
        ) from error


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Cut:
    """Reads of each text what is kept, and little more: what is tokenized is bounded by the window, not by the text."""

    tokenizer: Tokenizer | UnigramTokenizer
    room: int
    left: bool

    @property
    def _first(self) -> int:
        """Characters that are read at first."""
        return CHARACTERS_PER_TOKEN * (self.room + SPARE_TOKENS)

    def together(self, texts: Sequence[str], memo: WordMemo | None) -> Iterator[DocumentTokens]:
        first, room = self._first, self.room
        begun = [_encodable(text if len(text) <= first else self._part(text, first)) for text in texts]
        for text, ids in zip(texts, self._ids_of(begun) if memo is None else memo.ids(begun), strict=True):
            if len(text) <= first and len(ids) <= room:
                yield DocumentTokens(array("i", ids), truncated=False)
            else:
                yield self._document(text, ids)

    def _document(self, text: str, ids: Sequence[int]) -> DocumentTokens:
        read, most = self._first, self._first * MOST_TIMES
        if self._wants_more(text, read, ids):
            text = self._part(_without_runs(self.tokenizer, text), most + 1)
            ids = self._ids_of([_encodable(self._part(text, read))])[0]
        while self._wants_more(text, read, ids) and read < most:
            read *= 4
            ids = self._ids_of([_encodable(self._part(text, read))])[0]
        is_cut = len(ids) > self.room or len(text) > read
        kept = ids[max(0, len(ids) - self.room) :] if self.left else ids[: self.room]
        return DocumentTokens(array("i", kept), truncated=is_cut)

    def _wants_more(self, text: str, read: int, ids: Sequence[int]) -> bool:
        return len(text) > read and len(ids) < self.room + SPARE_TOKENS

    def _part(self, text: str, characters: int) -> str:
        return text[max(0, len(text) - characters) :] if self.left else text[:characters]

    def _ids_of(self, texts: Sequence[str]) -> list[Sequence[int]]:
        # the call for many texts leaves the interpreter to other threads, the one for a single text does not
        return [found.ids for found in self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)]


def _without_runs(tokenizer: Tokenizer | UnigramTokenizer, text: str) -> str:
    """Return `text` with long runs of blanks and invisible characters shortened, where their length changes no id."""

    def shortened(match: re.Match[str]) -> str:
        run = match[0]
        short, longer = (
            tokenizer.encode(f"a{run[:size]}b", add_special_tokens=False).ids
            for size in (LONG_RUN, 2 * LONG_RUN)
        )
        return run[:LONG_RUN] if short == longer else run

    return _runs.sub(shortened, text)


def _encodable(text: str) -> str:
    """Return `text` with U+FFFD for surrogates that stand alone, which no tokenizer takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


MOST_CHARACTERS_PER_TOKEN = 64 * CHARACTERS_PER_TOKEN
"""Of a query that is tokenized as a whole: what a tokenizer does with megabytes takes seconds and holds up the process."""


def bounded(text: str, room: int) -> str:
    """Return `text`, or of a much longer one than `room` tokens take its beginning, which makes more tokens than that."""
    return text[: MOST_CHARACTERS_PER_TOKEN * (room + SPARE_TOKENS)]


def _without_parallelism() -> None:
    """Let tokenizers encode in one thread in a child: its pool of threads stayed in the parent, and a call of it never returns.

    tokenizers does so itself, with a remark on stderr, unless this variable demands otherwise.
    """
    if os.environ.get("TOKENIZERS_PARALLELISM"):
        os.environ["TOKENIZERS_PARALLELISM"] = "false"


call_after_fork(_without_parallelism)
