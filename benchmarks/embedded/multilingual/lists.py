"""Lists with one right candidate, of passages in many languages and of English records: to fit a score, and to choose by.

The queries are headings that only one page of a language has, over their passage and those of other pages that are nearest by
BM25 over letters; where a language has few headings, first sentences of passages, which are then shown without them; headings
over English passages, near the English heading; and questions that people asked in English. Passages and headings that are
the same in English were not translated, and are left out.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from benchmarks.embedded.multilingual.letters import LetterIndex
from benchmarks.embedded.multilingual.texts import is_apart
from benchmarks.embedded.multilingual.vocabulary import LANGUAGES
from benchmarks.embedded.records.reading import HUMAN, is_development, read_records

__all__ = ["KEPT_BACK", "PEOPLE", "Labelled", "of_headings", "of_headings_across", "of_people"]

KEPT_BACK = frozenset({"squad_explore"})
"""What the questions that the model is measured by are translated from."""

PEOPLE = "en, people"

_SEED = 26
_POOL = 1500
"""Passages of a language that candidates are taken from."""
_SHORT = 600
"""Characters of a passage that are read."""
_SHORTEST_HEADING = 12
_SHORTEST = 80
"""Characters of a passage that stands without its first sentence."""
_SENTENCE = re.compile(r"(?<=[.!?؟。！？])\s*|(?<=।)\s*")
_LONGEST_SENTENCE = 160


@dataclass(frozen=True, slots=True)
class Labelled:
    """A query with candidates.

    Attributes:
        language: What the lists of one kind are called.
        query: A heading, a sentence or a question.
        documents: The best first, by BM25 over letters.
        right: The place of the right one.
    """

    language: str
    query: str
    documents: tuple[str, ...]
    right: int


@dataclass(frozen=True, slots=True)
class _Passage:
    group: str
    heading: str
    text: str

    @property
    def page(self) -> str:
        return self.group.rpartition("/")[0]


def of_headings(path: Path, *, lists: int, candidates: int, apart: bool) -> Iterator[Labelled]:
    """Yield lists of each language.

    Args:
        path: The passages.
        lists: Of each language.
        candidates: Of each list, at most.
        apart: Whether of the pages that are kept out of training, where a language has enough of them, or of the others.
    """
    for language, passages in sorted(_passages(path).items()):
        dice = random.Random(f"{_SEED} {language} {apart}")  # noqa: S311 - no secret
        asked = list(islice(_asked(passages, dice, apart=apart), lists))
        drawn = dice.sample(passages, min(_POOL, len(passages)))
        pool = _Pool((one.text, one.page) for one in (*(right for _, right in asked), *drawn))
        for query, right in asked:
            yield pool.labelled(language, query, right.text, right.page, candidates, near=query)


def of_headings_across(path: Path, *, lists: int, candidates: int) -> Iterator[Labelled]:
    """Yield lists of each language that has enough pages in common with English, of pages that are kept out of training."""
    passages = _passages(path)
    english = {one.group: one for one in passages["en"]}
    dice = random.Random(_SEED)  # noqa: S311 - no secret
    drawn = dice.sample(passages["en"], min(_POOL, len(english)))
    rights = [one for one in passages["en"] if is_apart(one.group)]
    pool = _Pool((one.text, one.page) for one in (*rights, *drawn))
    for language, own in sorted(passages.items()):
        asked = [one for one in _headed(own) if is_apart(one.group) and one.group in english]
        if language == "en" or len(asked) < lists:
            continue
        for one in dice.sample(asked, lists):
            right = english[one.group]
            near = right.heading or right.text
            name = f"{language} → en"
            yield pool.labelled(name, one.heading, right.text, right.page, candidates, near=near)


def of_people(train: Path, *, lists: int, candidates: int, apart: bool) -> Iterator[Labelled]:
    """Yield lists of each file of English records: questions that people asked, over passages of other groups.

    Args:
        train: Folder of records.
        lists: Of each file.
        candidates: Of each list, at most.
        apart: Whether of the groups that are kept out of training, or of the others.
    """
    records = [
        one for one in read_records(train, excluded=()) if one.kind in HUMAN and one.file not in KEPT_BACK
    ]
    dice = random.Random(_SEED)  # noqa: S311 - no secret
    for source in sorted({one.file for one in records}):
        own = [one for one in records if one.file == source]
        asked = [one for one in own if is_development(one) == apart]
        asked = dice.sample(asked, min(lists, len(asked)))
        drawn = dice.sample(own, min(_POOL, len(own)))
        pool = _Pool((one.passage, one.group) for one in (*asked, *drawn))
        for one in asked:
            yield pool.labelled(PEOPLE, one.query, one.passage, one.group, candidates, near=one.query)


def _passages(path: Path) -> Mapping[str, Sequence[_Passage]]:
    """Return the passages of each supported language, without what was not translated."""
    found: dict[str, list[_Passage]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            one = _Passage(record["group"], record["heading"] or "", record["text"])
            found[record["language"]].append(one)
    english = {one.text for one in found.get("en", ())}
    headings = {one.heading for one in found.get("en", ())}
    return {
        language: [
            one
            for one in found[language]
            if language == "en" or (one.text not in english and not (one.heading and one.heading in headings))
        ]
        for language in LANGUAGES
        if language in found
    }


def _headed(passages: Sequence[_Passage]) -> list[_Passage]:
    often = Counter(heading for heading, _ in {(one.heading, one.page) for one in passages})
    return [one for one in passages if len(one.heading) >= _SHORTEST_HEADING and often[one.heading] == 1]


def _asked(
    passages: Sequence[_Passage], dice: random.Random, *, apart: bool
) -> Iterator[tuple[str, _Passage]]:
    """Yield headings with their passages, then first sentences with what follows them."""
    headed = [one for one in _headed(passages) if is_apart(one.group) == apart]
    for one in dice.sample(headed, len(headed)):
        yield one.heading, one
    begun = Counter(first for first, _ in map(_divided, passages))
    for one in dice.sample(passages, len(passages)):
        first, after = _divided(one)
        if (
            begun[first] == 1
            and _SHORTEST_HEADING <= len(first) <= _LONGEST_SENTENCE
            and len(after) >= _SHORTEST
        ):
            yield first, _Passage(one.group, "", after)


def _divided(passage: _Passage) -> tuple[str, str]:
    first, *rest = [part for part in _SENTENCE.split(passage.text) if part] or [""]
    return first, " ".join(rest)


class _Pool:
    """Texts that candidates are taken from.

    Args:
        texts: With the page or group that each is of.
    """

    def __init__(self, texts: Iterable[tuple[str, str]]) -> None:
        pages: dict[str, set[str]] = defaultdict(set)
        for text, page in texts:
            pages[text[:_SHORT]].add(page)
        self._texts = list(pages)
        self._pages = list(pages.values())
        self._index = LetterIndex(self._texts)

    def labelled(
        self, language: str, query: str, right: str, page: str, count: int, *, near: str
    ) -> Labelled:
        """Return the `count` texts of other pages that BM25 puts first for `near`, and the right one, which is of the pool.

        Where it is not among the first, it is the last.
        """
        own = self._texts.index(right[:_SHORT])
        order = self._index.best(near, len(self._texts))
        best = [at for at in order if at == own or page not in self._pages[at]][:count]
        if own not in best:
            best[-1] = own
        return Labelled(language, query, tuple(self._texts[at] for at in best), best.index(own))
