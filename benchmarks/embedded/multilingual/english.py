"""The student goes on, taught mini's order of English: `python -m benchmarks.embedded.multilingual.english TEACHER …`.

A query, a sentence and words in a row of a passage each put the passages of a step in an order; the student learns the
teacher's (the Kullback-Leibler divergence of softmaxes over the texts, the student's sharpness learnt beside), of which a
query's own passage has a share. Headings in one language over passages in others learn the order of their English originals.
The order of single sentences under a question is not the teacher's: the sentence that holds the answer has most of the goal,
and the order in which the run began the rest. Near the vectors that the run began with stay those of all languages but English,
and in English those of such sentences and of what people ask (the squared distance over their variance). The word table and the
lowest layers are not trained.

`--from-state` is a state of `student`, whose average the run begins with. It is kept, goes on and is written as `student`'s is.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from benchmarks.embedded.multilingual.english_answers import read_articles
from benchmarks.embedded.multilingual.english_lists import LENGTH, Lists, Step, Teacher, english_records
from benchmarks.embedded.multilingual.student import Learner, apart, hidden
from benchmarks.embedded.multilingual.texts import Row, Texts, read_passages
from localrank_transformers.models import bundled

__all__ = ["Losses", "Orders", "likenesses"]

_SHARPNESS = 20.23
"""The teacher's score times this is its logit."""
_BEGINNING = 30.0
_OF_ASKING, _OF_HEADINGS, _OF_ANSWERS = 0.5, 0.7, 0.6
"""What sentences and spans that ask, headings, and questions over sentences count beside queries."""
_ANSWER = 0.7
"""The share of a question's goal that the sentence with the answer has."""
_OF_ENGLISH = 2 / 3
"""What the distance of English vectors counts beside that of other languages."""
_FROZEN = ("embeddings.", "encoder.layer.0.", "encoder.layer.1.")
_NEVER = -1e4
_Vectors = Mapping[str, Sequence[torch.Tensor]]

_STATE, _SHARPNESS_FILE = "state.pt", "sharpness.pt"
_REPORT = 10


@dataclass(frozen=True, slots=True)
class Losses:
    """What a step is to make less: the orders' divergence, and the distance of vectors in other languages and in English."""

    orders: torch.Tensor
    distance: torch.Tensor
    english: torch.Tensor


def likenesses(queries: Sequence[torch.Tensor], documents: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return the mean best cosine of each query's tokens in each document, counted by length; shape (queries, documents)."""
    texts = pad_sequence([functional.normalize(one, dim=-1) for one in documents], batch_first=True)
    real = pad_sequence([torch.ones(len(one), dtype=torch.bool) for one in documents], batch_first=True)
    tokens = torch.cat(list(queries))
    weights = tokens.norm(dim=-1)
    cosines = functional.normalize(tokens, dim=-1) @ texts.flatten(0, 1).T
    best = cosines.view(len(tokens), *real.shape).masked_fill(~real, -1.0).amax(-1) * weights[:, None]
    of = torch.repeat_interleave(torch.arange(len(queries)), torch.tensor([len(one) for one in queries]))
    sums = torch.zeros(len(queries), len(documents)).index_add(0, of, best)
    return sums / torch.zeros(len(queries)).index_add(0, of, weights)[:, None]


class Orders:
    """A student with the sharpness of its orders, and the vectors that it began with.

    Args:
        learner: The student, where it begins.
        tokenizer: Its own; truncates.
        anchor: What the distance counts beside the orders.
    """

    def __init__(self, learner: Learner, tokenizer: Tokenizer, *, anchor: float) -> None:
        self.learner = learner
        self._tokenizer, self._anchor = tokenizer, anchor
        self._before = deepcopy(learner.student).requires_grad_(False)
        learner.freeze(_FROZEN)
        self.sharpness = torch.nn.Parameter(torch.full((3,), math.log(_BEGINNING)))
        self._optimizer = torch.optim.SGD([self.sharpness], lr=0.02)

    def learn(self, step: Step, rows: Sequence[Row], *, of_rate: float = 1.0) -> Losses:
        """Make one step; `rows` are tokens of texts in languages other than English."""
        losses = self.losses(step, rows)
        self._optimizer.zero_grad()
        distance = losses.distance + _OF_ENGLISH * losses.english
        self.learner.descend(losses.orders + self._anchor * distance, of_rate=of_rate)
        self._optimizer.step()
        self.learner.tokens += sum(map(len, rows))
        return losses

    def losses(self, step: Step, rows: Sequence[Row]) -> Losses:
        """Return what a step costs."""
        ids = {name: self._ids(own) for name, own in _texts(step).items()}
        found = self._vectors(self.learner.student, ids)
        goals = {
            name: [torch.from_numpy(one.astype(np.float32)) for one in own]
            for name, own in step.goals.items()
        }
        orders = self._passages(step, found, goals) + _OF_HEADINGS * self._headings(step, found, goals)
        people = [number for number, one in enumerate(step.queries) if one.human]
        held = {"queries": [ids["queries"][number] for number in people]}
        held |= {name: ids[name] for name in ("answers", "questions")}
        before = self._vectors(self._before, held)
        if step.answers.questions:
            orders = orders + _OF_ANSWERS * self._answers(step, found, before)
        now = [*(found["queries"][number] for number in people), *found["answers"], *found["questions"]]
        then = [one for own in before.values() for one in own]
        english = apart(torch.cat(now), torch.cat(then)) if then else torch.zeros(())
        foreign = [self.learner.ids(row) for row in rows]
        own, theirs = (
            torch.cat(self._read(model, foreign)) for model in (self.learner.student, self._before)
        )
        return Losses(orders, apart(own, theirs), english)

    def _passages(self, step: Step, found: _Vectors, goals: _Vectors) -> torch.Tensor:
        """Return the divergence of the orders in which queries, sentences and spans put passages, a span without its own."""
        first, last = len(step.queries), len(step.queries) + len(step.sentences)
        own = [
            *found["queries"],
            *found["sentences"],
            *(found["documents"][one.document][list(one.own)] for one in step.spans),
        ]
        theirs = [
            *goals["queries"],
            *goals["sentences"],
            *(goals["documents"][one.document][list(one.theirs)] for one in step.spans),
        ]
        without = torch.zeros(len(own), len(step.documents), dtype=torch.bool)
        for number, span in enumerate(step.spans, last):
            without[number, span.document] = True
        goal = _goal(likenesses(theirs, goals["documents"]).masked_fill(without, _NEVER))
        for number, one in enumerate(step.queries):
            _label(goal, number, one.right, one.share)
        over = likenesses(own, found["documents"])
        groups = ((1.0, slice(0, first)), (_OF_ASKING, slice(first, last)), (_OF_ASKING, slice(last, None)))
        parts = [
            share * self._divergence(0, over[one], goal[one], without[one])
            for share, one in groups
            if len(over[one])
        ]
        return torch.stack(parts).sum()

    def _headings(self, step: Step, found: _Vectors, goals: _Vectors) -> torch.Tensor:
        """Return the divergence of the orders in which headings put passages in many languages."""
        goal = _goal(likenesses(goals["headings"], goals["others"]))
        for number, one in enumerate(step.headings):
            _label(goal, number, one.right, one.share)
        return self._divergence(1, likenesses(found["headings"], found["others"]), goal)

    def _answers(self, step: Step, found: _Vectors, before: _Vectors) -> torch.Tensor:
        """Return the divergence of the orders in which questions put single sentences."""
        goal = (_BEGINNING * likenesses(before["questions"], before["answers"])).softmax(1)
        for number, (_, place) in enumerate(step.answers.questions):
            _label(goal, number, place, _ANSWER)
        return self._divergence(2, likenesses(found["questions"], found["answers"]), goal)

    def _divergence(
        self, kind: int, found: torch.Tensor, goal: torch.Tensor, without: torch.Tensor | None = None
    ) -> torch.Tensor:
        logits = self.sharpness[kind].exp() * found
        if without is not None:
            logits = logits.masked_fill(without, _NEVER)
        return functional.kl_div(logits.log_softmax(1), goal, reduction="batchmean")

    def _ids(self, texts: Sequence[str]) -> list[torch.Tensor]:
        return [torch.tensor(one.ids) for one in self._tokenizer.encode_batch_fast(list(texts))]

    def _vectors(
        self, model: Any, ids: Mapping[str, Sequence[torch.Tensor]]
    ) -> dict[str, list[torch.Tensor]]:
        read = iter(self._read(model, [one for own in ids.values() for one in own]))
        return {name: [next(read) for _ in own] for name, own in ids.items()}

    @staticmethod
    def _read(model: Any, ids: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Return the last vectors of each text, those of similar length read together."""
        if not ids:
            return []
        order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
        read = dict(zip(order, hidden(model, [ids[place] for place in order])[-1], strict=True))
        return [read[place] for place in range(len(ids))]


def _texts(step: Step) -> dict[str, Sequence[str]]:
    return {
        "documents": step.documents,
        "queries": [one.text for one in step.queries],
        "sentences": step.sentences,
        "others": step.others,
        "headings": [one.text for one in step.headings],
        "answers": step.answers.sentences,
        "questions": [text for text, _ in step.answers.questions],
    }


def _goal(likeness: torch.Tensor) -> torch.Tensor:
    return (_SHARPNESS * likeness).softmax(1)


def _label(goal: torch.Tensor, query: int, right: int, share: float) -> None:
    goal[query] *= 1 - share
    goal[query, right] += share


def main() -> int:
    """Train, keep the state, write the average."""
    arguments = _arguments()
    torch.manual_seed(arguments.seed)
    learner = Learner(arguments.teacher, arguments.cut, rate=arguments.learning_rate)
    learner.begin(arguments.from_state)
    tokenizer = Tokenizer.from_file(str(arguments.cut / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(LENGTH)
    orders = Orders(learner, tokenizer, anchor=arguments.anchor)
    learner.load(arguments.run / _STATE)
    if (kept := arguments.run / _SHARPNESS_FILE).is_file():
        orders.sharpness.data = torch.load(kept, weights_only=True)
    arguments.run.mkdir(parents=True, exist_ok=True)
    if learner.step < arguments.steps:
        _train(orders, tokenizer, arguments)
    if arguments.out is not None:
        learner.write(arguments.out, arguments.cut)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("teacher", type=Path, help="folder that finish wrote")
    parser.add_argument("--cut", type=Path, required=True, help="folder that vocabulary wrote")
    parser.add_argument("--from-state", type=Path, required=True, help="state.pt of student")
    parser.add_argument("--passages", type=Path, required=True)
    parser.add_argument("--train", type=Path, required=True, help="records")
    parser.add_argument("--eval", type=Path, required=True, help="collections whose texts must not get in")
    parser.add_argument("--words", type=Path, required=True, help="wordfreq-3.1.1-py3-none-any.whl")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--steps", type=int, default=566, help="of this and all runs before")
    parser.add_argument("--cool", type=int, default=166, help="steps at the end in which the rate falls to 0")
    parser.add_argument("--tokens", type=int, default=650, help="a step, in languages other than English")
    parser.add_argument("--learning-rate", type=float, default=1.5e-4)
    parser.add_argument("--anchor", type=float, default=3.0, help="what the distance of vectors counts")
    parser.add_argument("--save-every", type=int, default=20)
    parser.add_argument("--seed", type=int, default=44)
    return parser.parse_args()


def _train(orders: Orders, tokenizer: Tokenizer, arguments: argparse.Namespace) -> None:
    pages = read_passages(arguments.passages)
    records = english_records(arguments.train, arguments.eval)
    teacher = Teacher(Path(bundled.__file__).parent / "localrank_mini")
    articles = read_articles(arguments.train, arguments.eval)
    lists = Lists(records, pages, articles, teacher=teacher, tokenizer=tokenizer, seed=arguments.seed)
    abroad = {language: own for language, own in pages.items() if language != "en"}
    whole = Tokenizer.from_file(str(arguments.cut / "tokenizer.json"))
    anchor = Texts(abroad, [], tokenizer=whole, words=arguments.words, seed=arguments.seed)
    learner, started, recent = orders.learner, time.perf_counter(), []
    while learner.step < arguments.steps:
        of_rate = min(1.0, (arguments.steps - learner.step) / arguments.cool)
        rows = anchor.batch(learner.step, tokens=arguments.tokens)
        losses = orders.learn(lists.step(learner.step), rows, of_rate=of_rate)
        recent.append([one.item() for one in (losses.orders, losses.distance, losses.english)])
        if learner.step % _REPORT == 0:
            order, distance, english = np.mean(recent, axis=0)
            recent.clear()
            seconds = time.perf_counter() - started
            print(
                f"step {learner.step}  orders {order:.4f}  distance {distance:.4f}  in English {english:.4f}  {seconds:.0f} s",
                file=sys.stderr,
                flush=True,
            )
        if learner.step % arguments.save_every == 0 or learner.step == arguments.steps:
            learner.save(arguments.run / _STATE)
            torch.save(orders.sharpness.data, arguments.run / _SHARPNESS_FILE)


if __name__ == "__main__":
    raise SystemExit(main())
