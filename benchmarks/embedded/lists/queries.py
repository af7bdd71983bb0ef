"""Queries made from texts, without a model: sentences cut out, key phrases, bare titles, and worse-written forms of a query."""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Iterable

__all__ = ["Keywords", "cut_sentence", "keyword_form", "misspelt", "question_inside"]

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"“(])")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9'-]+")
_QUESTION = re.compile(
    r"^(what|when|where|which|who|whom|whose|why|how|is|are|was|were|do|does|did|can|could|should)\b",
    re.IGNORECASE,
)
_STOP_WORDS = """
a about after all also an and any are as at be because been before being between both but by can could did do
does during each for from had has have he her him his how i if in into is it its may more most must no not of on
one only or other our out over she should so some such than that the their them then there these they this those
through to under up use used was we were what when where which while who whom whose why will with would you your
"""
_STOP = frozenset(_STOP_WORDS.split())


def _sentences(text: str) -> list[str]:
    return [part.strip() for part in _SENTENCE.split(text) if part.strip()]


def cut_sentence(text: str, dice: random.Random) -> tuple[str, str] | None:
    """Return a sentence of `text` and the text without it; None where it has too few sentences of a fit length."""
    parts = _sentences(text)
    fit = [place for place, part in enumerate(parts) if 7 <= len(part.split()) <= 32]
    if len(parts) < 3 or not fit:
        return None
    place = dice.choice(fit)
    return parts[place].replace("\n", " "), " ".join(parts[:place] + parts[place + 1 :])


def question_inside(text: str) -> str | None:
    """Return the first question that `text` itself asks."""
    asked = (part for part in _sentences(text) if part.endswith("?") and 4 <= len(part.split()) <= 25)
    return next(asked, None)


class Keywords:
    """Key phrases of a text: its rarest words of the collection, in the text's order.

    Args:
        texts: The collection that says what is rare.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._counts: Counter[str] = Counter()
        self._total = 0
        for text in texts:
            self._counts.update(set(self._words(text)))
            self._total += 1

    def __call__(self, text: str, dice: random.Random) -> str | None:
        """Return 2 to 5 words; None where the text has too few."""
        found = Counter(self._words(text))
        weights = {
            word: (1 + math.log(count)) * math.log(1 + self._total / (1 + self._counts[word]))
            for word, count in found.items()
        }
        best = sorted(weights, key=weights.__getitem__, reverse=True)[:8]
        if len(best) < 5:
            return None
        kept = set(dice.sample(best, dice.randint(2, 5)))
        return " ".join(word for word in dict.fromkeys(self._words(text)) if word in kept)

    @staticmethod
    def _words(text: str) -> list[str]:
        return [word for word in (found.lower() for found in _WORD.findall(text)) if word not in _STOP]


def keyword_form(query: str) -> str | None:
    """Return a question as one types it into a search box: lower case, without question and function words."""
    words = [word for word in query.rstrip("?!. ").lower().split() if word not in _STOP]
    return " ".join(words) if _QUESTION.match(query) and len(words) >= 2 else None


def misspelt(query: str, dice: random.Random) -> str:
    """Return the query with a letter left out, doubled or swapped with the next in one of its longer words."""
    words = query.split()
    long = [place for place, word in enumerate(words) if len(word) > 4 and word.isalpha()]
    if not long:
        return query
    place = dice.choice(long)
    word = words[place]
    at = dice.randrange(1, len(word) - 1)
    words[place] = dice.choice(
        [
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        ]
    )
    return " ".join(words)
