"""BM25 of one query over texts that come one by one, in memory that does not grow with their number."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import numpy

__all__ = ["BestByWords", "best_by_bm25"]

BLOCK = 65_536
"""Texts that are scored together."""

IN_MEMORY = 16_000_000
"""Bytes of notes that need no disk: those of a million texts or more."""

PIECE = 1 << 16
"""Letters of a text whose words are told apart together: as a list they take ten times the room of the text."""

K1 = 1.5
B = 0.75

_words = re.compile(r"\w\w+").findall
_blank = re.compile(r"\s").search
_STOP_WORDS = frozenset(
    _words(
        "an and are as at be but by for if in into is it no not of on or such that the their then there these they this to was "
        "will with"
    )
)


@dataclass(frozen=True, slots=True)
class BestByWords:
    """Where the best texts stand.

    Attributes:
        places: Of each, from 0, best first; of equals the earlier is first.
        holding: How many of all texts hold a word of the query.
        texts: How many there were.
    """

    places: list[int]
    holding: int
    texts: int


def best_by_bm25(query: str, texts: Iterable[str], count: int) -> BestByWords:
    """Return which `count` of the texts stand highest.

    Words, scores and order are those of bm25s with its defaults: Lucene's formula with k1 1.5 and b 0.75, words of two letters
    or more without Lucene's English stop words. The scores of one query need the lengths of the texts and how often its words
    stand in them, no more: these are noted while the texts pass, beyond `IN_MEMORY` bytes in a temporary file.

    Args:
        query: A word that stands in it twice counts twice.
        texts: Are taken one by one, once, and not kept.
        count: How many are wanted. Texts without a word of the query fill up what is left, in their order.

    Raises:
        OSError: The temporary file cannot be written.
    """
    asked = [word for word in _words(query.lower()) if word not in _STOP_WORDS]
    with SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        notes = _Notes(asked, file)
        for text in texts:
            notes.add(text)
        return _best(notes, asked, count)


class _Notes:
    """What is noted of texts: their lengths in words, and which words of a query stand in them how often.

    A block in the file is the number of its texts and, for each word, of the texts that hold it; then the lengths; then, for
    each word, the places of these texts in the block and how often it stands there. All are unsigned integers of C.

    Attributes:
        holding: Word of the query → how many texts hold it.
        texts: How many texts were noted, the block that is not finished left out.
        total_length: Words of them all.
    """

    def __init__(self, words: Iterable[str], file: IO[bytes]) -> None:
        self.holding = dict.fromkeys(words, 0)
        self.texts = 0
        self.total_length = 0
        self._words = frozenset(self.holding)
        self._file = file
        self._begin()

    def add(self, text: str) -> None:
        """Note the next text."""
        here, length = len(self._lengths), 0
        for piece in (text,) if len(text) <= PIECE else _pieces(text):
            words = _words(piece.lower())
            for word in self._words.intersection(words):
                places, times = self._held[word]
                if not places or places[-1] != here:
                    places.append(here)
                    times.append(0)
                times[-1] += words.count(word)
            length += len(words) - sum(map(_STOP_WORDS.__contains__, words))
        self._lengths.append(length)
        if len(self._lengths) == BLOCK:
            self._finish()

    def _begin(self) -> None:
        self._lengths = array("I")
        self._held = {word: (array("I"), array("I")) for word in self.holding}

    def _finish(self) -> None:
        sizes = array("I", [len(self._lengths), *(len(places) for places, _ in self._held.values())])
        for numbers in (sizes, self._lengths, *(part for parts in self._held.values() for part in parts)):
            self._file.write(numbers.tobytes())
        self.texts += len(self._lengths)
        self.total_length += sum(self._lengths)
        for word, (places, _) in self._held.items():
            self.holding[word] += len(places)
        self._begin()

    def finish(self) -> None:
        """Note no more: from here on the counts are those of all texts."""
        if self._lengths:
            self._finish()
        self._file.seek(0)

    def blocks(self) -> Iterator[tuple[numpy.ndarray, Mapping[str, tuple[numpy.ndarray, numpy.ndarray]]]]:
        """Yield of each block the lengths of its texts, and for each word the places that hold it and how often."""
        import numpy  # noqa: PLC0415 - evaluation may be imported without it

        unsigned = numpy.dtype(numpy.uintc)

        def numbers(count: int) -> numpy.ndarray:
            return numpy.frombuffer(self._file.read(count * unsigned.itemsize), unsigned)

        for _ in range(0, self.texts, BLOCK):
            size, *held = numbers(1 + len(self.holding)).tolist()
            yield (
                numbers(size),
                {
                    word: (numbers(count), numbers(count))
                    for word, count in zip(self.holding, held, strict=True)
                },
            )


def _pieces(text: str) -> Iterator[str]:
    """Yield a text in pieces that begin at a blank."""
    start = 0
    while len(text) - start > PIECE and (blank := _blank(text, start + PIECE)):
        yield text[start : blank.start()]
        start = blank.start()
    yield text[start:]


def _best(notes: _Notes, asked: list[str], count: int) -> BestByWords:
    """Return the best places; the sums are made in the order and in the precision of bm25s, so that ties are the same."""
    import numpy  # noqa: PLC0415

    notes.finish()
    mean_length = numpy.float64(notes.total_length) / max(notes.texts, 1)
    weights = {
        word: numpy.float32(math.log(1 + (notes.texts - holding + 0.5) / (holding + 0.5)))
        for word, holding in notes.holding.items()
    }
    best_scores, best_places = numpy.zeros(0, numpy.float32), numpy.zeros(0, numpy.int64)
    before = holding = 0
    for lengths, held in notes.blocks():
        scores = numpy.zeros(len(lengths), numpy.float32)
        for word in asked:
            places, times = held[word]
            often = times.astype(numpy.float32)
            share = often / (K1 * ((1 - B) + B * lengths[places] / mean_length) + often)
            scores[places] += (weights[word] * share).astype(numpy.float32)
        holding += int(numpy.count_nonzero(scores))
        best_scores = numpy.concatenate([best_scores, scores])
        best_places = numpy.concatenate([best_places, before + numpy.arange(len(lengths))])
        order = (-best_scores).argsort(kind="stable")[:count]
        best_scores, best_places = best_scores[order], best_places[order]
        before += len(lengths)
    return BestByWords(best_places.tolist(), holding, before)
