"""A tokenizer of SentencePiece's kind (Unigram, Kudo 2018) whose pieces are found in little memory by whoever can.

`tokenizers` keeps such pieces as a tree with a hash map in each node: 120 MB and half a second for 120,000 of them. Here it
normalizes texts and finds special tokens, with no piece in memory, and what an engine brings finds the pieces.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from tokenizers import Tokenizer

from localrank_transformers.models.folder.stated.tokenizer import read_tokenizer

if TYPE_CHECKING:
    import numpy.typing as npt
    from tokenizers import Encoding

    from localrank_transformers.models.folder.stated.pairs import PairSettings

__all__ = ["PieceFinder", "PieceTable", "Pieces", "UnigramTokenizer", "unigram_tokenizer"]

MARK = "\u2581"
"""What SentencePiece writes for a blank."""

_NO_PIECES = [["", 0.0]]
_NO_PIECE = 0
"""All that the frame knows is the empty piece, which no text contains, and its id is what it gives to each word."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PieceTable:
    """The pieces of a vocabulary, in the order of their ids.

    Attributes:
        pieces: In UTF-8, one after another.
        lengths: Bytes of each, shape (pieces,).
        scores: The natural logarithm of each one's probability, rounded as `tokenizers` reads it; shape (pieces,).
        end: Where the file goes on behind them.
    """

    pieces: bytes
    lengths: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float64]
    end: int


class Pieces(Protocol):
    """The pieces of a vocabulary, ready to be found. Safe to use from many threads."""

    def id(self, piece: str) -> int | None:
        """Return the id of a piece, of equal ones the last; None if it is none."""
        ...

    def ids(self, text: str) -> Sequence[int]:
        """Return the ids of a normalized text without special tokens, as tokenizers' Unigram gives them.

        Args:
            text: In which blanks are `MARK`, where texts are not split at white space.
        """
        ...


class PieceFinder(Protocol):
    """What an engine brings for such tokenizers."""

    def table(self, content: bytes, start: int) -> PieceTable | None:
        """Read the array of pieces that begins at `start` of a tokenizer's file; None where it is none."""
        ...

    def pieces(self, table: PieceTable, *, unknown: int, at_blanks: bool) -> Pieces:
        """Make a vocabulary ready to be searched.

        Args:
            table: The pieces.
            unknown: The id of what is no piece.
            at_blanks: Whether texts are split at white space before blanks become `MARK`.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Encoded:
    """What is asked of tokenizers' `Encoding`; what was not asked for is empty."""

    ids: Sequence[int]
    type_ids: Sequence[int] = ()
    sequence_ids: Sequence[int | None] = ()
    special_tokens_mask: Sequence[int] = ()


class UnigramTokenizer:
    """What families ask of tokenizers' `Tokenizer`, with the same ids. Safe to use from many threads.

    Args:
        frame: The same tokenizer but for its pieces: it knows none.
        pieces: Those.
        at_blanks: See `PieceFinder`.
        added: The ids of tokens that are found in raw text.
        whole: Reads the tokenizer with all its pieces.
    """

    def __init__(
        self,
        frame: Tokenizer,
        pieces: Pieces,
        *,
        at_blanks: bool,
        added: Mapping[str, int],
        whole: Callable[[], Tokenizer],
    ) -> None:
        self._frame = frame
        self._normalizer = frame.normalizer
        self._pieces = pieces
        self._at_blanks = at_blanks
        self._added = added
        self._added_by_frame = {frame.token_to_id(token): number for token, number in added.items()}
        self._added_in = re.compile("|".join(map(re.escape, added)) or r"(?!)").search
        self._whole = whole

    @cached_property
    def whole(self) -> Tokenizer:
        """The library's own, for what is asked seldom: it takes the memory that is saved here."""
        return self._whole()

    def token_to_id(self, token: str) -> int | None:
        """Return the id of a token."""
        number = self._added.get(token)
        return self._pieces.id(token) if number is None else number

    def encode(self, text: str, pair: str | None = None, *, add_special_tokens: bool = True) -> Encoded:
        """Return a text, or two, as the template joins them."""
        framed = self._frame.encode(text, pair, add_special_tokens=add_special_tokens)
        parts = list(self._parts(framed))
        sizes = [len(part) for part in parts]
        return Encoded(
            [number for part in parts for number in part],
            _repeated(framed.type_ids, sizes),
            _repeated(framed.sequence_ids, sizes),
            _repeated(framed.special_tokens_mask, sizes),
        )

    def encode_batch_fast(self, texts: Sequence[str], *, add_special_tokens: bool) -> list[Encoded]:
        """Return the ids of texts, each by itself."""
        if add_special_tokens:
            return [self.encode(text) for text in texts]
        return [Encoded(self._ids(text)) for text in texts]

    def _ids(self, text: str) -> Sequence[int]:
        if self._added_in(text):
            framed = self._frame.encode(text, add_special_tokens=False)
            return [number for part in self._parts(framed) for number in part]
        if self._normalizer:
            text = self._normalizer.normalize_str(text)
        return self._pieces.ids(text if self._at_blanks else text.replace(" ", MARK))

    def _parts(self, framed: Encoding) -> Iterator[Sequence[int]]:
        """Yield the ids of each token of the frame: one of the template, one found in raw text, or a word."""
        for token, number, sequence in zip(framed.tokens, framed.ids, framed.sequence_ids, strict=True):
            if sequence is None:
                yield (number,)
            elif number == _NO_PIECE:
                yield self._pieces.ids(token)
            else:
                yield (self._added_by_frame[number],)


def _repeated(values: Sequence[Any], sizes: Sequence[int]) -> list[Any]:
    return [value for value, size in zip(values, sizes, strict=True) for _ in range(size)]


def unigram_tokenizer(
    content: bytes, said: PairSettings, finder: PieceFinder
) -> tuple[UnigramTokenizer, PairSettings] | None:
    """Return the tokenizer of a file whose pieces are found by `finder`, and how pairs are read; see `read_tokenizer`.

    Args:
        content: `tokenizer.json`.
        said: What the files beside it say.
        finder: Reads and finds pieces.

    Returns:
        None for a tokenizer of another kind, and for a file that is not as the library writes it.

    Raises:
        ModelLoadError: The file contradicts another one.
    """
    try:
        table, described = _apart(content, finder)
        unknown = _unknown(described["model"], len(table.lengths))
        at_blanks = _at_blanks(described["pre_tokenizer"])
        pieces = finder.pieces(table, unknown=unknown, at_blanks=at_blanks)
        added = _added(described["added_tokens"], pieces)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
        return None
    if not set(said.special) <= added.keys():
        return None
    described["model"]["unk_id"] = _NO_PIECE
    frame, settled = read_tokenizer(json.dumps(described).encode(), said)
    tokenizer = UnigramTokenizer(
        frame, pieces, at_blanks=at_blanks, added=added, whole=lambda: read_tokenizer(content, said)[0]
    )
    return tokenizer, settled


_vocabulary = re.compile(rb'"vocab"\s*:\s*').search


def _apart(content: bytes, finder: PieceFinder) -> tuple[PieceTable, dict[str, Any]]:
    """Return the pieces of a file, and what else it says, with the empty piece as all of them."""
    key = _vocabulary(content)
    table = finder.table(content, key.end()) if key else None
    if key is None or table is None or not table.lengths.all() or not np.isfinite(table.scores).all():
        raise ValueError(key)
    _check_letters(table)
    described: dict[str, Any] = json.loads(
        (content[: key.end()] + json.dumps(_NO_PIECES).encode() + content[table.end :]).decode()
    )
    if described["model"]["vocab"] != _NO_PIECES:
        raise ValueError(key)
    return table, described


def _check_letters(table: PieceTable) -> None:
    """Refuse what is no UTF-8, in each piece by itself."""
    table.pieces.decode()
    starts = np.cumsum(table.lengths) - table.lengths
    if ((np.frombuffer(table.pieces, dtype=np.uint8)[starts] & 0xC0) == 0x80).any():
        raise ValueError(table.end)


def _unknown(model: Mapping[str, Any], pieces: int) -> int:
    others = model.keys() - {"type", "unk_id", "vocab", "byte_fallback"}
    if model["type"] != "Unigram" or others or model.get("byte_fallback"):
        raise ValueError(model["type"])
    unknown = model["unk_id"]
    if not isinstance(unknown, int) or unknown not in range(pieces):
        raise ValueError(unknown)
    return unknown


def _at_blanks(splits: Mapping[str, Any]) -> bool:
    """Return whether blanks are dropped before words get their mark."""
    parts = splits["pretokenizers"] if splits["type"] == "Sequence" else [splits]
    *before, last = parts
    marks = (
        last["type"] == "Metaspace"
        and last["replacement"] == MARK
        and last.get("split", True)
        and last.get("prepend_scheme", "always") == "always"
        and last.get("add_prefix_space", True)
    )
    if not marks or [one["type"] for one in before] not in ([], ["WhitespaceSplit"]):
        raise ValueError(splits["type"])
    return bool(before)


def _added(tokens: Sequence[Mapping[str, Any]], pieces: Pieces) -> dict[str, int]:
    added: dict[str, int] = {}
    for token in tokens:
        content, number = token["content"], token["id"]
        if token["normalized"] or pieces.id(content) != number:
            raise ValueError(content)
        added[content] = number
    return added
