"""A small late-interaction model out of a large one, token by token: `python -m benchmarks.embedded.distil`.

Each token's vector of the student is to point where the teacher's points, cut to the student's width along the teacher's
principal directions, since these keep the cosines best, and to be long where the teacher's is long. That needs no queries and
no labels: any text teaches, so all records are read, not only those that lists were made of. One token in ten is exchanged for
a random one, so that every word of the vocabulary is met.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import transformers
from torch.nn import functional

from benchmarks.embedded.late_start import write_late
from benchmarks.embedded.overlap import protected_texts
from benchmarks.embedded.prepare import HELD_OUT, unprotected
from benchmarks.embedded.records import is_development, read_records
from localrank_transformers.training.fitting import load_model
from localrank_transformers.training.late_folder import read_head
from localrank_transformers.training.settings import TrainSettings
from localrank_transformers.training.student import principal_directions

_LENGTH = 256
_EXCHANGED = 0.1
_SAMPLE = 40_000
"""Tokens from which the directions are found."""

_OF_LENGTH = 0.5
"""What the squared error of the logarithm of a length counts beside 1 − cosine."""

_WARMUP = 200
_DECAY = 0.998
_REPORT = 100


def main() -> int:
    """Train, and write the average of the weights as a late-interaction folder."""
    arguments = _arguments()
    torch.manual_seed(arguments.seed)
    teacher: Any = load_model(arguments.teacher, TrainSettings())[0]
    encoder = teacher.model.encoder.eval().requires_grad_(requires_grad=False)
    texts = _texts(arguments.data / "train.jsonl.gz")
    if arguments.train is not None:
        texts = sorted({*texts, *_record_texts(arguments.train, arguments.eval)})
    print(f"{len(texts)} texts", file=sys.stderr, flush=True)
    batches = _batches(texts, teacher.tokenizer, arguments.batch_size, arguments.seed)
    basis = _directions(encoder, batches, arguments.hidden)
    student = small_encoder(encoder, layers=arguments.layers, hidden=arguments.hidden)
    average = _train(student, encoder, basis, batches, arguments)
    student.load_state_dict(average)
    write_late(arguments.out, student, arguments.teacher, read_head(arguments.teacher))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--teacher", type=Path, required=True, help="folder of a late-interaction model")
    parser.add_argument("--data", type=Path, required=True, help="folder that prepare wrote")
    parser.add_argument("--train", type=Path, help="folder of records, all of whose texts are read too")
    parser.add_argument("--eval", type=Path, help="with --train: collections whose texts must not get in")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--hidden", type=int, default=192)
    parser.add_argument("--steps", type=int, default=3_000)
    parser.add_argument("--batch-size", type=int, default=32, help="texts a step")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=17)
    arguments = parser.parse_args()
    if (arguments.train is None) != (arguments.eval is None):
        parser.error("--train and --eval go together.")
    return arguments


def _texts(path: Path) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = map(json.loads, lines)
        return sorted({text for row in rows for text in (row["query"], *row["documents"])})


def _record_texts(train: Path, evaluation: Path) -> set[str]:
    """Return the queries and passages outside the groups kept for development, none of them of an evaluation."""
    records = [one for one in read_records(train, excluded=HELD_OUT) if not is_development(one)]
    return {
        text for one in unprotected(records, protected_texts(evaluation)) for text in (one.query, one.passage)
    }


def _batches(texts: list[str], tokenizer: Any, size: int, seed: int) -> Iterator[dict[str, torch.Tensor]]:
    """Yield batches of texts of similar length for ever, with some tokens exchanged."""
    texts = list(texts)
    dice = random.Random(seed)  # noqa: S311 - sampling, no secret
    special = torch.tensor(tokenizer.all_special_ids)
    while True:
        dice.shuffle(texts)
        parts = [sorted(texts[at : at + 50 * size], key=len) for at in range(0, len(texts), 50 * size)]
        batches = [part[at : at + size] for part in parts for at in range(0, len(part), size)]
        dice.shuffle(batches)
        for batch in batches:
            rows = tokenizer(
                batch,
                padding=True,
                truncation=True,
                max_length=_LENGTH,
                return_tensors="pt",
                return_token_type_ids=False,
            )
            ids = rows["input_ids"]
            chosen = (torch.rand(ids.shape) < _EXCHANGED) & ~torch.isin(ids, special)
            rows["input_ids"] = torch.where(chosen, torch.randint_like(ids, 999, tokenizer.vocab_size), ids)
            yield dict(rows)


@torch.no_grad()
def _vectors(encoder: Any, rows: dict[str, torch.Tensor]) -> torch.Tensor:
    return _tokens(encoder, rows)


def _tokens(encoder: Any, rows: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the vectors of all tokens but padding, shape (tokens, width)."""
    with torch.autocast("cpu", torch.bfloat16):
        hidden = encoder(**rows).last_hidden_state
    found: torch.Tensor = hidden.float()[rows["attention_mask"].bool()]
    return found


def _directions(encoder: Any, batches: Iterator[dict[str, torch.Tensor]], width: int) -> torch.Tensor:
    """Return a basis of the principal directions of the token vectors, shape (wide, width)."""
    parts: list[torch.Tensor] = []
    while sum(map(len, parts)) < _SAMPLE:
        parts.append(_vectors(encoder, next(batches)))
    sample = functional.normalize(torch.cat(parts), dim=-1)
    basis = principal_directions(sample, width)
    kept = ((sample @ basis).norm() / sample.norm()) ** 2
    print(f"{width} directions hold {kept.item():.1%} of the token vectors", file=sys.stderr, flush=True)
    return basis


def small_encoder(encoder: Any, *, layers: int, hidden: int) -> Any:
    """Return a new encoder whose embeddings are the old one's, cut to the word vectors' principal directions."""
    old = encoder.config
    config = transformers.BertConfig(
        **{
            **old.to_diff_dict(),
            "num_hidden_layers": layers,
            "hidden_size": hidden,
            "num_attention_heads": hidden // (old.hidden_size // old.num_attention_heads),
            "intermediate_size": 4 * hidden,
        }
    )
    student = transformers.BertModel(config, add_pooling_layer=False)
    with torch.no_grad():
        basis = principal_directions(encoder.embeddings.word_embeddings.weight, hidden)
        for name in ("word_embeddings", "position_embeddings", "token_type_embeddings"):
            own, theirs = getattr(student.embeddings, name), getattr(encoder.embeddings, name)
            own.weight.copy_(theirs.weight @ basis)
    return student


def _train(
    student: Any, teacher: Any, basis: torch.Tensor, batches: Iterator[Any], arguments: argparse.Namespace
) -> dict[str, torch.Tensor]:
    optimizer = torch.optim.AdamW(student.parameters(), lr=arguments.learning_rate, weight_decay=0.01)
    schedule = transformers.get_cosine_schedule_with_warmup(optimizer, _WARMUP, arguments.steps)
    average = {name: value.detach().clone() for name, value in student.state_dict().items()}
    started, losses = time.perf_counter(), []
    for step in range(1, arguments.steps + 1):
        rows = next(batches)
        goal, found = _vectors(teacher, rows), _tokens(student, rows)
        apart = (1 - functional.cosine_similarity(found, goal @ basis)).mean()
        lengths = (found.norm(dim=-1) / goal.norm(dim=-1)).log().square().mean()
        loss = apart + _OF_LENGTH * lengths
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        keep = min(_DECAY, (1 + step) / (10 + step))
        for name, value in student.state_dict().items():
            if value.is_floating_point():
                average[name].lerp_(value, 1 - keep)
        losses.append(apart.item())
        if step % _REPORT == 0:
            mean = sum(losses[-_REPORT:]) / _REPORT
            seconds = time.perf_counter() - started
            print(f"step {step}  1 − cosine {mean:.4f}  {seconds:.0f} s", file=sys.stderr, flush=True)
    return average


if __name__ == "__main__":
    raise SystemExit(main())
