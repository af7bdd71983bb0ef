"""A small late-interaction model out of a large one: `python -m benchmarks.embedded.training.distil`.

The student learns two things at once from batches of texts that lie close to each other. Each of its token vectors is to point
where the teacher's points, cut to the student's width along the teacher's principal directions, since these keep the cosines
best, and to be long where the teacher's is long. And some tokens in a row of a text, taken as a query, are to order all other
texts of the batch as the teacher does (the divergence of the softmaxes over 25 times the mean of the best cosines). Neither
needs labels, so all records are read. The teacher's vectors are made once, before (`token_store`).
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from benchmarks.common.options import script_parser
from benchmarks.embedded.options import add_records
from benchmarks.embedded.records.overlap import HELD_OUT, protected_texts, unprotected
from benchmarks.embedded.records.reading import is_development, read_records
from benchmarks.embedded.teachers.token_store import GRAPH, TokenStore, build_store, made_by
from benchmarks.embedded.training.late_start import write_late
from benchmarks.embedded.training.likeness import TextVectors, disorder, distance
from benchmarks.embedded.training.neighbourhoods import neighbourhoods
from localrank_transformers.training.model.late_folder import read_head
from localrank_transformers.training.model.late_pairs import load_encoder
from localrank_transformers.training.model.student import principal_directions

_LENGTH = 192
_EXCHANGED = 0.1
_SAMPLE = 600
"""Texts from whose tokens the directions are found."""

_NEIGHBOURHOOD = 16
_TOGETHER = 8
"""Texts of similar length that are read at once, so that little is padded."""

_WARMUP = 200
_DECAY = 0.999
_REPORT = 100


def main() -> int:
    """Train, and write the average of the weights as a late-interaction folder."""
    arguments = _arguments()
    torch.manual_seed(arguments.seed)
    store = _store(arguments)
    if arguments.student is None:
        encoder = load_encoder(arguments.teacher)
        student = small_encoder(encoder, layers=arguments.layers, hidden=arguments.hidden)
    else:
        student = load_encoder(arguments.student)
    student.load_state_dict(_train(student, store, arguments))
    write_late(arguments.out, student, arguments.teacher, read_head(arguments.teacher))
    return 0


def _arguments() -> argparse.Namespace:
    parser = script_parser(__doc__)
    parser.add_argument("--teacher", type=Path, required=True, help="folder that finish wrote")
    add_records(parser, seed=17)
    parser.add_argument(
        "--store", type=Path, required=True, help="keeps the teacher's vectors (3 GB), for other runs too"
    )
    parser.add_argument("--student", type=Path, help="a late-interaction folder to go on from")
    parser.add_argument("--texts", type=int, default=110_000, help="at most so many, drawn at random")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--hidden", type=int, default=192)
    parser.add_argument("--steps", type=int, default=8_000)
    parser.add_argument("--neighbourhoods", type=int, default=2, help="of 16 texts each, a step")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument(
        "--of-scores", type=float, default=1.0, help="what the order counts beside the vectors"
    )
    arguments = parser.parse_args()
    if not (arguments.teacher / GRAPH).is_file():
        parser.error(f"{arguments.teacher} holds no {GRAPH}; pass the folder that finish wrote.")
    if made_by(arguments.teacher, arguments.store) is False:
        parser.error(f"{arguments.store} holds the vectors of another model; pass another --store.")
    return arguments


def _store(arguments: argparse.Namespace) -> TokenStore:
    if made_by(arguments.teacher, arguments.store):
        return TokenStore(arguments.store)
    texts = _record_texts(arguments.train, arguments.eval)
    random.Random(arguments.seed).shuffle(texts)  # noqa: S311 - sampling, no secret
    texts = texts[: arguments.texts]
    print(f"{len(texts)} texts", file=sys.stderr, flush=True)
    return build_store(
        arguments.teacher,
        texts,
        arguments.store,
        length=_LENGTH,
        exchanged=_EXCHANGED,
        seed=arguments.seed,
    )


def _record_texts(train: Path, evaluation: Path) -> list[str]:
    """Return the queries and passages outside the groups kept for development, none of them of an evaluation."""
    records = [one for one in read_records(train, excluded=HELD_OUT) if not is_development(one)]
    return sorted(
        {
            text
            for one in unprotected(records, protected_texts(evaluation))
            for text in (one.query, one.passage)
        }
    )


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


def _train(student: Any, store: TokenStore, arguments: argparse.Namespace) -> dict[str, torch.Tensor]:
    basis = _basis(student, store, new=arguments.student is None, seed=arguments.seed)
    batches = _batches(store, arguments)
    optimizer = torch.optim.AdamW(
        student.parameters(), lr=arguments.learning_rate, weight_decay=0.01, fused=True
    )
    schedule = transformers.get_cosine_schedule_with_warmup(optimizer, _WARMUP, arguments.steps)
    average = {name: value.detach().clone() for name, value in student.state_dict().items()}
    started, losses = time.perf_counter(), []
    for step in range(1, arguments.steps + 1):
        places = next(batches)
        goal, found = _taught(store, places), _read(student, store, places)
        vectors, order = distance(found.tokens(), goal.tokens(), basis), disorder(found, goal)
        loss = vectors + arguments.of_scores * order
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        _follow(average, student, min(_DECAY, (1 + step) / (10 + step)))
        losses.append((vectors.item(), order.item()))
        if step % _REPORT == 0:
            means = np.mean(losses[-_REPORT:], axis=0)
            print(
                f"step {step}  vectors {means[0]:.4f}  order {means[1]:.4f}  "
                f"{time.perf_counter() - started:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    return average


@torch.no_grad()
def _basis(student: Any, store: TokenStore, *, new: bool, seed: int) -> torch.Tensor:
    """Return in which directions of the teacher the student's vectors are to lie, shape (wide, width).

    The principal ones of the teacher's token vectors; where the student knows its own already, those that fit best to what it
    gives (orthogonal Procrustes).
    """
    places = np.random.default_rng(seed).permutation(len(store))[:_SAMPLE].tolist()
    sample = functional.normalize(_taught(store, places).tokens(), dim=-1)
    if new:
        basis = principal_directions(sample, student.config.hidden_size)
    else:
        own = functional.normalize(_read(student, store, places).tokens(), dim=-1)
        left, _, right = torch.linalg.svd(sample.T @ own, full_matrices=False)
        basis = left @ right
    kept = ((sample @ basis).norm() / sample.norm()) ** 2
    print(f"{basis.shape[1]} directions hold {kept:.1%} of the token vectors", file=sys.stderr, flush=True)
    return basis


def _batches(store: TokenStore, arguments: argparse.Namespace) -> Iterator[list[int]]:
    """Yield the places of some neighbourhoods' texts for ever, short texts first, each text once."""
    lengths = store.lengths()
    near = neighbourhoods(store.pooled(), lengths, size=_NEIGHBOURHOOD, seed=arguments.seed)
    while True:
        drawn = {int(place) for _ in range(arguments.neighbourhoods) for place in next(near)}
        yield sorted(drawn, key=lambda place: int(lengths[place]))


def _taught(store: TokenStore, places: list[int]) -> TextVectors:
    return TextVectors.padded([torch.from_numpy(store.vectors(place)) for place in places])


def _read(student: Any, store: TokenStore, places: list[int]) -> TextVectors:
    vectors: list[torch.Tensor] = []
    for at in range(0, len(places), _TOGETHER):
        ids = [torch.from_numpy(store.ids(place)) for place in places[at : at + _TOGETHER]]
        mask = pad_sequence([torch.ones_like(one) for one in ids], batch_first=True)
        found = student(input_ids=pad_sequence(ids, batch_first=True), attention_mask=mask).last_hidden_state
        vectors += [own[: len(one)] for own, one in zip(found, ids, strict=True)]
    return TextVectors.padded(vectors)


def _follow(average: dict[str, torch.Tensor], student: Any, decay: float) -> None:
    for name, value in student.state_dict().items():
        if value.is_floating_point():
            average[name].lerp_(value, 1 - decay)


if __name__ == "__main__":
    raise SystemExit(main())
