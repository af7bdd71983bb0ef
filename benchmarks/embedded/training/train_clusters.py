"""Train an embedded model on lists that share their documents: `python -m benchmarks.embedded.training.train_clusters`.

A step reads the documents of some clusters once, and every query of a cluster learns from all of them: at the cost of one list
that is as many lists as the cluster has queries. Target and averages are those of `train`: `--hard` parts of a list's
distribution are the labels and the rest the teachers', beside some binary cross-entropy, and any `averaged-STEP/` in `--out` is
a model.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
import transformers
from torch.nn import functional

from benchmarks.common.options import script_parser
from benchmarks.embedded.options import add_training
from benchmarks.embedded.training.averaging import AverageWeights
from benchmarks.embedded.training.clusters import Cluster, cluster_logits, read_clusters
from localrank_transformers.training.fitting.fitting import load_model
from localrank_transformers.training.model.late_pairs import LatePairs
from localrank_transformers.training.model.start import write_start
from localrank_transformers.training.request import StudentShape, TrainSettings

_WARMUP = 20
_REPORT = 10


def main() -> int:
    """Train until the planned steps are done, or the process is ended."""
    arguments = _arguments()
    torch.manual_seed(arguments.seed)
    start = arguments.out / "start"
    write_start(arguments.base, start, shape=StudentShape(), seed=arguments.seed)
    clusters = read_clusters(arguments.data / "train.jsonl.gz")
    lists = sum(len(one.queries) for one in clusters)
    print(f"{len(clusters)} clusters, {lists} lists", file=sys.stderr, flush=True)
    model: Any = load_model(start, TrainSettings(max_length=arguments.max_length, device="cpu"))
    model.train()
    for name, weight in model.named_parameters():
        weight.requires_grad = "embeddings" not in name
    average = AverageWeights(start, arguments.out, decay=arguments.decay)
    state = transformers.TrainerState()
    average.on_train_begin(None, state, None, model=model)
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=arguments.learning_rate, weight_decay=0.01, fused=True)
    schedule = transformers.get_constant_schedule_with_warmup(optimizer, _WARMUP)
    batches = _batches(clusters, arguments.clusters, arguments.seed)
    started, losses = time.perf_counter(), []
    for step in range(1, arguments.steps + 1):
        loss = step_loss(model[0], next(batches), hard=arguments.hard, bce=arguments.bce)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        state.global_step = step
        average.on_step_end(None, state, None, model=model)
        losses.append(loss.item())
        if step % _REPORT == 0:
            seconds = time.perf_counter() - started
            print(
                f"step {step}  loss {np.mean(losses[-_REPORT:]):.4f}  {seconds:.0f} s, CPU {time.process_time():.0f} s",
                file=sys.stderr,
                flush=True,
            )
        if step % arguments.save_every == 0:
            average.on_save(None, state, None)
    return 0


def _arguments() -> argparse.Namespace:
    parser = script_parser(__doc__)
    add_training(parser, lists="lists.clusters")
    parser.set_defaults(
        steps=300, max_length=224, learning_rate=3e-5, decay=0.99, hard=0.5, save_every=40, seed=61
    )
    parser.add_argument("--base", required=True, help="late-interaction weights to start from")
    parser.add_argument("--clusters", type=int, default=2, help="a step")
    return parser.parse_args()


def _batches(clusters: Sequence[Cluster], size: int, seed: int) -> Iterator[list[Cluster]]:
    """Yield so many clusters for ever, in a new order at each pass."""
    dice = random.Random(seed)  # noqa: S311 - an order, no secret
    while True:
        order = dice.sample(list(clusters), len(clusters))
        yield from (order[start : start + size] for start in range(0, len(order) - size + 1, size))


def step_loss(model: LatePairs, clusters: Sequence[Cluster], *, hard: float, bce: float) -> torch.Tensor:
    """Return the mean over all lists of the cross-entropy over the list and, times `bce`, over its pairs."""
    losses = []
    for one in clusters:
        logits = cluster_logits(model, one.queries, one.documents)
        labels = one.labels / one.labels.sum(1, keepdim=True)
        goals = hard * labels + (1 - hard) * one.scores.softmax(1)
        over_lists = -(goals * logits.log_softmax(1)).sum(1)
        over_pairs = functional.binary_cross_entropy_with_logits(logits, one.labels, reduction="none").mean(1)
        losses.append(over_lists + bce * over_pairs)
    return torch.cat(losses).mean()


if __name__ == "__main__":
    raise SystemExit(main())
