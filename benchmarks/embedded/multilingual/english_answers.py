"""Questions over single sentences of Wikipedia, of which one holds the answer: from SQuAD, neighbouring paragraphs at a time.

No paragraph that XQuAD has translated is read, no article that is an evaluation collection or kept apart, and no text that
shares 13 words in a row with one of them.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.embedded.records.overlap import HELD_OUT, EvaluationTexts, protected_texts
from benchmarks.embedded.records.reading import is_development, read_records

__all__ = ["Answers", "Paragraph", "Question", "drawn", "read_articles", "sentences"]

_FILE = "squad_explore"
_WORDS = (4, 60)
"""Of a sentence."""
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"“(])")
_ARTICLES, _PARAGRAPHS, _QUESTIONS, _SENTENCES = 2, 3, 4, 12
"""Articles of a step, and of each: neighbouring paragraphs, questions, and sentences at most."""
_PLAIN = 0.4
"""How often a question loses its mark, and how often its capital letters."""
_TOLD = 4
"""Letters from which on an answer elsewhere is taken for one."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the place of the only sentence of its paragraph that holds an answer, and the answers."""

    text: str
    place: int
    answers: tuple[str, ...]


@dataclass(slots=True)
class Paragraph:
    """The sentences of a paragraph, and what is asked of it."""

    sentences: list[str]
    questions: list[Question] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Answers:
    """Sentences, and questions with the place of the sentence that answers."""

    sentences: Sequence[str]
    questions: Sequence[tuple[str, int]]


def read_articles(train: Path, protected: Path) -> dict[str, list[Paragraph]]:
    """Return the paragraphs of each article, in their order."""
    measured, translated = protected_texts(protected), _translated(train)
    found: dict[str, dict[str, Paragraph]] = defaultdict(dict)
    for one in read_records(train, excluded=HELD_OUT):
        if one.file != _FILE or is_development(one):
            continue
        if any(texts.holds(text) for texts in (measured, translated) for text in (one.passage, one.query)):
            continue
        own = found[one.group].setdefault(one.passage, Paragraph(sentences(one.passage, *_WORDS)))
        places = [
            place for place, text in enumerate(own.sentences) if any(answer in text for answer in one.answers)
        ]
        if one.kind == "qa" and len(places) == 1:
            own.questions.append(Question(one.query, places[0], one.answers))
    return {name: list(own.values()) for name, own in found.items()}


def _translated(train: Path) -> EvaluationTexts:
    """Return the paragraphs and questions of which XQuAD has translations."""
    with gzip.open(train / f"{_FILE}.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["in_xquad"]]
    return EvaluationTexts([row["query"] for row in rows], [row["passage"] for row in rows])


def sentences(text: str, least: int, most: int) -> list[str]:
    """Return the sentences of so many words."""
    parts = (part.strip().replace("\n", " ") for part in _SENTENCE.split(text))
    return [part for part in parts if least <= len(part.split()) <= most]


def drawn(articles: Mapping[str, Sequence[Paragraph]], dice: random.Random) -> Answers:
    """Return questions of some articles, with the sentences that answer and others that stand near them.

    A sentence that has the answer to a question of another paragraph may answer too, and is left out.
    """
    found: list[str] = []
    asked: list[tuple[str, int]] = []
    for name in dice.sample(sorted(articles), min(_ARTICLES, len(articles))):
        own = articles[name]
        at = dice.randrange(max(1, len(own) - _PARAGRAPHS + 1))
        near = own[at : at + _PARAGRAPHS]
        every = [(one, text) for one in near for text in one.questions]
        chosen = dice.sample(every, min(_QUESTIONS, len(every)))
        right = [paragraph.sentences[question.place] for paragraph, question in chosen]
        told = [text for _, question in chosen for text in question.answers if len(text) >= _TOLD]
        others = [
            text
            for one in near
            for text in one.sentences
            if text not in right and not any(answer in text for answer in told)
        ]
        shown = list(dict.fromkeys(right))
        shown += dice.sample(others, min(max(0, _SENTENCES - len(shown)), len(others)))
        dice.shuffle(shown)
        places = {text: place for place, text in enumerate(shown, len(found))}
        asked += [
            (_plain(question.text, dice), places[text])
            for (_, question), text in zip(chosen, right, strict=True)
        ]
        found += shown
    return Answers(found, asked)


def _plain(question: str, dice: random.Random) -> str:
    """Return the question, often as people type it: without its mark, in small letters."""
    question = question.rstrip("? ") if dice.random() < _PLAIN else question
    return question.lower() if dice.random() < _PLAIN else question
