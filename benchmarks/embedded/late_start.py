"""A late-interaction folder of an encoder's weights, as training starts from it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from localrank_transformers.training.late_folder import read_head, write_head, write_layout

__all__ = ["write_late"]


def write_late(folder: Path, encoder: Any, source: Path) -> None:
    """Write a late-interaction model.

    Args:
        folder: Made where it does not exist.
        encoder: A transformers encoder without a head.
        source: The folder whose tokenizer it gets, and whose scale and bias of the scores where it states them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    encoder.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(source / name, folder / name)
    write_layout(folder)
    write_head(folder, *read_head(source))
