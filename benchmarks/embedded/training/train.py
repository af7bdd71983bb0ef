"""Train the embedded model on prepared lists: `python -m benchmarks.embedded.training.train`.

The learning rate is constant after its warm-up and the weights are averaged over the steps, so that every checkpoint holds a
usable model (`averaged-STEP/`), whenever the run is ended; that is why this is not `localrank train`, whose rate falls in a
line to the planned end. Data, loss, batches and trainer are the same. `--resume` goes on after an interruption.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import transformers
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments

from benchmarks.common.options import script_parser
from benchmarks.embedded.options import add_training
from benchmarks.embedded.training.averaging import AverageWeights
from benchmarks.embedded.training.late_start import write_late
from localrank_transformers.training.data.reading import read_lists
from localrank_transformers.training.fitting.feeding import LengthBatchSampler, ListCollator, list_dataset
from localrank_transformers.training.fitting.fitting import load_model, trains_in_bf16
from localrank_transformers.training.fitting.losses import ListwiseMixLoss
from localrank_transformers.training.model.late_folder import read_head
from localrank_transformers.training.model.late_pairs import load_encoder
from localrank_transformers.training.model.start import write_start
from localrank_transformers.training.request import StudentShape, TrainSettings


class _Watch(transformers.TrainerCallback):
    """Prints loss and pace."""

    def __init__(self) -> None:
        self._started = time.perf_counter()

    def on_log(self, _args: Any, state: Any, _control: Any, logs: Any = None, **_others: Any) -> None:
        """Print a line."""
        if logs and "loss" in logs:
            seconds = time.perf_counter() - self._started
            print(
                f"step {state.global_step}  loss {logs['loss']}  {seconds:.0f} s", file=sys.stderr, flush=True
            )


def main() -> int:
    """Train until the planned steps are done, or the process is ended."""
    arguments = _arguments()
    settings = TrainSettings(
        hard=arguments.hard,
        bce=arguments.bce,
        steps=arguments.steps,
        batch_size=arguments.batch_size,
        list_size=arguments.list_size,
        max_length=arguments.max_length,
        learning_rate=arguments.learning_rate,
        seed=arguments.seed,
    )
    start = arguments.out / "start"
    if not arguments.resume:
        _write_start(arguments, start, settings)
    lists = read_lists([arguments.data / "train.jsonl.gz"])
    print(
        f"{len(lists)} lists: {dict(Counter(one.source for one in lists).most_common(12))}", file=sys.stderr
    )
    model = load_model(start, settings)
    if not arguments.train_embeddings:
        for name, weight in model.named_parameters():
            weight.requires_grad = "embeddings" not in name
    trainer = _trainer(model, lists, settings, arguments)
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.add_callback(_Watch())
    trainer.add_callback(AverageWeights(start, arguments.out, decay=arguments.decay))
    trainer.train(resume_from_checkpoint=arguments.resume)
    return 0


def _write_start(arguments: argparse.Namespace, start: Path, settings: TrainSettings) -> None:
    base = arguments.base
    if arguments.late:
        base = arguments.out / "base"
        logit = replace(read_head(arguments.base), by_length=True)
        write_late(base, load_encoder(arguments.base), arguments.base, logit)
    shape = StudentShape(arguments.layers, arguments.hidden)
    write_start(str(base), start, shape=shape, seed=settings.seed)


def _arguments() -> argparse.Namespace:
    parser = script_parser(__doc__)
    add_training(parser, lists="prepare")
    parser.set_defaults(
        steps=3_000, max_length=256, learning_rate=4e-5, decay=0.995, hard=0.75, save_every=200, seed=13
    )
    parser.add_argument("--base", type=Path, required=True, help="folder with float32 weights to start from")
    parser.add_argument("--batch-size", type=int, default=4, help="lists a step")
    parser.add_argument("--list-size", type=int, default=8, help="documents drawn of a list")
    parser.add_argument("--train-embeddings", action="store_true", help="the word table too")
    parser.add_argument(
        "--late", action="store_true", help="the base is a bi-encoder: compare its token vectors"
    )
    parser.add_argument("--layers", type=int, help="of a smaller shape cut out of the base")
    parser.add_argument("--hidden", type=int, help="width of a smaller shape")
    parser.add_argument("--resume", action="store_true")
    return parser.parse_args()


def _trainer(
    model: CrossEncoder, lists: list[Any], settings: TrainSettings, arguments: argparse.Namespace
) -> CrossEncoderTrainer:
    return CrossEncoderTrainer(
        model=model,
        args=CrossEncoderTrainingArguments(
            output_dir=str(arguments.out / "checkpoints"),
            max_steps=arguments.steps,
            per_device_train_batch_size=settings.batch_size,
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            lr_scheduler_type="constant_with_warmup",
            warmup_steps=60,
            bf16=trains_in_bf16("cuda" if torch.cuda.is_available() else "cpu"),
            use_cpu=not torch.cuda.is_available(),
            seed=settings.seed,
            batch_sampler=LengthBatchSampler,
            save_strategy="steps",
            save_steps=arguments.save_every,
            save_total_limit=2,
            logging_steps=20,
            report_to="none",
            dataloader_pin_memory=torch.cuda.is_available(),
            disable_tqdm=True,
            remove_unused_columns=False,
        ),
        train_dataset=list_dataset(lists),
        loss=ListwiseMixLoss(model, bce=settings.bce, mini_batch=settings.mini_batch),
        data_collator=ListCollator(
            preprocess_fn=model.preprocess, lists=lists, settings=settings, largest=1.0
        ),
    )


if __name__ == "__main__":
    raise SystemExit(main())
