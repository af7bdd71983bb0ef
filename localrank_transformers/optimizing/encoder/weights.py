"""The weights of a BERT-like encoder and its head under one set of names, whatever its checkpoint calls them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from localrank.contract.errors import ModelLoadError
from localrank.providers.extras import imported

__all__ = [
    "Encoder",
    "Floats",
    "Head",
    "Layer",
    "Linear",
    "Norm",
    "check_kind",
    "first_position",
    "head_activation",
    "layer_activation",
    "layer_epsilon",
    "read_encoder",
]

Floats = npt.NDArray[np.float32]

_PREFIXES = {"bert": "bert.", "electra": "electra.", "roberta": "roberta.", "xlm-roberta": "roberta."}
_ACTIVATIONS = {"gelu": "Gelu", "gelu_new": "FastGelu", "gelu_pytorch_tanh": "FastGelu", "relu": "Relu"}


@dataclass(frozen=True, slots=True)
class Linear:
    """A product with a bias: `x @ weight + bias`; weight of shape (inputs, outputs)."""

    weight: Floats
    bias: Floats


@dataclass(frozen=True, slots=True)
class Norm:
    """A layer normalization."""

    gain: Floats
    bias: Floats


@dataclass(frozen=True, slots=True)
class Layer:
    """One transformer layer, post-norm as in BERT (Devlin et al. 2019)."""

    query: Linear
    key: Linear
    value: Linear
    attended: Linear
    attention_norm: Norm
    up: Linear
    down: Linear
    output_norm: Norm


@dataclass(frozen=True, slots=True)
class Head:
    """What turns the first token into logits: a product, an activation (an ONNX operator's name), a product."""

    dense: Linear
    activation: str
    out: Linear


@dataclass(frozen=True, slots=True)
class Encoder:
    """A whole cross-encoder, or an encoder alone.

    Attributes:
        words: Shape (vocabulary, embedding).
        positions: Shape (window, embedding); row 0 belongs to the first token.
        types: Shape (segments, embedding). One segment means that the model reads no segment ids.
        embedding_norm: Over the summed embeddings.
        projection: From embedding to hidden size, where they differ (ELECTRA small).
        layers: From the first to the last.
        head: First token to logits; None for an encoder whose vectors are the result.
        attention_heads: Heads of each layer.
        epsilon: Of every layer normalization.
        activation: Between `up` and `down`, an ONNX operator's name.
    """

    words: Floats
    positions: Floats
    types: Floats
    embedding_norm: Norm
    projection: Linear | None
    layers: tuple[Layer, ...]
    head: Head | None
    attention_heads: int
    epsilon: float
    activation: str


class _Checkpoint:
    """Tensors by name, as float32; an encoder that was saved by itself has no prefix."""

    def __init__(self, tensors: Mapping[str, npt.NDArray[Any]], prefix: str) -> None:
        self._tensors = tensors
        self._prefix = prefix if any(name.startswith(prefix) for name in tensors) else ""

    def tensor(self, name: str, *, own: bool = True) -> Floats:
        full = self._prefix + name if own else name
        if full not in self._tensors:
            raise ModelLoadError(f"model.safetensors has no tensor {full!r}, which this architecture needs.")
        return np.asarray(self._tensors[full], dtype=np.float32)

    def has(self, name: str) -> bool:
        return self._prefix + name in self._tensors

    def linear(self, name: str, *, own: bool = True) -> Linear:
        weight = self.tensor(f"{name}.weight", own=own)
        return Linear(np.ascontiguousarray(weight.T), self.tensor(f"{name}.bias", own=own))

    def norm(self, name: str) -> Norm:
        return Norm(self.tensor(f"{name}.weight"), self.tensor(f"{name}.bias"))


def read_encoder(folder: Path, *, headless: bool = False) -> Encoder:
    """Read `config.json` and `model.safetensors` of a BERT, MiniLM, TinyBERT, ELECTRA, RoBERTa or XLM-R cross-encoder.

    Args:
        folder: Holds both files.
        headless: Read the encoder alone, which then knows one segment.

    Raises:
        MissingDependencyError: The package safetensors is absent.
        ModelLoadError: A file is missing, or the architecture is another.
    """
    config = _config(folder)
    kind = check_kind(config)
    return _encoder(_Checkpoint(_tensors(folder), _PREFIXES[kind]), config, kind, headless=headless)


def check_kind(config: Mapping[str, Any]) -> str:
    """Return the model type that `config.json` states, if its graph can be written.

    Raises:
        ModelLoadError: It is another, or it computes its activation or its positions in another way.
    """
    kind = str(config.get("model_type"))
    if kind not in _PREFIXES or config.get("hidden_act", "gelu") not in _ACTIVATIONS:
        raise ModelLoadError(
            f"A model of type {kind!r} with the activation {config.get('hidden_act')!r} cannot be optimized.",
            hint=f"Known types: {', '.join(_PREFIXES)}. It runs as it is.",
        )
    if config.get("position_embedding_type", "absolute") != "absolute":
        raise ModelLoadError(
            "Only absolute position embeddings can be optimized.", hint="The model runs as it is."
        )
    return kind


def first_position(config: Mapping[str, Any]) -> int:
    """Return the row of the position table that belongs to the first token."""
    return int(config["pad_token_id"]) + 1 if config["model_type"] in {"roberta", "xlm-roberta"} else 0


def layer_activation(config: Mapping[str, Any]) -> str:
    """Return the ONNX operator between `up` and `down`."""
    return _ACTIVATIONS[str(config.get("hidden_act", "gelu"))]


def layer_epsilon(config: Mapping[str, Any]) -> float:
    """Return the epsilon of every layer normalization."""
    return float(config.get("layer_norm_eps", 1e-12))


def head_activation(kind: str) -> str:
    """Return the ONNX operator between the two products of the head."""
    return "Gelu" if kind == "electra" else "Tanh"


def _encoder(checkpoint: _Checkpoint, config: Mapping[str, Any], kind: str, *, headless: bool) -> Encoder:
    types = checkpoint.tensor("embeddings.token_type_embeddings.weight")
    return Encoder(
        words=checkpoint.tensor("embeddings.word_embeddings.weight"),
        positions=checkpoint.tensor("embeddings.position_embeddings.weight")[first_position(config) :],
        types=types[:1] if headless else types,
        embedding_norm=checkpoint.norm("embeddings.LayerNorm"),
        projection=checkpoint.linear("embeddings_project")
        if checkpoint.has("embeddings_project.weight")
        else None,
        layers=tuple(_layer(checkpoint, number) for number in range(int(config["num_hidden_layers"]))),
        head=None if headless else _head(checkpoint, kind),
        attention_heads=int(config["num_attention_heads"]),
        epsilon=layer_epsilon(config),
        activation=layer_activation(config),
    )


def _layer(checkpoint: _Checkpoint, number: int) -> Layer:
    at = f"encoder.layer.{number}."
    return Layer(
        query=checkpoint.linear(f"{at}attention.self.query"),
        key=checkpoint.linear(f"{at}attention.self.key"),
        value=checkpoint.linear(f"{at}attention.self.value"),
        attended=checkpoint.linear(f"{at}attention.output.dense"),
        attention_norm=checkpoint.norm(f"{at}attention.output.LayerNorm"),
        up=checkpoint.linear(f"{at}intermediate.dense"),
        down=checkpoint.linear(f"{at}output.dense"),
        output_norm=checkpoint.norm(f"{at}output.LayerNorm"),
    )


def _head(checkpoint: _Checkpoint, kind: str) -> Head:
    if kind == "bert":
        dense, out = checkpoint.linear("pooler.dense"), checkpoint.linear("classifier", own=False)
        return Head(dense, head_activation(kind), out)
    return Head(
        checkpoint.linear("classifier.dense", own=False),
        head_activation(kind),
        checkpoint.linear("classifier.out_proj", own=False),
    )


def _config(folder: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError) as error:
        raise ModelLoadError(f"The folder {str(folder)!r} has no readable config.json.") from error
    return config


def _tensors(folder: Path) -> Mapping[str, npt.NDArray[Any]]:
    safetensors = imported("safetensors.numpy", "Reading model.safetensors", "optimize")
    try:
        tensors: Mapping[str, npt.NDArray[Any]] = safetensors.load_file(folder / "model.safetensors")
    except Exception as error:  # the library raises its own kinds and OSError
        raise ModelLoadError(f"model.safetensors in {str(folder)!r} cannot be read.") from error
    return tensors
