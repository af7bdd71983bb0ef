"""bge's layerwise reranker without its own code: MiniCPM's layers up to the chosen one, and that layer's head.

MiniCPM is Llama with scaled embeddings and residuals, which is what transformers' Granite computes; so its weights run there.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import GraniteConfig

from localrank.contract.errors import InvalidRequestError, ModelLoadError
from localrank.contract.texts import first_line
from localrank_transformers.engines.torch.pointwise.causal import CausalEngine
from localrank_transformers.engines.torch.runtime import TorchRuntime
from localrank_transformers.engines.torch.settings import TorchSettings
from localrank_transformers.engines.torch.weights import load_weights
from localrank_transformers.models.folder.settings_files import SettingsFiles

__all__ = ["ADVISED_LAYER", "load_layerwise"]

ADVISED_LAYER = 28
"""Of 40; what the model's card advises (https://huggingface.co/BAAI/bge-reranker-v2-minicpm-layerwise)."""

_SAME_NAMES = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_attention_heads",
    "num_key_value_heads",
    "hidden_act",
    "max_position_embeddings",
    "rms_norm_eps",
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
)


def load_layerwise(files: SettingsFiles, runtime: TorchRuntime, settings: TorchSettings) -> CausalEngine:
    """Return the model of `files`, read at `settings.layer`, or at the advised one.

    Raises:
        InvalidRequestError: A layer without a head.
        ModelLoadError: A head of another kind, or weights missing.
    """
    config = files.config
    if config.get("head_type") != "simple" or not config.get("head_multi"):
        raise ModelLoadError(
            "Of layerwise models only those with one single-logit head a layer are supported."
        )
    layers, first = int(config["num_hidden_layers"]), int(config["start_layer"])
    layer = settings.layer or min(ADVISED_LAYER, layers)
    if not first <= layer <= layers:
        raise InvalidRequestError(f"layer is {layer}; this model scores at the layers {first} to {layers}.")
    decoder = load_weights(
        "GraniteModel", files.folder, runtime.placement, settings, config=_granite(config, layer)
    )
    runtime.adopt(decoder)
    weight = _weight(files.folder, f"lm_head.{layer - first}.linear_head.weight")
    weight = weight.to(runtime.placement.device, runtime.placement.dtype)
    return CausalEngine(decoder, lambda hidden: torch.nn.functional.linear(hidden, weight), runtime)


def _granite(config: dict[str, Any], layer: int) -> GraniteConfig:
    heads, width = int(config["num_attention_heads"]), int(config["hidden_size"])
    return GraniteConfig(
        **{name: config[name] for name in _SAME_NAMES if config.get(name) is not None},
        num_hidden_layers=layer,
        rope_parameters={"rope_type": "default", "rope_theta": float(config.get("rope_theta") or 10_000.0)},
        embedding_multiplier=float(config["scale_emb"]),
        residual_multiplier=float(config["scale_depth"]) / math.sqrt(int(config["num_hidden_layers"])),
        attention_multiplier=1 / math.sqrt(width // heads),
        attention_bias=bool(config.get("attention_bias")),
    )


def _weight(folder: Path, name: str) -> torch.Tensor:
    index = folder / "model.safetensors.index.json"
    try:
        shard = json.loads(index.read_text())["weight_map"][name] if index.is_file() else "model.safetensors"
        with safe_open(folder / shard, framework="pt") as stream:
            return stream.get_tensor(name)
    except Exception as error:
        raise ModelLoadError(f"The files lack the weight {name!r}: {first_line(error)}") from error
