"""A late-interaction folder of an encoder's weights, as training starts from it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from localrank_transformers.models.folder.exported import LateLogit
from localrank_transformers.training.model.late_folder import write_head, write_layout

__all__ = ["write_late"]


def write_late(folder: Path, encoder: Any, source: Path, logit: LateLogit) -> None:
    """Write a late-interaction model.

    Args:
        folder: Made where it does not exist.
        encoder: A transformers encoder without a head.
        source: The folder whose tokenizer it gets.
        logit: What a logit is made of.
    """
    folder.mkdir(parents=True, exist_ok=True)
    encoder.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(source / name, folder / name)
    write_layout(folder)
    write_head(folder, logit)
