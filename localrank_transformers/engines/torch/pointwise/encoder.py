"""Cross-encoders in torch: padded pairs in, one or two logits a pair out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import transformers

from localrank.contract.errors import ModelLoadError
from localrank_transformers.call.contract import Row
from localrank_transformers.engines.torch.device import Placement
from localrank_transformers.engines.torch.packed import PackedEngine, reads_segments
from localrank_transformers.engines.torch.runtime import TorchRuntime
from localrank_transformers.engines.torch.settings import TorchSettings
from localrank_transformers.engines.torch.weights import load_weights
from localrank_transformers.models.folder.shape import positions

__all__ = ["EncoderEngine", "classifier_module", "encoder_engine", "load_classifier"]


class EncoderEngine:
    """A module that maps `input_ids`, `attention_mask` and perhaps `token_type_ids` to logits.

    Args:
        module: Returns logits, or an output that has them; its `config` is transformers'.
        runtime: The device.
        compile_module: Whether to compile it; a pass is then left only between batches.
    """

    def __init__(self, module: Any, runtime: TorchRuntime, *, compile_module: bool) -> None:
        self.config: dict[str, Any] = module.config.to_dict()
        self._reads_types = reads_segments(module)
        self._pad_id = int(module.config.pad_token_id or 0)
        self._limit = positions(self.config)
        self._runtime = runtime
        if compile_module:
            self._module = torch.compile(runtime.adopt(module, with_hooks=False), dynamic=True)
        else:
            self._module = runtime.adopt(module)

    def run(self, rows: Sequence[Row]) -> npt.NDArray[Any]:
        """Return the logits of `rows`, shape (rows, labels).

        Raises:
            StoppedError: The pass was left.
            OutOfMemoryError: The device has too little memory.
            InferenceError: torch failed.
        """
        ids = [row.ids for row in rows]
        padded = partial(self._runtime.padded, limit=self._limit)
        feed = {
            "input_ids": padded(ids, fill=self._pad_id),
            "attention_mask": padded([np.ones_like(row) for row in ids], fill=0),
        }
        if self._reads_types:
            feed["token_type_ids"] = padded([row.types for row in rows], fill=0)

        def forward() -> npt.NDArray[Any]:
            output = self._module(**{name: self._runtime.tensor(table) for name, table in feed.items()})
            return self._runtime.numbers(getattr(output, "logits", output))

        return self._runtime.run(forward)


def encoder_engine(
    module: Any, runtime: TorchRuntime, settings: TorchSettings
) -> EncoderEngine | PackedEngine:
    """Return the engine for a loaded `module`: packed where it was loaded so."""
    if settings.attention == "packed":
        return PackedEngine(module, runtime)
    return EncoderEngine(module, runtime, compile_module=settings.compile)


def load_classifier(
    folder: Path, runtime: TorchRuntime, settings: TorchSettings
) -> EncoderEngine | PackedEngine:
    """Return the sequence-classification model in `folder`.

    Raises:
        ModelLoadError: transformers cannot load it, or its head is missing.
    """
    return encoder_engine(classifier_module(folder, runtime.placement, settings), runtime, settings)


_SAME_NAMES = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "hidden_act",
    "max_position_embeddings",
    "type_vocab_size",
    "layer_norm_eps",
    "pad_token_id",
    "id2label",
)

_WITHOUT_OTHER_CODE = {
    "position_embedding_type": ("rope", "absolute positions"),
    "layer_norm_type": ("layer_norm", "another norm"),
    "logn_attention_scale": (False, "attention scaled by length"),
    "logn_attention_clip1": (False, "attention scaled by length"),
}
"""What transformers' class computes, by the setting that could ask for something else."""


def classifier_module(folder: Path, placement: Placement, settings: TorchSettings) -> Any:
    """Return the sequence classifier in `folder`, on the CPU.

    Raises:
        ModelLoadError: transformers cannot load it, or its head is missing.
    """
    config = json.loads((folder / "config.json").read_bytes())
    if config.get("model_type") != "new":
        return load_weights("AutoModelForSequenceClassification", folder, placement, settings)
    return load_weights(
        "GteForSequenceClassification", folder, placement, settings, config=_gte_config(config)
    )


def _gte_config(config: dict[str, Any]) -> Any:
    """Return transformers' configuration for one that was written for the code of Alibaba-NLP/new-impl."""
    if not hasattr(transformers, "GteConfig"):
        raise ModelLoadError(
            f"transformers {transformers.__version__} has no GTE encoder.",
            hint='pip install --upgrade "transformers>=5.23"',
        )
    for name, (computed, other) in _WITHOUT_OTHER_CODE.items():
        if config.get(name, computed) != computed:
            raise ModelLoadError(
                f"This GTE encoder has {other} ({name} is {config[name]!r}), which is not supported."
            )
    same = {name: config[name] for name in _SAME_NAMES if config.get(name) is not None}
    return transformers.GteConfig(**same, rope_parameters=_rotation(config))


def _rotation(config: dict[str, Any]) -> dict[str, Any]:
    """Return the rotary embedding: with NTK scaling by f, the base times f and angles divided by f^(2 / head size)."""
    base, scaling = float(config.get("rope_theta") or 10_000.0), config.get("rope_scaling")
    if not scaling:
        return {"rope_type": "default", "rope_theta": base}
    if scaling.get("type") != "ntk" or scaling.get("mixed_b") is not None:
        raise ModelLoadError(f"The rotary embedding is scaled by {scaling!r}; only 'ntk' is supported.")
    factor = float(scaling["factor"])
    size = int(config["hidden_size"]) // int(config["num_attention_heads"])
    return {"rope_type": "linear", "rope_theta": base * factor, "factor": factor ** (2 / size)}
