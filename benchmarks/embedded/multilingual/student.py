"""Half of the layers, taught by the whole: `python -m benchmarks.embedded.multilingual.student TEACHER --cut CUT --run RUN …`.

The student begins with every second layer of the teacher, the last one among them, and with its embeddings; the word table
stays as it is. It reads a text bare, the teacher after its prefix. Each of its layers learns to give the teacher's vectors of
the same tokens after the layer that it was (the squared distance over the variance of the goal, so that what all vectors have
in common counts for nothing).

The learning rate is constant after its warm-up, and the weights are averaged over the steps: whenever the run ends, the
average is a model. With `--cool N` the rate falls to nothing over the last N of `--steps`. `RUN` keeps the state: the same
command goes on from it, with the batches that come next. `--out` writes the average as a folder for
`finish --layers 6 --prefix ""`; with `--steps 0` nothing else is done, also while a run goes on.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModel

from benchmarks.embedded.multilingual.lists import KEPT_BACK
from benchmarks.embedded.multilingual.texts import Passage, Row, Texts, read_passages
from benchmarks.embedded.records.overlap import HELD_OUT, protected_texts, unprotected
from benchmarks.embedded.records.reading import is_development, read_records
from benchmarks.embedded.training.late_start import write_late
from localrank_transformers.models.folder.exported import LateLogit

_LAYERS = (0, 2, 4, 6, 8, 10)
_TOGETHER = 8
"""Texts of similar length that are read at once, so that little is padded."""

_WARMUP = 60
_DECAY = 0.99
_REPORT = 20
_STATE = "state.pt"


def main() -> int:
    """Train, keep the state, write the average."""
    arguments = _arguments()
    torch.manual_seed(arguments.seed)
    learner = Learner(arguments.teacher, arguments.cut, rate=arguments.learning_rate)
    learner.load(arguments.run / _STATE)
    if arguments.steps:
        arguments.run.mkdir(parents=True, exist_ok=True)
        _train(learner, _texts(arguments), arguments)
    if arguments.out is not None:
        learner.write(arguments.out, arguments.cut)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("teacher", type=Path, help="folder that finish wrote")
    parser.add_argument("--cut", type=Path, required=True, help="folder that vocabulary wrote")
    parser.add_argument("--passages", type=Path)
    parser.add_argument("--train", type=Path, help="records")
    parser.add_argument("--eval", type=Path, help="collections whose texts must not get in")
    parser.add_argument("--words", type=Path, help="wordfreq-3.1.1-py3-none-any.whl")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--steps", type=int, default=4_000, help="at most; of this and all runs before")
    parser.add_argument("--minutes", type=float, default=1e9, help="at most, of this run")
    parser.add_argument("--tokens", type=int, default=800, help="a step")
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--of-layers", type=float, default=1.0, help="what the layers before the last count")
    parser.add_argument("--cool", type=int, default=0, help="steps at the end in which the rate falls to 0")
    parser.add_argument("--save-every", type=int, default=40)
    parser.add_argument("--seed", type=int, default=26)
    return parser.parse_args()


def _texts(arguments: argparse.Namespace) -> Texts:
    records = [
        one
        for one in read_records(arguments.train, excluded=HELD_OUT)
        if one.file not in KEPT_BACK and not is_development(one)
    ]
    allowed = unprotected(records, protected_texts(arguments.eval))
    books = list({one.passage: Passage("en", one.group, one.passage, one.query) for one in allowed}.values())
    tokenizer = Tokenizer.from_file(str(arguments.cut / "tokenizer.json"))
    passages = read_passages(arguments.passages)
    return Texts(passages, books, tokenizer=tokenizer, words=arguments.words, seed=arguments.seed)


@dataclass(frozen=True, slots=True)
class Losses:
    """What a step is to make less."""

    last: torch.Tensor
    between: torch.Tensor


class Learner:
    """A teacher and its student.

    Args:
        teacher: Folder of a late-interaction model of 11 layers, whose tokenizer puts a prefix before a text.
        cut: Folder with the student's tokenizer.
        rate: Of learning, after the warm-up.
    """

    def __init__(self, teacher: Path, cut: Path, *, rate: float) -> None:
        self._teacher = AutoModel.from_pretrained(
            teacher, attn_implementation="sdpa", add_pooling_layer=False
        )
        self._teacher.eval()
        led = Tokenizer.from_file(str(teacher / "tokenizer.json")).encode("").ids
        self._first, self._last = Tokenizer.from_file(str(cut / "tokenizer.json")).encode("").ids
        self._lead = led[1:-1]
        self.student = _half(self._teacher)
        self._trained = {
            name: value
            for name, value in self.student.named_parameters()
            if not name.startswith("embeddings.word")
        }
        self.student.embeddings.word_embeddings.weight.requires_grad = False
        self._average = {name: value.detach().clone() for name, value in self._trained.items()}
        self._optimizer = torch.optim.AdamW(self._trained.values(), lr=rate, weight_decay=0.0, fused=True)
        self._rate = rate
        self.step, self.tokens = 0, 0

    def load(self, path: Path) -> None:
        """Go on from a state; begin where there is none."""
        if not path.is_file():
            return
        state = torch.load(path, weights_only=True)
        self.student.load_state_dict(state["trained"], strict=False)
        self._average = state["average"]
        self._optimizer.load_state_dict(state["optimizer"])
        self.step, self.tokens = state["step"], state["tokens"]

    def begin(self, path: Path) -> None:
        """Begin with the average of another run's state."""
        self._average = torch.load(path, weights_only=True)["average"]
        self.student.load_state_dict(self._average, strict=False)

    def freeze(self, prefixes: tuple[str, ...]) -> None:
        """Leave the weights whose names begin so as they are."""
        for name, value in self._trained.items():
            value.requires_grad_(not name.startswith(prefixes))

    def save(self, path: Path) -> None:
        """Keep the state, whole or not at all."""
        state = {
            "trained": {name: value.detach() for name, value in self._trained.items()},
            "average": self._average,
            "optimizer": self._optimizer.state_dict(),
            "step": self.step,
            "tokens": self.tokens,
        }
        part = path.with_suffix(".part")
        torch.save(state, part)
        part.replace(path)

    def write(self, out: Path, cut: Path) -> None:
        """Write the average as a late-interaction folder."""
        student = deepcopy(self.student)
        student.load_state_dict(self._average, strict=False)
        write_late(out, student, cut, LateLogit(1.0, 0.0, "sigmoid", by_length=True))

    def learn(self, rows: Sequence[Row], *, of_layers: float, of_rate: float = 1.0) -> Losses:
        """Make one step, at `of_rate` of the learning rate."""
        losses = self._losses(rows)
        self.descend(losses.last + of_layers * losses.between, of_rate=of_rate)
        self.tokens += sum(map(len, rows))
        return losses

    def descend(self, loss: torch.Tensor, *, of_rate: float = 1.0) -> None:
        """Make `loss` less, and average the weights."""
        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._trained.values(), 1.0)
        self.step += 1
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate * of_rate * min(1.0, self.step / _WARMUP)
        self._optimizer.step()
        keep = min(_DECAY, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self._trained.items():
                self._average[name].lerp_(value, 1 - keep)

    def _losses(self, rows: Sequence[Row]) -> Losses:
        goal, found = self._taught(rows), self._read(rows)
        parts = [apart(torch.cat(own), torch.cat(theirs)) for own, theirs in zip(found, goal, strict=True)]
        return Losses(parts[-1], torch.stack(parts[:-1]).mean())

    @torch.no_grad()
    def _taught(self, rows: Sequence[Row]) -> list[list[torch.Tensor]]:
        """Return the teacher's vectors of the student's tokens: of each layer that the student has, of each text."""
        lead = len(self._lead)
        found = hidden(self._teacher, [self.ids(row, self._lead) for row in rows])
        return [[torch.cat([one[:1], one[1 + lead :]]) for one in found[layer + 1]] for layer in _LAYERS]

    def _read(self, rows: Sequence[Row]) -> list[list[torch.Tensor]]:
        return hidden(self.student, [self.ids(row) for row in rows])[1:]

    def ids(self, row: Row, lead: Sequence[int] = ()) -> torch.Tensor:
        """Return the tokens with those that begin and end a text."""
        return torch.from_numpy(np.concatenate([[self._first, *lead], row, [self._last]]))


def _half(teacher: Any) -> Any:
    config = deepcopy(teacher.config)
    config.num_hidden_layers = len(_LAYERS)
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    student = AutoModel.from_config(config, add_pooling_layer=False, attn_implementation="sdpa")
    student.embeddings.load_state_dict(teacher.embeddings.state_dict())
    for own, place in zip(student.encoder.layer, _LAYERS, strict=True):
        own.load_state_dict(teacher.encoder.layer[place].state_dict())
    return student


def hidden(model: Any, ids: Sequence[torch.Tensor]) -> list[list[torch.Tensor]]:
    """Return the vectors after the embeddings and after each layer, of each text."""
    found: list[list[torch.Tensor]] = []
    for at in range(0, len(ids), _TOGETHER):
        part = list(ids[at : at + _TOGETHER])
        mask = pad_sequence([torch.ones_like(one) for one in part], batch_first=True)
        states = model(
            input_ids=pad_sequence(part, batch_first=True), attention_mask=mask, output_hidden_states=True
        ).hidden_states
        found = found or [[] for _ in states]
        for layer, state in enumerate(states):
            found[layer] += [own[: len(one)] for own, one in zip(state, part, strict=True)]
    return found


def apart(found: torch.Tensor, goal: torch.Tensor) -> torch.Tensor:
    """Return the squared distance over the variance of the goal."""
    variance = (goal - goal.mean(0)).square().sum(1).mean()
    return (found - goal).square().sum(1).mean() / variance


def _train(learner: Learner, texts: Texts, arguments: argparse.Namespace) -> None:
    started, recent = time.perf_counter(), []
    before = learner.tokens
    while learner.step < arguments.steps and time.perf_counter() - started < 60 * arguments.minutes:
        rows = texts.batch(learner.step, tokens=arguments.tokens)
        of_rate = min(1.0, (arguments.steps - learner.step) / arguments.cool) if arguments.cool else 1.0
        losses = learner.learn(rows, of_layers=arguments.of_layers, of_rate=of_rate)
        recent.append([losses.last.item(), losses.between.item()])
        if learner.step % _REPORT == 0:
            seconds = time.perf_counter() - started
            last, between = np.mean(recent, axis=0)
            recent.clear()
            print(
                f"step {learner.step}  last {last:.4f}  between {between:.4f}  "
                f"{learner.tokens:,} tokens  {seconds:.0f} s  {(learner.tokens - before) / seconds:.0f} a second",
                file=sys.stderr,
                flush=True,
            )
        if learner.step % arguments.save_every == 0:
            learner.save(arguments.run / _STATE)
    learner.save(arguments.run / _STATE)


if __name__ == "__main__":
    raise SystemExit(main())
