"""English texts beside each other with the vectors of `localrank-mini`: what a multilingual student learns an order from.

A step has passages in clusters of neighbours, each with a query made from it or asked of it; single sentences of further
neighbours; words in a row of the passages, which ask as queries do; and passages of help pages, each in a language that is
drawn, with their headings in another. Goals are made of English alone: for a text in another language, of its original. Beside
them stand questions over single sentences, of which the teacher says nothing.
"""

from __future__ import annotations

import math
import random
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from benchmarks.embedded.lists.queries import Keywords, cut_sentence, keyword_form
from benchmarks.embedded.multilingual.english_answers import Answers, Paragraph, drawn, sentences
from benchmarks.embedded.multilingual.lists import KEPT_BACK
from benchmarks.embedded.multilingual.texts import Passage
from benchmarks.embedded.records.overlap import HELD_OUT, protected_texts, unprotected
from benchmarks.embedded.records.reading import HUMAN, Record, is_development, read_records, sample_groups
from localrank_transformers.call.contract import Row
from localrank_transformers.engines.onnx.session import OnnxEngine

__all__ = ["LENGTH", "Asked", "Lists", "Span", "Step", "Teacher", "english_records", "spans"]

Vectors = npt.NDArray[np.float16]

LENGTH = 160
"""Tokens of a text that are read."""

_SCIENCE = [
    "anatomy-physiology",
    "astronomy",
    "chemistry-bundle",
    "college-physics-bundle",
    "introductory-statistics-bundle",
    "microbiology",
    "nursing-external-bundle",
    "psychology",
    "university-physics-bundle",
]
"""Textbooks of which most is taken."""

_PASSAGES = {"science": 3400, "openstax": 1100, "medquad": 1800, "docs": 1500}
_DRAWN = {"openstax": 0.6, "medquad": 0.22, "docs": 0.18}
"""How often a cluster begins with a passage of a file."""

_OF_LABEL = {"keywords": 0.8, "sentence": 0.5, "qa": 0.4, "faq": 0.4, "term": 0.3, "definition": 0.3}
"""The share of a query's goal that its own passage has, the rest being the teacher's; `_OF_HEADING` for other kinds."""
_OF_HEADING = 0.25

_CLUSTERS, _CLUSTER, _SENTENCES, _OTHERS = 2, 6, 4, 4
"""Clusters of a step, and of each: its passages, its sentences, its passages of help pages."""
_NEAREST, _NEAR = 14, 50
_SPAN = (3, 30)
"""Words in a row that ask."""
_WORDS = (5, 45)
"""Of a sentence."""
_SEED = 31


@dataclass(frozen=True, slots=True)
class Asked:
    """A query: its text, the place of its own document, the share of the goal that this has, and whether a person asked it."""

    text: str
    right: int
    share: float
    human: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """Words in a row of a document: its place, and the student's and the teacher's tokens of them."""

    document: int
    own: Sequence[int]
    theirs: Sequence[int]


@dataclass(frozen=True, slots=True)
class Step:
    """Texts for the student, and beside each the teacher's vectors of it or of its English original.

    Attributes:
        documents: English passages.
        queries: A query of each of them.
        sentences: Of other passages; they ask.
        spans: Words in a row of the passages.
        others: Passages in many languages.
        headings: A heading of each of those, in a language of its own.
        goals: The vectors, by the name of the attribute.
        answers: Questions over single sentences, which have no goals.
    """

    documents: Sequence[str]
    queries: Sequence[Asked]
    sentences: Sequence[str]
    spans: Sequence[Span]
    others: Sequence[str]
    headings: Sequence[Asked]
    goals: Mapping[str, Sequence[Vectors]]
    answers: Answers


class Teacher:
    """The token vectors of a model's int8 graph."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(LENGTH)
        self._request = OnnxEngine(folder / "onnx/model_int8.onnx", pad_id=0, int8=True).request()

    def __call__(self, texts: Sequence[str]) -> list[Vectors]:
        """Return the vectors of each text, shape (tokens, width)."""
        rows = [np.asarray(one.ids, np.int64) for one in self.tokenizer.encode_batch_fast(list(texts))]
        return [self._request.vectors([Row(row, np.zeros_like(row))])[0].astype(np.float16) for row in rows]


def english_records(train: Path, protected: Path) -> list[Record]:
    """Return records that may be learnt from, science first, and none of what something is chosen or measured by."""
    records = [
        one
        for one in read_records(train, excluded=HELD_OUT)
        if one.file not in KEPT_BACK and not is_development(one) and len(one.passage.split()) >= 8
    ]
    parts: dict[str, list[Record]] = defaultdict(list)
    for one in records:
        science = one.file == "openstax" and one.source.partition(":")[2] in _SCIENCE
        parts["science" if science else one.file].append(one)
    chosen = [one for name, count in _PASSAGES.items() for one in sample_groups(parts[name], count, _SEED)]
    return unprotected(chosen, protected_texts(protected))


class Lists:
    """Steps, the same for the same number.

    Args:
        records: English, of which each passage is read once by the teacher.
        pages: Help pages, by language.
        articles: Whose sentences answer questions.
        teacher: Says what is like what.
        tokenizer: Of the student; it truncates.
        seed: Of all that is drawn.
    """

    def __init__(
        self,
        records: Sequence[Record],
        pages: Mapping[str, Sequence[Passage]],
        articles: Mapping[str, Sequence[Paragraph]],
        *,
        teacher: Teacher,
        tokenizer: Tokenizer,
        seed: int,
    ) -> None:
        self._asked: dict[str, list[Record]] = defaultdict(list)
        for one in records:
            self._asked[one.passage].append(one)
        self._texts = list(self._asked)
        self._files: dict[str, list[int]] = defaultdict(list)
        for place, own in enumerate(self._asked.values()):
            self._files[own[0].file].append(place)
        self._keywords = Keywords(self._texts)
        self._teacher, self._tokenizer, self._seed = teacher, tokenizer, seed
        self._titled = [one for one in pages["en"] if len(one.text) > 60 and one.title]
        self._translated = {name: {one.group: one for one in own} for name, own in pages.items()}
        self._languages = sorted(pages)
        self._articles = articles

    @cached_property
    def _vectors(self) -> list[Vectors]:
        return self._teacher(self._texts)

    @cached_property
    def _pooled(self) -> npt.NDArray[np.float32]:
        sums = np.stack([one.astype(np.float32).sum(0) for one in self._vectors])
        return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True), np.float32)

    def step(self, number: int) -> Step:
        """Return the texts of a step."""
        dice = random.Random(f"{self._seed} {number}")  # noqa: S311 - sampling, no secret
        documents: list[str] = []
        queries: list[Asked] = []
        known: list[Vectors] = []
        found: list[str] = []
        taken: set[int] = set()
        for _ in range(_CLUSTERS):
            own, others = self._cluster(dice, taken)
            for place in own:
                asked, text = self._query(place, len(documents), dice)
                queries.append(asked)
                documents.append(text)
                known.append(self._vectors[place] if text is self._texts[place] else self._teacher([text])[0])
            said = [one for place in others for one in sentences(self._texts[place], *_WORDS)]
            found += dice.sample(said, min(_SENTENCES, len(said)))
        found = list(dict.fromkeys(found))
        spoken = [one for place, text in enumerate(documents) for one in self._spans(place, text, dice)]
        others_of = self._other_languages(dice)
        goals = {
            "documents": known,
            "queries": self._teacher([one.text for one in queries]),
            "sentences": self._teacher(found),
            "others": self._teacher([one.text for _, _, one in others_of]),
            "headings": self._teacher([one.title for _, _, one in others_of]),
        }
        headings = [Asked(title, place, _OF_HEADING) for place, (_, title, _) in enumerate(others_of)]
        others = [text for text, _, _ in others_of]
        answers = drawn(self._articles, dice)
        return Step(documents, queries, found, spoken, others, headings, goals, answers)

    def _cluster(self, dice: random.Random, taken: set[int]) -> tuple[list[int], list[int]]:
        """Return the places of neighbours, and of further ones whose sentences are read."""
        file = dice.choices(list(_DRAWN), list(_DRAWN.values()))[0]
        first = dice.choice(self._files[file])
        order = np.argsort(-(self._pooled @ self._pooled[first]))[: _NEAR + 1]
        around = [int(place) for place in order if place != first and place not in taken]
        near, later = around[:_NEAREST], around[_NEAREST:]
        own = [first, *dice.sample(near, min(_CLUSTER * 2 // 3, len(near)))]
        own += dice.sample(later, min(_CLUSTER - len(own), len(later)))
        own = [place for place in own if place not in taken]
        taken.update(own)
        rest = [place for place in near if place not in taken]
        return own, dice.sample(rest, min(4, len(rest)))

    def _query(self, place: int, right: int, dice: random.Random) -> tuple[Asked, str]:
        """Return a query of a passage, and the passage as it is then shown."""
        text, drawn = self._texts[place], dice.random()
        query, kind = None, "keywords"
        if drawn < 0.35 and (cut := cut_sentence(text, dice)):
            (query, text), kind = cut, "sentence"
        elif 0.35 <= drawn < 0.5:
            query = self._keywords(text, dice)
        if query is None:
            record = dice.choice(self._asked[text])
            query, kind = record.query, record.kind
            last = query.rsplit(": ", 1)[-1]
            if kind == "heading" and len(last.split()) > 1 and dice.random() < 0.4:
                query = last
            elif kind in ("qa", "faq") and dice.random() < 0.1:
                query = keyword_form(query) or query
        query = query.lower() if dice.random() < 0.1 else query
        return Asked(query, right, _OF_LABEL.get(kind, _OF_HEADING), kind in HUMAN), text

    def _spans(self, place: int, text: str, dice: random.Random) -> list[Span]:
        return spans(place, text, (self._tokenizer, self._teacher.tokenizer), dice)

    def _other_languages(self, dice: random.Random) -> list[tuple[str, str, Passage]]:
        """Return passages and headings in languages that are drawn, with the English original."""
        found: dict[str, tuple[str, str, Passage]] = {}
        for _ in range(_CLUSTERS):
            at = dice.randrange(len(self._titled))
            around = self._titled[max(0, at - 8) : at + 8]
            for one in dice.sample(around, min(_OTHERS, len(around))):
                text, title = (
                    self._translated[dice.choice([*self._languages, *more])].get(one.group, one)
                    for more in (["en"], [])
                )
                found.setdefault(one.group, (text.text, title.title or one.title, one))
        return list(found.values())


def spans(
    place: int, text: str, tokenizers: tuple[Tokenizer, Tokenizer], dice: random.Random, count: int = 2
) -> list[Span]:
    """Return words in a row of a document that both tokenizers reach, each as the tokens whose middle is within."""
    read = [tokenizer.encode(text).offsets for tokenizer in tokenizers]
    reach = min(offsets[-2][1] for offsets in read)
    words = [found.span() for found in re.finditer(r"\S+", text[:reach])]
    found = []
    for _ in range(count):
        length = min(len(words), round(math.exp(dice.uniform(*map(math.log, _SPAN)))))
        at = dice.randrange(max(1, len(words) - length + 1))
        first, last = words[at][0], words[at + length - 1][1]
        own, theirs = (
            [
                number
                for number, (start, end) in enumerate(offsets)
                if end > start and first <= (start + end) / 2 < last
            ]
            for offsets in read
        )
        if own and theirs:
            found.append(Span(place, own, theirs))
    return found
