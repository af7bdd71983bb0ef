"""Texts of many languages in batches, for a student to read: neighbours of a page, and the same passage in two languages.

Every language has the same say, and English training records that of several languages, so that not all texts are of one field
and questions are among them. Beside a passage its heading or question stands now and then. A text is cut to the length of a
question or of a passage, one in ten is small letters alone, and in every second one some tokens are exchanged for those of
frequent words of its language, so that words are met that the passages lack. Some pages are kept apart in all languages.
"""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from benchmarks.embedded.multilingual.vocabulary import LANGUAGES, frequencies

__all__ = ["Passage", "Texts", "is_apart", "read_passages"]

Row = npt.NDArray[np.int64]

_AROUND = 8
"""Passages before and after one that are its neighbours."""

_NEIGHBOURS = 4
_TRANSLATED = 0.5
"""How often a passage stands beside itself in another language, where it has one."""

_SHORT_SHARE = 0.35
_SHORT = (5, 28)
_LONG = (48, 96, 160)
_EXCHANGED = 0.12
_FREQUENT = 20_000
"""Words of a language whose tokens are put in."""

_BOOKS = "en, records"
_OF_BOOKS = 5
"""The say of the English records; that of a language is 1."""

_TITLED = 0.35
"""How often a passage's heading or question stands beside it."""

_LOWER = 0.1
_APART = 5
"""Of 100 pages."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of a page.

    Attributes:
        language: ISO 639-1.
        group: The page and the passage's place; the same in every language that has the page.
        text: What it says.
        title: Its heading, or a question that it answers; empty where there is none.
    """

    language: str
    group: str
    text: str
    title: str = ""


def is_apart(group: str) -> bool:
    """Whether a passage's page is kept out of training, to choose by: a hash of its name decides, for all languages."""
    return zlib.crc32(group.rpartition("/")[0].encode()) % 100 < _APART


def read_passages(path: Path) -> dict[str, list[Passage]]:
    """Return the passages of each supported language that may be learnt from, in the order of the file."""
    found: dict[str, list[Passage]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            if record["language"] in LANGUAGES and not is_apart(record["group"]):
                title = record["heading"] or ""
                one = Passage(record["language"], record["group"], record["text"], title)
                found[one.language].append(one)
    return found


class Texts:
    """Batches of tokens, without those that begin and end a text.

    Args:
        passages: By language.
        records: English passages of other fields; may be none.
        tokenizer: Of the student.
        words: The wheel of wordfreq.
        seed: Of all that is drawn.
    """

    def __init__(
        self,
        passages: Mapping[str, Sequence[Passage]],
        records: Sequence[Passage],
        *,
        tokenizer: Tokenizer,
        words: Path,
        seed: int,
    ) -> None:
        self._passages = {**passages, _BOOKS: records}
        self._tokenizer = tokenizer
        self._seed = seed
        self._languages = sorted(passages)
        self._drawn = [*self._languages, *([_BOOKS] * _OF_BOOKS if records else [])]
        self._places: dict[str, dict[str, int]] = {
            language: {one.group: at for at, one in enumerate(own)} for language, own in passages.items()
        }
        self._frequent = {language: self._pieces(words, language) for language in self._languages}

    def batch(self, step: int, *, tokens: int) -> list[Row]:
        """Return the texts of a step, the short ones first; the same for the same step."""
        dice = random.Random(f"{self._seed} {step}")  # noqa: S311 - sampling, no secret
        rows: list[Row] = []
        while sum(map(len, rows)) < tokens:
            for one in self._near(dice):
                rows.append(self._row(one, one.text, dice))
                if one.title and dice.random() < _TITLED:
                    rows.append(self._row(one, one.title, dice))
            rows = [row for row in rows if len(row)]
        return sorted(rows, key=len)

    def _near(self, dice: random.Random) -> Iterator[Passage]:
        language = dice.choice(self._drawn)
        own = self._passages[language]
        at = dice.randrange(len(own))
        around = own[max(0, at - _AROUND) : at + _AROUND]
        for one in dice.sample(around, min(_NEIGHBOURS, len(around))):
            yield one
            others = [
                name for name in self._languages if name != language and one.group in self._places[name]
            ]
            if others and dice.random() < _TRANSLATED:
                other = dice.choice(others)
                yield self._passages[other][self._places[other][one.group]]

    def _row(self, passage: Passage, text: str, dice: random.Random) -> Row:
        if dice.random() < _LOWER:
            text = text.lower()
        row = np.array(self._tokenizer.encode(text, add_special_tokens=False).ids, np.int64)
        length = dice.randint(*_SHORT) if dice.random() < _SHORT_SHARE else dice.choice(_LONG)
        start = dice.randrange(max(1, len(row) - length)) if dice.random() < 0.5 else 0
        row = row[start : start + length]
        if dice.random() < 0.5:
            frequent = self._frequent[passage.language]
            for at in range(len(row)):
                if dice.random() < _EXCHANGED:
                    row[at] = dice.choice(frequent)
        return row

    def _pieces(self, words: Path, language: str) -> Sequence[int]:
        """Return tokens of frequent words; of passages where the language has no list."""
        texts = list(frequencies(words, language))[:_FREQUENT]
        if not texts:
            texts = [one.text for one in self._passages[language][:2000]]
        found = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return [piece for one in found for piece in one.ids]
