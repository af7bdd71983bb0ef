"""A smaller model made of a larger one in the BERT layout: some of its layers, and fewer directions of its width.

The directions are the principal ones of the word vectors. Every matrix that reads or writes the hidden state is written in
them; of the attention heads and of the neurons between, those with the largest weights are kept. What layer normalizations do
cannot be carried over exactly, so this is where distillation starts from, no working model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from localrank.contract.errors import InvalidRequestError
from localrank_transformers.training.request import StudentShape

__all__ = ["principal_directions", "shrink"]

_HEAD = "classifier"
"""Of the names, what lies outside the encoder."""

_WIDENING = 4
"""Neurons between the two products of a layer, for each direction of the width."""


def shrink(model: Any, shape: StudentShape) -> Any:
    """Return a new model of `shape` that begins where `model` is.

    Args:
        model: A transformers `BertForSequenceClassification`, or a `BertModel` without a pooler.
        shape: Layers and width, each at most the model's own.

    Raises:
        InvalidRequestError: Another architecture, or a shape that cannot be cut out of it.
    """
    if shape.layers is None and shape.hidden is None:
        return model
    config = model.config
    if config.model_type != "bert":
        raise InvalidRequestError(
            f"A model of type {config.model_type!r} cannot be made smaller here.",
            hint="Take a base in the BERT layout, such as localrank-mini.",
        )
    layers, hidden = shape.layers or config.num_hidden_layers, shape.hidden or config.hidden_size
    head = config.hidden_size // config.num_attention_heads
    if layers > config.num_hidden_layers or hidden > config.hidden_size or hidden % head:
        raise InvalidRequestError(
            f"{layers} × {hidden} cannot be cut out of {config.num_hidden_layers} × {config.hidden_size}.",
            hint=f"Take at most its layers, and a width that is a multiple of {head}.",
        )
    smaller = type(config).from_dict(config.to_dict())
    smaller.num_hidden_layers, smaller.hidden_size = layers, hidden
    if hidden < config.hidden_size:
        smaller.num_attention_heads, smaller.intermediate_size = hidden // head, _WIDENING * hidden
    student = type(model)(smaller)
    if student.base_model is student:
        student.pooler = None
    kept = _kept_layers(config.num_hidden_layers, layers)
    at = "" if model.base_model is model else f"{model.base_model_prefix}."
    weights = {name.removeprefix(at): value.detach().float() for name, value in model.state_dict().items()}
    cut = dict(_cut(weights, kept, smaller, head))
    student.load_state_dict(
        {name if name.startswith(_HEAD) else at + name: value for name, value in cut.items()}
    )
    return student


def _kept_layers(count: int, wanted: int) -> list[int]:
    """Return which of `count` layers stay: evenly spread, the last always among them."""
    return [round((number + 1) * count / wanted) - 1 for number in range(wanted)]


def _cut(
    weights: Mapping[str, torch.Tensor], layers: list[int], config: Any, head: int
) -> Iterator[tuple[str, torch.Tensor]]:
    basis = principal_directions(weights["embeddings.word_embeddings.weight"], config.hidden_size)
    for name, value in weights.items():
        if not name.startswith("encoder."):
            yield name, _outside(name, value, basis)
    for number, kept in enumerate(layers):
        prefix = f"encoder.layer.{kept}."
        own = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
        for name, value in _layer(own, basis, config, head).items():
            yield f"encoder.layer.{number}.{name}", value


def principal_directions(rows: torch.Tensor, width: int) -> torch.Tensor:
    """Return an orthonormal basis of the `width` directions that hold most of the rows, shape (old width, width)."""
    if width == rows.shape[1]:
        return torch.eye(width)
    _, vectors = torch.linalg.eigh(rows.T @ rows)
    return vectors[:, -width:].flip(1)


def _outside(name: str, value: torch.Tensor, basis: torch.Tensor) -> torch.Tensor:
    if "LayerNorm" in name:
        return _norm(name, value, basis)
    if "embeddings" in name or name == f"{_HEAD}.weight":
        return value @ basis if value.is_floating_point() else value
    if name == "pooler.dense.weight":
        return basis.T @ value @ basis
    return basis.T @ value if name == "pooler.dense.bias" else value


def _norm(name: str, value: torch.Tensor, basis: torch.Tensor) -> torch.Tensor:
    if basis.shape[0] == basis.shape[1]:
        return value
    return basis.T @ value if name.endswith("bias") else torch.full((basis.shape[1],), float(value.mean()))


def _layer(
    own: Mapping[str, torch.Tensor], basis: torch.Tensor, config: Any, head: int
) -> dict[str, torch.Tensor]:
    attended, up, down = "attention.output.dense", "intermediate.dense", "output.dense"
    heads = _largest(
        own[f"{attended}.weight"].T.reshape(-1, head * basis.shape[0]), config.num_attention_heads
    )
    rows = (heads[:, None] * head + torch.arange(head)).ravel()
    neurons = _largest(own[f"{up}.weight"] * own[f"{down}.weight"].T, config.intermediate_size)
    cut = {
        f"{attended}.weight": basis.T @ own[f"{attended}.weight"][:, rows],
        f"{attended}.bias": basis.T @ own[f"{attended}.bias"],
        f"{up}.weight": own[f"{up}.weight"][neurons] @ basis,
        f"{up}.bias": own[f"{up}.bias"][neurons],
        f"{down}.weight": basis.T @ own[f"{down}.weight"][:, neurons],
        f"{down}.bias": basis.T @ own[f"{down}.bias"],
    }
    for name in ("query", "key", "value"):
        at = f"attention.self.{name}"
        cut[f"{at}.weight"], cut[f"{at}.bias"] = own[f"{at}.weight"][rows] @ basis, own[f"{at}.bias"][rows]
    for name, value in own.items():
        if "LayerNorm" in name:
            cut[name] = _norm(name, value, basis)
    return cut


def _largest(rows: torch.Tensor, count: int) -> torch.Tensor:
    """Return the places of the `count` rows with the largest norm, in order."""
    return rows.norm(dim=1).topk(count).indices.sort().values
