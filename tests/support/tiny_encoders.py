"""Randomly initialised BERT-like cross-encoders and late-interaction encoders as safetensors, and their passes in numpy."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from tests.support import tiny_models

HIDDEN, HEADS, LAYERS, WIDE, WINDOW = 16, 4, 2, 32, 64

Tensors = dict[str, np.ndarray]


@dataclass(frozen=True)
class Shape:
    """The sizes of an encoder."""

    hidden: int = HIDDEN
    heads: int = HEADS
    layers: int = LAYERS
    wide: int = WIDE


TINY = Shape()


def build(folder: Path, kind: str, *, labels: int = 1, seed: int = 0, shape: Shape = TINY) -> Path:
    """Write config, tokenizer and model.safetensors of a `bert`, `electra` or `xlm-roberta` cross-encoder."""
    style = "roberta" if kind == "xlm-roberta" else "bert"
    tiny_models.build(folder, style=style, labels=labels, max_length=WINDOW)
    (folder / "onnx/model.onnx").unlink()
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": kind,
        "hidden_size": shape.hidden,
        "num_attention_heads": shape.heads,
        "num_hidden_layers": shape.layers,
        "intermediate_size": shape.wide,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-5,
        "type_vocab_size": 1 if style == "roberta" else 2,
    }
    (folder / "config.json").write_text(json.dumps(config))
    save_file(_tensors(config, kind, labels, seed), str(folder / "model.safetensors"))
    return folder


def build_late(folder: Path, *, shape: Shape = TINY, **settings: object) -> Path:
    """Write a BERT without a head, saved by itself, whose token vectors are compared; `settings` are its score's."""
    build(folder, "bert", shape=shape)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"architectures": ["BertModel"]}))
    tensors = _tensors(config, "bert", 1, 0)
    own = {name.removeprefix("bert."): value for name, value in tensors.items() if "classifier" not in name}
    save_file(own, str(folder / "model.safetensors"))
    modules = [{"path": "", "type": "x.Transformer"}, {"path": "1_Mask", "type": "x.MultiVectorMask"}]
    files = {
        "modules.json": modules,
        "config_sentence_transformers.json": {"model_type": "MultiVectorEncoder"},
        "1_Mask/config.json": {"skiplist_words": []},
        "localrank.json": {"format": 1, "family": "late-interaction", "settings": settings},
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    return folder


def _tensors(config: dict, kind: str, labels: int, seed: int) -> Tensors:
    random = np.random.default_rng(seed)
    prefix = {"bert": "bert.", "electra": "electra.", "xlm-roberta": "roberta."}[kind]
    hidden, wide = config["hidden_size"], config["intermediate_size"]
    embedding = hidden // 2 if kind == "electra" else hidden
    tensors: Tensors = {}

    def add(name: str, *shape: int, scale: float = 0.5) -> None:
        tensors[name] = (random.normal(size=shape) * scale).astype(np.float32)

    def linear(name: str, inputs: int, outputs: int) -> None:
        add(f"{name}.weight", outputs, inputs, scale=1 / math.sqrt(inputs))
        add(f"{name}.bias", outputs, scale=0.1)

    def norm(name: str, size: int) -> None:
        tensors[f"{name}.weight"] = (1 + random.normal(size=size) * 0.1).astype(np.float32)
        add(f"{name}.bias", size, scale=0.1)

    add(f"{prefix}embeddings.word_embeddings.weight", config["vocab_size"], embedding)
    add(f"{prefix}embeddings.position_embeddings.weight", config["max_position_embeddings"], embedding)
    add(f"{prefix}embeddings.token_type_embeddings.weight", config["type_vocab_size"], embedding)
    norm(f"{prefix}embeddings.LayerNorm", embedding)
    if kind == "electra":
        linear(f"{prefix}embeddings_project", embedding, hidden)
    for number in range(config["num_hidden_layers"]):
        at = f"{prefix}encoder.layer.{number}."
        for part in ("query", "key", "value"):
            linear(f"{at}attention.self.{part}", hidden, hidden)
        linear(f"{at}attention.output.dense", hidden, hidden)
        norm(f"{at}attention.output.LayerNorm", hidden)
        linear(f"{at}intermediate.dense", hidden, wide)
        linear(f"{at}output.dense", wide, hidden)
        norm(f"{at}output.LayerNorm", hidden)
    if kind == "bert":
        linear("bert.pooler.dense", hidden, hidden)
        linear("classifier", hidden, labels)
    else:
        linear("classifier.dense", hidden, hidden)
        linear("classifier.out_proj", hidden, labels)
    return tensors


def forward(tensors: Tensors, config: dict, ids: np.ndarray, types: np.ndarray) -> np.ndarray:
    """Return the logits of one pair in float64, token by token as the papers state it; nothing is left out."""
    kind = config["model_type"]
    first = hidden(tensors, config, ids, types)[0]

    def linear(x, name):
        return x @ tensors[f"{name}.weight"].T.astype(np.float64) + tensors[f"{name}.bias"]

    if kind == "bert":
        return linear(np.tanh(linear(first, "bert.pooler.dense")), "classifier")
    activation = gelu if kind == "electra" else np.tanh
    return linear(activation(linear(first, "classifier.dense")), "classifier.out_proj")


def vectors(tensors: Tensors, config: dict, ids: np.ndarray) -> np.ndarray:
    """Return the token vectors of one row in float64."""
    return hidden(tensors, config, ids, np.zeros_like(ids))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return the rows at length 1."""
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def gelu(x: np.ndarray) -> np.ndarray:
    """Return GELU by the error function."""
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def hidden(tensors: Tensors, config: dict, ids: np.ndarray, types: np.ndarray) -> np.ndarray:
    """Return what the last layer gives, shape (tokens, hidden size)."""
    kind = config["model_type"]
    prefix = {"bert": "bert.", "electra": "electra.", "xlm-roberta": "roberta."}[kind]
    if not any(name.startswith(prefix) for name in tensors):
        prefix = ""
    weights = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}

    def linear(x, name):
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + config["layer_norm_eps"])
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    first = config["pad_token_id"] + 1 if kind == "xlm-roberta" else 0
    positions = np.arange(len(ids)) + first
    segments = types if config["type_vocab_size"] > 1 else np.zeros_like(types)
    x = (
        weights[f"{prefix}embeddings.word_embeddings.weight"][ids]
        + weights[f"{prefix}embeddings.position_embeddings.weight"][positions]
        + weights[f"{prefix}embeddings.token_type_embeddings.weight"][segments]
    )
    x = norm(x, f"{prefix}embeddings.LayerNorm")
    if kind == "electra":
        x = linear(x, f"{prefix}embeddings_project")
    heads, width = config["num_attention_heads"], config["hidden_size"]
    size = width // heads
    for number in range(config["num_hidden_layers"]):
        at = f"{prefix}encoder.layer.{number}."
        query, key, value = (
            linear(x, f"{at}attention.self.{part}").reshape(len(ids), heads, size).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        logits = query @ key.transpose(0, 2, 1) / math.sqrt(size)
        shares = np.exp(logits - logits.max(-1, keepdims=True))
        context = (shares / shares.sum(-1, keepdims=True)) @ value
        context = context.transpose(1, 0, 2).reshape(len(ids), width)
        x = norm(linear(context, f"{at}attention.output.dense") + x, f"{at}attention.output.LayerNorm")
        x = norm(
            linear(gelu(linear(x, f"{at}intermediate.dense")), f"{at}output.dense") + x,
            f"{at}output.LayerNorm",
        )
    return x
