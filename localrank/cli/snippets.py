"""The part of a text that says most about a query, and where the query's words stand in it. Pure."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["best_part", "printable", "query_stems", "word_spans"]

_WORD = re.compile(r"\w+(?:['’]\w+)?")
_SPACE = re.compile(r"\s+")
_SENTENCE_START = re.compile(r"(?:^|[.!?:;]\s)")
_ENDINGS = ("'s", "’s", "ations", "ation", "ings", "ing", "ies", "ied", "ed", "es", "er", "s", "e", "y")

_COMMON_WORDS = frozenset(
    """
    a about am an and any are as at be been but by can could did do does for from had has have how i if in into is it its me my
    no not of on or our should so some than that the their them there these they this to was we were what when where which who
    why will with would you your
    """.split()  # noqa: SIM905
)
"""English words that say nothing of a query's subject."""


def printable(text: str) -> str:
    """Return `text` on one line, with runs of space made one and without what could steer a terminal."""
    spaced = _SPACE.sub(" ", text).strip()
    if spaced.isascii() and spaced.isprintable():
        return spaced
    return "".join(character for character in spaced if unicodedata.category(character)[0] != "C")


def query_stems(query: str) -> frozenset[str]:
    """Return the stems of the query's words that say something; all of them where none does."""
    words = [word.casefold() for word in _WORD.findall(query)]
    telling = [word for word in words if word not in _COMMON_WORDS] or words
    return frozenset(_stem(word) for word in telling)


def word_spans(text: str, stems: frozenset[str]) -> list[tuple[int, int]]:
    """Return where in `text` words with one of `stems` stand, as (start, end)."""
    return [match.span() for match in _WORD.finditer(text) if _stem(match[0].casefold()) in stems]


def best_part(text: str, stems: frozenset[str], limit: int) -> str:
    """Return at most `limit` characters of `text`: the first stretch with the most different words of the query.

    It begins with a word where there are spaces, and with the sentence of its first such word where that fits; `…` marks what
    is left out.
    """
    if len(text) <= limit:
        return text
    room = max(1, limit - 2)
    start = _best_start(text, stems, room)
    end = min(len(text), start + room)
    if end < len(text):
        space = text.rfind(" ", start + room // 2, end + 1)
        end = space if space > 0 else end
    return ("…" if start else "") + text[start:end].strip() + ("…" if end < len(text) else "")


def _best_start(text: str, stems: frozenset[str], room: int) -> int:
    words = [(start, end, _stem(text[start:end].casefold())) for start, end in word_spans(text, stems)]

    def worth(at: int) -> int:
        return len({stem for start, end, stem in words if at <= start and end <= at + room})

    sentences = [match.end() for match in _SENTENCE_START.finditer(text)]
    before = [_beginning(text, max(0, start - room // 4), room) for start, _, _ in words]
    start = max(sorted({0, *sentences, *before}), key=worth)
    if start == 0:
        return 0
    first = next((at for at, _, _ in words if at >= start), start)
    sentence = max((at for at in sentences if at <= first), default=start)
    return sentence if worth(sentence) == worth(start) else start


def _beginning(text: str, at: int, room: int) -> int:
    """Return where the word begins that is read at `at`; `at` itself where there are no spaces, as in Japanese."""
    space = text.rfind(" ", max(0, at - room // 2), at)
    return at if space < 0 else space + 1


def _stem(word: str) -> str:
    ending = next(
        (suffix for suffix in _ENDINGS if word.endswith(suffix) and len(word) - len(suffix) >= 3), ""
    )
    return word[: len(word) - len(ending)] if ending else word
