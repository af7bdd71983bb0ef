"""A running average of the weights, written as a model of its own beside each checkpoint."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file, save_file

from localrank_transformers.training.model.late_folder import read_head, write_head

__all__ = ["AverageWeights"]

_LATE_HEAD = ("head.weight", "head.bias")
"""Scale and bias of a late-interaction model, which stand in a file of their own."""


class AverageWeights(transformers.TrainerCallback):
    """Keeps an exponential average of the trained weights and writes it to `out/averaged-STEP` at each save.

    The average forgets its beginning: the decay of step t is at most (1 + t) / (10 + t).

    Args:
        start: The folder whose configuration and tokenizer the written models get.
        out: Where they are written.
        decay: Share of the average that a step keeps.
    """

    def __init__(self, start: Path, out: Path, *, decay: float) -> None:
        self._start = start
        self._out = out
        self._decay = decay
        self._average: dict[str, torch.Tensor] = {}

    def on_train_begin(
        self, _args: Any, state: Any, _control: Any, model: Any = None, **_others: Any
    ) -> None:
        """Begin with the model's weights, or with the written average of the step that is resumed."""
        self._average = {name: value.detach().clone().float() for name, value in _weights(model).items()}
        written = self._out / f"averaged-{state.global_step}" / "model.safetensors"
        if state.global_step and written.is_file():
            stored = load_file(written)
            names = {_stored_name(name): name for name in self._average}
            self._average.update({names[name]: value for name, value in stored.items()})
            if _LATE_HEAD[0] in self._average:
                logit = read_head(written.parent)
                for name, number in zip(_LATE_HEAD, (logit.scale, logit.bias), strict=True):
                    self._average[name].fill_(number)

    @torch.no_grad()
    def on_step_end(self, _args: Any, state: Any, _control: Any, model: Any = None, **_others: Any) -> None:
        """Take the step's weights into the average."""
        step = state.global_step
        keep = min(self._decay, (1 + step) / (10 + step))
        for name, value in _weights(model).items():
            if value.requires_grad:
                self._average[name].lerp_(value.detach(), 1 - keep)

    def on_save(self, _args: Any, state: Any, _control: Any, **_others: Any) -> None:
        """Write the average as a model."""
        folder = self._out / f"averaged-{state.global_step}"
        shutil.copytree(self._start, folder, dirs_exist_ok=True)
        tensors = {
            _stored_name(name): value.contiguous()
            for name, value in self._average.items()
            if name not in _LATE_HEAD
        }
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        if _LATE_HEAD[0] in self._average:
            scale, bias = (self._average[name].item() for name in _LATE_HEAD)
            write_head(folder, replace(read_head(self._start), scale=scale, bias=bias))


def _weights(model: Any) -> dict[str, torch.Tensor]:
    """Return the trained module's weights by the names that it gives them."""
    return dict(model[0].model.named_parameters())


def _stored_name(name: str) -> str:
    """Return the name that transformers saves a weight under; a late-interaction model's encoder is saved by itself."""
    return name.removeprefix("encoder.")
