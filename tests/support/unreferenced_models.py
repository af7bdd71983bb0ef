"""Small cross-encoders whose reference code cannot be run here, in the layouts of their repositories: JinaBERT and GTE "new".

JinaBERT is written as a torch module to be exported, since its repositories ship ONNX files; of GTE the weights are saved under
the names of its own code.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from localrank_transformers.exporting.torch.graphs import save_graph
from tests.support.torch_models import save_tokenizer

WIDTH, HEADS, LAYERS, INNER = 48, 6, 2, 40
"""Six heads, since ALiBi's slopes are another formula where the heads are no power of two, as in jina-reranker-v1."""

EPSILON = 1e-12


def _random(generator: np.random.Generator, *shape: int) -> torch.Tensor:
    return torch.from_numpy(generator.normal(scale=0.5, size=shape).astype(np.float32))


def jina_weights(size: int) -> dict[str, torch.Tensor]:
    """Return weights under the names of jinaai/jina-bert-implementation."""
    generator = np.random.default_rng(21)
    shapes: dict[str, tuple[int, ...]] = {
        "bert.embeddings.word_embeddings.weight": (size, WIDTH),
        "bert.embeddings.token_type_embeddings.weight": (2, WIDTH),
        **_norm("bert.embeddings.LayerNorm"),
    }
    for at in (f"bert.encoder.layer.{number}" for number in range(LAYERS)):
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            shapes |= _linear(f"{at}.attention.{name}", WIDTH, WIDTH)
        shapes |= _norm(f"{at}.attention.output.LayerNorm")
        shapes[f"{at}.mlp.gated_layers.weight"] = (2 * INNER, WIDTH)
        shapes |= _linear(f"{at}.mlp.wo", WIDTH, INNER) | _norm(f"{at}.mlp.layernorm")
    shapes |= _linear("bert.pooler.dense", WIDTH, WIDTH) | _linear("classifier", 1, WIDTH)
    return {name: _random(generator, *shape) for name, shape in shapes.items()}


def gte_weights(size: int) -> dict[str, torch.Tensor]:
    """Return weights under the names of Alibaba-NLP/new-impl."""
    generator = np.random.default_rng(22)
    shapes: dict[str, tuple[int, ...]] = {
        "new.embeddings.word_embeddings.weight": (size, WIDTH),
        "new.embeddings.token_type_embeddings.weight": (1, WIDTH),
        **_norm("new.embeddings.LayerNorm"),
    }
    for at in (f"new.encoder.layer.{number}" for number in range(LAYERS)):
        shapes |= _linear(f"{at}.attention.qkv_proj", 3 * WIDTH, WIDTH)
        shapes |= _linear(f"{at}.attention.o_proj", WIDTH, WIDTH) | _norm(f"{at}.attn_ln")
        shapes[f"{at}.mlp.up_gate_proj.weight"] = (2 * INNER, WIDTH)
        shapes |= _linear(f"{at}.mlp.down_proj", WIDTH, INNER) | _norm(f"{at}.mlp_ln")
    shapes |= _linear("new.pooler.dense", WIDTH, WIDTH) | _linear("classifier", 1, WIDTH)
    return {name: _random(generator, *shape) for name, shape in shapes.items()}


def _linear(name: str, outputs: int, inputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm(name: str) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (WIDTH,), f"{name}.bias": (WIDTH,)}


def build_gte(folder: Path, **change: Any) -> Path:
    """Save a model in the layout of Alibaba-NLP/gte-multilingual-reranker-base, whose configuration names code elsewhere."""
    size = save_tokenizer(folder, "roberta")
    code = "Alibaba-NLP/new-impl--"
    config = {
        "architectures": ["NewForSequenceClassification"],
        "auto_map": {
            "AutoConfig": f"{code}configuration.NewConfig",
            "AutoModelForSequenceClassification": f"{code}modeling.NewForSequenceClassification",
        },
        "model_type": "new",
        "vocab_size": size,
        "hidden_size": WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "intermediate_size": INNER,
        "hidden_act": "gelu",
        "max_position_embeddings": 64,
        "type_vocab_size": 1,
        "layer_norm_type": "layer_norm",
        "layer_norm_eps": EPSILON,
        "position_embedding_type": "rope",
        "rope_theta": 20000,
        "rope_scaling": {"type": "ntk", "factor": 8.0},
        "logn_attention_clip1": False,
        "logn_attention_scale": False,
        "pad_token_id": 1,
        "id2label": {"0": "LABEL_0"},
        **change,
    }
    (folder / "config.json").write_text(json.dumps(config))
    save_file(gte_weights(size), folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def build_jina(folder: Path) -> dict[str, torch.Tensor]:
    """Save a model in the layout of jinaai/jina-reranker-v1-turbo-en, with its graph, and return its weights."""
    size = save_tokenizer(folder, "roberta")
    config = {
        "architectures": ["JinaBertForSequenceClassification"],
        "auto_map": {"AutoConfig": "jinaai/jina-bert-implementation--configuration_bert.JinaBertConfig"},
        "model_type": "bert",
        "position_embedding_type": "alibi",
        "feed_forward_type": "geglu",
        "max_position_embeddings": 64,
        "num_attention_heads": HEADS,
        "pad_token_id": 1,
        "id2label": {"0": "LABEL_0"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    weights = jina_weights(size)
    ids = torch.ones(2, 8, dtype=torch.int64)
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    save_graph(
        JinaBert(weights),
        ("input_ids", "attention_mask"),
        (ids, mask),
        folder / "onnx/model.onnx",
        architecture="JinaBert",
    )
    return weights


class JinaBert(nn.Module):
    """The encoder, pooler and classifier in batches, as a repository's code would be exported."""

    def __init__(self, weights: dict[str, torch.Tensor]) -> None:
        super().__init__()
        self.table = nn.ParameterDict({name.replace(".", "/"): value for name, value in weights.items()})
        self.register_buffer("slopes", torch.tensor(list(_slopes(HEADS))))

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        at = "bert.embeddings"
        hidden = self._of(f"{at}.word_embeddings")[input_ids] + self._of(f"{at}.token_type_embeddings")[0]
        hidden = self._norm(hidden, f"{at}.LayerNorm")
        places = torch.arange(input_ids.shape[1])
        far = (places[:, None] - places[None, :]).abs().float()
        bias = (1.0 - attention_mask[:, None, None, :].float()) * -1e9 - self.slopes[:, None, None] * far
        for number in range(LAYERS):
            hidden = self._layer(hidden, bias, f"bert.encoder.layer.{number}")
        return self._linear(torch.tanh(self._linear(hidden[:, 0], "bert.pooler.dense")), "classifier")

    def _layer(self, hidden: torch.Tensor, bias: torch.Tensor, at: str) -> torch.Tensor:
        query, key, value = (
            self._linear(hidden, f"{at}.attention.self.{name}")
            .unflatten(-1, (HEADS, WIDTH // HEADS))
            .transpose(1, 2)
            for name in ("query", "key", "value")
        )
        scores = query @ key.transpose(2, 3) / math.sqrt(WIDTH // HEADS) + bias
        mixed = (torch.softmax(scores, -1) @ value).transpose(1, 2).flatten(2)
        mixed = self._linear(mixed, f"{at}.attention.output.dense")
        hidden = self._norm(mixed + hidden, f"{at}.attention.output.LayerNorm")
        gated, other = (hidden @ self._of(f"{at}.mlp.gated_layers").T).split(INNER, -1)
        inner = nn.functional.gelu(gated) * other
        return self._norm(self._linear(inner, f"{at}.mlp.wo") + hidden, f"{at}.mlp.layernorm")

    def _of(self, name: str, kind: str = "weight") -> torch.Tensor:
        return self.table[f"{name}.{kind}".replace(".", "/")]

    def _linear(self, values: torch.Tensor, name: str) -> torch.Tensor:
        return nn.functional.linear(values, self._of(name), self._of(name, "bias"))

    def _norm(self, values: torch.Tensor, name: str) -> torch.Tensor:
        weight, bias = self._of(name), self._of(name, "bias")
        return nn.functional.layer_norm(values, (WIDTH,), weight, bias, EPSILON)


def _slopes(heads: int) -> Iterator[float]:
    """ALiBi's slopes by the code that its authors published (https://arxiv.org/abs/2108.12409)."""
    known = 2 ** math.floor(math.log2(heads))
    start = 2 ** (-(2 ** -(math.log2(known) - 3)))
    yield from (start ** (place + 1) for place in range(known))
    if known < heads:
        yield from list(_slopes(2 * known))[0::2][: heads - known]
