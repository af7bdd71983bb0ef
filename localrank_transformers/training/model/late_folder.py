"""The folder of a late-interaction model that is trained here: what tells its kind, and the two numbers of its score.

The layout is that of sentence-transformers' MultiVectorEncoder without a projection: Transformer, MultiVectorMask, Normalize.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from localrank.contract.errors import ModelLoadError
from localrank_transformers.models.folder.exported import (
    EXPORTED_FILE,
    ExportedGraph,
    LateLogit,
    exported_graph,
    exported_json,
    late_logit,
    late_settings,
)
from localrank_transformers.models.folder.late_layout import LateLayout, is_late_interaction, read_late_layout
from localrank_transformers.models.folder.settings_files import read_settings_files

__all__ = ["is_late_folder", "read_head", "write_head", "write_layout"]

_FIRST_HEAD = LateLogit(25.0, -15.0, "sigmoid")
"""Scale and bias where the folder states none: about what all-MiniLM-L6-v2's cosines need to read as probabilities."""

_PLACE = "sentence_transformers."
_LAYOUT: dict[str, Any] = {
    "modules.json": [
        {"idx": 0, "name": "0", "path": "", "type": f"{_PLACE}base.modules.transformer.Transformer"},
        {
            "idx": 1,
            "name": "1",
            "path": "1_MultiVectorMask",
            "type": f"{_PLACE}multi_vector_encoder.modules.multi_vector_mask.MultiVectorMask",
        },
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": f"{_PLACE}base.modules.normalize.Normalize"},
    ],
    "config_sentence_transformers.json": {
        "model_type": "MultiVectorEncoder",
        "prompts": {"query": "", "document": ""},
        "default_prompt_name": None,
        "similarity_fn_name": "meanmaxsim",
    },
    "sentence_bert_config.json": {
        "transformer_task": "feature-extraction",
        "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
        "module_output_name": "token_embeddings",
    },
    "1_MultiVectorMask/config.json": {
        "skiplist_words": [],
        "skiplist_tasks": ["document"],
        "keep_only_token_ids": None,
    },
    "2_Normalize/config.json": {
        "module_input_name": "token_embeddings",
        "module_output_name": "token_embeddings",
    },
}
"""As MultiVectorEncoder.save_pretrained of sentence-transformers 6.2 writes it, but for the versions."""


def is_late_folder(folder: Path) -> bool:
    """Return whether `folder` holds a late-interaction model that compares its encoder's own vectors.

    Raises:
        ModelLoadError: It is one that marks, cuts, fills up or skips tokens in a way of its own, which training would not do.
    """
    files = read_settings_files(folder)
    if not is_late_interaction(files):
        return False
    layout = read_late_layout(files)
    if layout.dense:
        return False
    if replace(layout, width=None) != LateLayout():
        raise ModelLoadError(
            f"The late-interaction model {folder.name!r} states markers, lengths, fillings or tokens to skip.",
            hint="Trained are those that compare all tokens as they are. Take the embedded model, or a bi-encoder's folder.",
        )
    return True


def write_layout(folder: Path) -> None:
    """Write the files that let sentence-transformers, and this package, know the kind of model."""
    for name, content in _LAYOUT.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def write_head(folder: Path, logit: LateLogit) -> None:
    """Write `localrank.json`: what a logit is made of."""
    graph = ExportedGraph("late-interaction", settings=late_settings(logit))
    content = json.dumps(exported_json(graph), indent=2) + "\n"
    (folder / EXPORTED_FILE).write_text(content, encoding="utf-8")


def read_head(folder: Path) -> LateLogit:
    """Return what a logit is made of; with the scale and bias that training begins with where the folder states none.

    Raises:
        ModelLoadError: `localrank.json` is malformed.
    """
    logit = late_logit(exported_graph(read_settings_files(folder).json(EXPORTED_FILE)))
    return logit if logit.fitted else replace(_FIRST_HEAD, by_length=logit.by_length)
