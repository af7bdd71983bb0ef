"""Whether a text is in a language that a model reads, as far as scripts and common words show; silent in doubt.

Letters of another script than Latin tell it at a glance. Between languages of the Latin script common words decide, and letters
that few languages have. Names, code, formulas and numbers have too few of either to say anything.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from localrank.providers.common_words import LETTERS, NAMING, WORDS

__all__ = ["READ_CHARACTERS", "READ_DOCUMENTS", "Writing", "foreign_words", "unread", "unread_documents"]

READ_CHARACTERS = 200
"""Characters of a text that are looked at."""

READ_DOCUMENTS = 5
"""Documents of a list that are to be looked at, spread evenly over it."""

_CLEAR = 3
"""How far another language must be ahead of those that are read. A common word counts 2, one that names have 1; a word with a
letter that the language has for itself counts 2, with one that it shares 1."""

_SCRIPTS: dict[str, tuple[str, str, int]] = {
    # name: letters, languages, what a letter counts against a Latin one
    "Greek": ("\u0370-\u03ff\u1f00-\u1fff", "el", 1),
    "Cyrillic": ("\u0400-\u052f", "ru uk bg sr mk be kk ky mn tg", 1),
    "Armenian": ("\u0530-\u058f", "hy", 1),
    "Hebrew": ("\u0590-\u05ff", "he yi", 1),
    "Arabic": (
        "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufeff",
        "ar fa ur ps ku ug sd",
        1,
    ),
    "Devanagari": ("\u0900-\u097f", "hi mr ne sa", 1),
    "Bengali": ("\u0980-\u09ff", "bn as", 1),
    "Gurmukhi": ("\u0a00-\u0a7f", "pa", 1),
    "Gujarati": ("\u0a80-\u0aff", "gu", 1),
    "Odia": ("\u0b00-\u0b7f", "or", 1),
    "Tamil": ("\u0b80-\u0bff", "ta", 1),
    "Telugu": ("\u0c00-\u0c7f", "te", 1),
    "Kannada": ("\u0c80-\u0cff", "kn", 1),
    "Malayalam": ("\u0d00-\u0d7f", "ml", 1),
    "Sinhala": ("\u0d80-\u0dff", "si", 1),
    "Thai": ("\u0e00-\u0e7f", "th", 1),
    "Lao": ("\u0e80-\u0eff", "lo", 1),
    "Tibetan": ("\u0f00-\u0fff", "bo dz", 1),
    "Burmese": ("\u1000-\u109f", "my", 1),
    "Georgian": ("\u10a0-\u10ff", "ka", 1),
    "Ethiopic": ("\u1200-\u139f", "am ti", 2),
    "Khmer": ("\u1780-\u17ff", "km", 1),
    "Kana": ("\u3041-\u30fa\u30fc-\u30ff", "ja", 2),
    "Hangul": ("\u1100-\u11ff\uac00-\ud7af", "ko", 2),
    "Han": ("\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff", "zh ja", 3),
}

_NAMES = {
    "en": "English",
    "de": "German",
    "es": "Spanish",
    "fr": "French",
    "it": "Italian",
    "pt": "Portuguese",
    "nl": "Dutch",
    "ca": "Catalan",
    "ro": "Romanian",
    "pl": "Polish",
    "cs": "Czech",
    "sk": "Slovak",
    "hr": "Croatian",
    "hu": "Hungarian",
    "fi": "Finnish",
    "sv": "Swedish",
    "da": "Danish",
    "nb": "Norwegian",
    "tr": "Turkish",
    "vi": "Vietnamese",
    "id": "Indonesian",
}

_OF_ONE_LANGUAGE = {"Kana": "Japanese", "Hangul": "Korean"}
"""Scripts that are called otherwise than the one language that is written in them."""

_scripts = list(_SCRIPTS)
# a single letter of an alphabet is one of a formula; a single syllable or Han character is a word
_RUNS = "|".join(f"([{letters}]{{{1 if weight > 1 else 2},}})" for letters, _, weight in _SCRIPTS.values())
_LATIN = r"[a-zA-Z\u00c0-\u024f\u1e00-\u1eff]"
# not what stands in an address, a path or a name of code
_WORD = r"(?<![\w/.@&?=:+*<>#%$-])[a-z\u00df-\u024f\u1e00-\u1eff]+(?![\w/@&=+*<>(\[{:-]|\.\w)|[¿¡]"
_MARKED = "[\u00a1-\u024f\u1e00-\u1eff]"
_compiled = cache(re.compile)
"""At their first use: most calls need none of them."""

_letters = {letter: languages.split() for letters, languages in LETTERS.items() for letter in letters}
_vietnamese = ("vi",)
_naming = frozenset(NAMING.split())


class Writing(NamedTuple):
    """What a text is written in.

    Attributes:
        name: Of the language, or of the script where only that is known.
        languages: ISO 639-1 codes of what it may be.
    """

    name: str
    languages: tuple[str, ...]


def unread(text: str, languages: frozenset[str]) -> Writing | None:
    """Return what `text` is written in if that clearly is none of `languages`; None otherwise.

    Args:
        text: Its first `READ_CHARACTERS` are looked at.
        languages: ISO 639-1 codes of what can be read.
    """
    text = text[:READ_CHARACTERS]
    if not text.isascii():
        script = _unread_script(text, languages)
        if script is not None:
            return script
    words = set(_compiled(_WORD).findall(text.lower()))
    foreign = words & foreign_words(languages)
    # what is read in `languages` too speaks for no other; most texts end here
    if len(foreign) < 2 and text.isascii():
        return None
    return _unread_words(words, languages)


def unread_documents(documents: Sequence[str], languages: frozenset[str]) -> Writing | None:
    """Return what most of `documents` are written in, if that is none of `languages`; None otherwise.

    Args:
        documents: At most `READ_DOCUMENTS` of a list are enough.
        languages: ISO 639-1 codes of what can be read.
    """
    found: list[Writing] = []
    for done, document in enumerate(documents, start=1):
        writing = unread(document, languages)
        if writing is not None:
            found.append(writing)
        elif 2 * (done - len(found)) >= len(documents):
            return None
    return max(found, key=found.count) if found else None


@cache
def foreign_words(languages: frozenset[str]) -> frozenset[str]:
    """Return the words that are common in a language, in small letters, and in none of `languages`.

    A text of ASCII in which none of them stands between blanks is one that `unread` has nothing to say of, all but always; this
    takes a fifth of the time.
    """
    return frozenset(word for word, where in _by_word().items() if languages.isdisjoint(where))


def _unread_script(text: str, languages: frozenset[str]) -> Writing | None:
    """Return the script of a quarter of the letters, each by its weight, unless one of `languages` is written in it."""
    weights: Counter[str] = Counter()
    for match in _compiled(_RUNS).finditer(text):
        name = _scripts[(match.lastindex or 1) - 1]
        weights[name] += _SCRIPTS[name][2] * len(match[0])
    if not weights:
        return None
    total = weights.total() + len(_compiled(_LATIN).findall(text))
    foreign = {
        name: weight for name, weight in weights.items() if languages.isdisjoint(_SCRIPTS[name][1].split())
    }
    if not foreign or 4 * sum(foreign.values()) < total:
        return None
    name = max(foreign, key=foreign.__getitem__)
    return Writing(_OF_ONE_LANGUAGE.get(name, f"{name} script"), tuple(_SCRIPTS[name][1].split()))


def _unread_words(words: set[str], languages: frozenset[str]) -> Writing | None:
    """Return the language that explains clearly more of the different words than each of `languages`; None where none does."""
    points: Counter[str] = Counter()
    for word in words:
        for language in _by_word().get(word, ()):
            points[language] += 1 if word in _naming else 2
        if _compiled(_MARKED).search(word):
            for language, weight in _of_letters(word).items():
                points[language] += weight
    if not points:
        return None
    ((language, most),) = points.most_common(1)
    read = max((points[one] for one in languages), default=0)
    return Writing(_NAMES[language], (language,)) if most >= read + _CLEAR else None


def _of_letters(word: str) -> dict[str, int]:
    """Return what the letters of a word say: 2 for a language that has one nearly for itself, 1 for others."""
    found: dict[str, int] = {}
    for letter in word:
        languages = _letters.get(letter, _vietnamese if letter > "\u1e9f" else ())
        weight = 2 if len(languages) == 1 else 1
        for language in languages:
            found[language] = max(weight, found.get(language, 0))
    return found


@cache
def _by_word() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for language, words in WORDS.items():
        for word in words.split():
            found.setdefault(word, []).append(language)
    return found
