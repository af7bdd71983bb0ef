"""A small real model in the folder layout that FlashRank reads, and that our own reranker reads too."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.support import tiny_models

NAME = "ms-marco-TinyBERT-L-2-v2"
FILE = "flashrank-TinyBERT-L-2-v2.onnx"


def build(cache: Path) -> Path:
    """Write the model into `cache` and return its folder."""
    folder = tiny_models.build(cache / NAME)
    shutil.copy(folder / "onnx/model.onnx", folder / FILE)
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 64, "pad_token": "[PAD]"}))
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    (folder / "special_tokens_map.json").write_text(json.dumps(special))
    return folder
