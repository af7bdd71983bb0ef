"""Small randomly initialised BERTs to train on, as a cross-encoder and as a late-interaction model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

from localrank_transformers.models.folder.exported import LateLogit
from localrank_transformers.training.model.late_folder import write_head, write_layout
from tests.support.torch_models import encoder_settings, save_tokenizer

__all__ = ["build_cross_encoder", "build_late"]


def _config(folder: Path, **change: Any) -> Any:
    settings = encoder_settings("bert", save_tokenizer(folder, "bert"))
    own = {"num_hidden_layers": 2, "initializer_range": 0.1, "attn_implementation": "eager"}
    torch.manual_seed(11)
    return transformers.BertConfig(**{**settings, **own, **change})


def build_cross_encoder(folder: Path) -> Path:
    """Save a cross-encoder with one label and return the folder."""
    transformers.BertForSequenceClassification(_config(folder, num_labels=1)).save_pretrained(folder)
    return folder


def build_late(folder: Path, *, scale: float = 12.0, bias: float = -6.0, by_length: bool = False) -> Path:
    """Save a late-interaction model that compares its encoder's own vectors, and return the folder."""
    model = transformers.BertModel(_config(folder), add_pooling_layer=False)
    with torch.no_grad():  # vectors of unequal lengths
        model.encoder.layer[-1].output.LayerNorm.weight.uniform_(0.1, 2.0)
    model.save_pretrained(folder)
    write_layout(folder)
    write_head(folder, LateLogit(scale, bias, "sigmoid", by_length))
    return folder
