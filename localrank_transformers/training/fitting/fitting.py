"""One training run on sentence-transformers' CrossEncoderTrainer: arguments, loss, checkpoints, the best state at the end."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss, LambdaLoss

from localrank.contract.errors import InvalidRequestError
from localrank_transformers.engines.torch.weights import quiet
from localrank_transformers.models.cpu_features import bf16_is_faster
from localrank_transformers.models.folder.shape import longest_window
from localrank_transformers.training.data.development import METRIC
from localrank_transformers.training.data.lists import TrainingList
from localrank_transformers.training.fitting.feeding import LengthBatchSampler, ListCollator, list_dataset
from localrank_transformers.training.fitting.losses import ListwiseMixLoss
from localrank_transformers.training.fitting.watching import (
    DevelopmentEvaluator,
    ProgressCallback,
    StopSwitch,
)
from localrank_transformers.training.model.head import keep_float32
from localrank_transformers.training.model.late_folder import is_late_folder
from localrank_transformers.training.model.late_pairs import LatePairs
from localrank_transformers.training.request import Progress, TrainSettings

__all__ = ["Fitted", "fit", "load_model", "trains_in_bf16"]

_MEASUREMENTS = 10
_LOGS = 50
DEFAULT_LENGTH = 256


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a run came to.

    Attributes:
        model: The `CrossEncoder` with the best weights that were measured.
        steps: Steps done.
        total: Steps planned.
        stopped: Whether Ctrl-C ended it; a checkpoint was written then.
        history: (step, development measure), in order.
        device: Where it ran.
        dtype: In which arithmetic.
    """

    model: Any
    steps: int
    total: int
    stopped: bool
    history: tuple[tuple[int, float], ...]
    device: str
    dtype: str


def load_model(start: Path, settings: TrainSettings) -> CrossEncoder:
    """Return the model in `start`, late interaction or cross-encoder, with float32 weights and fused attention.

    Raises:
        ModelLoadError: The folder is damaged.
    """
    config = json.loads((start / "config.json").read_text())
    length = min(settings.max_length or DEFAULT_LENGTH, longest_window(config, {}))
    if is_late_folder(start):
        with quiet():
            return CrossEncoder(
                modules=[LatePairs.load(str(start), length)], device=_device(settings), local_files_only=True
            )
    with quiet():
        model = CrossEncoder(
            str(start),
            num_labels=1,
            max_length=length,
            device=_device(settings),
            local_files_only=True,
            model_kwargs={"attn_implementation": "sdpa", "dtype": torch.float32},
        )
    keep_float32(model[0].model)
    return model


def _device(settings: TrainSettings) -> str:
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise InvalidRequestError("device is 'cuda', but torch sees none.", hint='Pass device="cpu".')
    return settings.device if settings.device != "auto" else ("cuda" if torch.cuda.is_available() else "cpu")


def trains_in_bf16(device: str) -> bool:
    """Return whether arithmetic in bf16 is what `dtype="auto"` means on `device`, `cpu` or `cuda`."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return bf16_is_faster()


def fit(
    model: CrossEncoder,
    train: Sequence[TrainingList],
    development: Sequence[TrainingList],
    settings: TrainSettings,
    *,
    checkpoints: Path,
    resume: bool = False,
    on_progress: Callable[[Progress], None] = lambda _progress: None,
) -> Fitted:
    """Train, measuring on the development set, and return the best state.

    Args:
        model: By `load_model`.
        train: What to learn.
        development: Lists in first-stage order.
        settings: How.
        checkpoints: Where checkpoints go; two are kept, the best and the last.
        resume: Go on from the last of them.
        on_progress: Told after every step.

    Raises:
        InvalidRequestError: `resume` without a checkpoint, or a device that is not there.
    """
    device = str(model.device.type)
    bf16 = settings.dtype == "bf16" or (settings.dtype == "auto" and trains_in_bf16(device))
    switch = StopSwitch()
    trainer = _trainer(model, train, development, settings, checkpoints, bf16=bf16)
    trainer.remove_callback(transformers.ProgressCallback)
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.add_callback(ProgressCallback(switch, on_progress))
    if settings.patience is not None:
        trainer.add_callback(transformers.EarlyStoppingCallback(settings.patience))
    random.seed(settings.seed)
    last = _last(checkpoints) if resume else None
    with switch.armed(), quiet():
        if last is None or not _at_the_end(last, trainer):
            trainer.train(resume_from_checkpoint=last)
    trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)  # else it would compute in bf16 for ever
    state = trainer.state
    history = [
        (entry["step"], entry[f"eval_{METRIC}"]) for entry in state.log_history if f"eval_{METRIC}" in entry
    ]
    return Fitted(
        model,
        state.global_step,
        state.max_steps,
        switch.is_on,
        tuple(history),
        device,
        "bf16" if bf16 else "fp32",
    )


def _trainer(
    model: CrossEncoder,
    train: Sequence[TrainingList],
    development: Sequence[TrainingList],
    settings: TrainSettings,
    checkpoints: Path,
    *,
    bf16: bool,
) -> CrossEncoderTrainer:
    planned = settings.steps or math.ceil(len(train) / settings.batch_size * settings.epochs)
    every = settings.measure_every or max(1, math.ceil(planned / _MEASUREMENTS))
    arguments = CrossEncoderTrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=settings.epochs,
        max_steps=settings.steps or -1,
        per_device_train_batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        warmup_steps=0.1,
        lr_scheduler_type="linear",
        bf16=bf16,
        use_cpu=model.device.type == "cpu",
        seed=settings.seed,
        batch_sampler=LengthBatchSampler,
        eval_strategy="steps",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model=f"eval_{METRIC}",
        greater_is_better=True,
        logging_steps=max(1, planned // _LOGS),
        report_to="none",
        dataloader_pin_memory=model.device.type == "cuda",
        disable_tqdm=True,
        remove_unused_columns=False,
    )
    return CrossEncoderTrainer(
        model=model,
        args=arguments,
        train_dataset=list_dataset(train),
        loss=_loss(model, settings),
        evaluator=DevelopmentEvaluator(development, bf16=bf16),
        data_collator=_collator(model, train, settings),
    )


def _collator(model: CrossEncoder, train: Sequence[TrainingList], settings: TrainSettings) -> ListCollator:
    largest = max((label for example in train for label in example.labels or ()), default=1.0)
    return ListCollator(
        preprocess_fn=model.preprocess, lists=train, settings=settings, largest=largest or 1.0
    )


def _loss(model: CrossEncoder, settings: TrainSettings) -> torch.nn.Module:
    if settings.loss == "bce":
        return BinaryCrossEntropyLoss(model)
    if settings.loss == "lambda":
        return LambdaLoss(model, mini_batch_size=settings.mini_batch)
    bce = settings.bce if settings.loss == "mix" else 0.0
    return ListwiseMixLoss(model, bce=bce, mini_batch=settings.mini_batch)


def _at_the_end(checkpoint: str, trainer: CrossEncoderTrainer) -> bool:
    """Whether no step is left, so that the trainer has its best weights already; asked to train, it would do one more."""
    state = transformers.TrainerState.load_from_json(str(Path(checkpoint) / "trainer_state.json"))
    if state.global_step < state.max_steps:
        return False
    trainer.state = state
    trainer._load_best_model()  # there is no public name for it
    return True


def _last(checkpoints: Path) -> str:
    checkpoint = (
        transformers.trainer_utils.get_last_checkpoint(str(checkpoints)) if checkpoints.is_dir() else None
    )
    if checkpoint is None:
        raise InvalidRequestError(f"{checkpoints} holds no checkpoint to resume from.", hint="Begin anew.")
    return str(checkpoint)
