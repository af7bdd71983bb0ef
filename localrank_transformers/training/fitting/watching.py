"""What happens between steps: progress for people, Ctrl-C, and measuring on the development set."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import transformers
from sentence_transformers.base.evaluation import BaseEvaluator

from localrank_transformers.training.data.development import METRIC, measure
from localrank_transformers.training.data.lists import TrainingList
from localrank_transformers.training.request import Progress

__all__ = ["DevelopmentEvaluator", "ProgressCallback", "StopSwitch", "list_logits"]


class StopSwitch:
    """Set by Ctrl-C, read between steps; a second Ctrl-C interrupts at once."""

    def __init__(self) -> None:
        self.is_on = False

    @contextmanager
    def armed(self) -> Iterator[None]:
        """Listen to Ctrl-C within the block; in another thread than the main one, signals cannot be heard."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self._heard)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _heard(self, _signal: int, _frame: Any) -> None:
        if self.is_on:
            raise KeyboardInterrupt
        self.is_on = True


class ProgressCallback(transformers.TrainerCallback):
    """Reports progress, and ends the run with a checkpoint when the switch is on."""

    def __init__(self, switch: StopSwitch, on_progress: Callable[[Progress], None]) -> None:
        self._switch = switch
        self._on_progress = on_progress

    def on_step_end(self, _args: Any, state: Any, control: Any, **_others: Any) -> None:
        """Report, and save and stop where Ctrl-C was heard."""
        self._on_progress(Progress(state.global_step, state.max_steps))
        if self._switch.is_on:
            control.should_save = True
            control.should_evaluate = False
            control.should_training_stop = True

    def on_log(self, _args: Any, state: Any, _control: Any, logs: Any = None, **_others: Any) -> None:
        """Report loss and measure."""
        logs = logs or {}
        loss, measured = logs.get("loss"), logs.get(f"eval_{METRIC}")
        if loss is not None or measured is not None:
            self._on_progress(Progress(state.global_step, state.max_steps, loss, measured))


class DevelopmentEvaluator(BaseEvaluator):
    """Measures a model on the development set when the trainer asks."""

    def __init__(self, lists: Sequence[TrainingList], *, bf16: bool) -> None:
        super().__init__()
        self._lists = lists
        self._bf16 = bf16
        self.primary_metric = METRIC

    def __call__(
        self,
        model: Any,
        output_path: str | None = None,  # noqa: ARG002  # the trainer names them
        epoch: float = -1,  # noqa: ARG002
        steps: int = -1,  # noqa: ARG002
    ) -> dict[str, float]:
        """Return the measure under the name that the trainer watches."""
        return {METRIC: measure(self._lists, list_logits(model, self._lists, bf16=self._bf16))}


def list_logits(model: Any, lists: Sequence[TrainingList], *, bf16: bool = False) -> list[list[float]]:
    """Return the logits of every list by a `sentence_transformers.CrossEncoder`, computed in the order of length."""
    pairs = [(example.query, text) for example in lists for text in example.documents]
    with torch.autocast(str(model.device.type), dtype=torch.bfloat16, enabled=bf16):
        values = model.predict(
            pairs,
            batch_size=32,
            show_progress_bar=False,
            activation_fn=torch.nn.Identity(),
            convert_to_numpy=True,
        )
    flat = iter(values.reshape(-1).tolist())
    return [[next(flat) for _ in example.documents] for example in lists]
