"""The torch module of a sequence classifier: transformers' own class, also for gte-multilingual, whose files name other code.

Formulas of the gte encoder: https://huggingface.co/Alibaba-NLP/new-impl, and mGTE (https://arxiv.org/abs/2407.19669).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import transformers

from localrank.contract.errors import ModelLoadError
from localrank_transformers.engines.torch.device import Placement
from localrank_transformers.engines.torch.weights import load_weights
from localrank_transformers.torch_settings import TorchSettings

__all__ = ["classifier_module"]

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
