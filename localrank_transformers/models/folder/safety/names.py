"""The names of a model's files, and how large each kind may be."""

from __future__ import annotations

import re
from pathlib import Path

from localrank.contract.errors import ModelLoadError

__all__ = ["check_name", "check_size"]

_MB = 1 << 20
_LIMITS = {".json": 64 * _MB, ".txt": 64 * _MB, ".jinja": 4 * _MB, ".onnx": 2048 * _MB, ".model": 64 * _MB}
_TOKENIZER_LIMIT = 256 * _MB

_PICKLES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".npy", ".npz", ".py"})
"""Suffixes of files that can run code when they are read, or are code."""


def check_name(name: str) -> str:
    """Return the name of a file inside a model folder, if it stays inside and is no pickle and no code.

    Raises:
        ModelLoadError: It does not.
    """
    parts = name.split("/")
    if (
        not name
        or "\\" in name
        or "\0" in name
        or re.match(r"[A-Za-z]:", name)
        or {"", ".", ".."} & set(parts)
    ):
        raise ModelLoadError(
            f"The model names the file {name!r}, which is no plain path inside its folder.",
            hint="Use a model from a source that you trust.",
        )
    if Path(name).suffix.lower() in _PICKLES:
        raise ModelLoadError(
            f"The file {name!r} can run any code when it is read, so it is neither fetched nor loaded.",
            hint="Use a revision of the model that ships safetensors or ONNX files.",
        )
    return name


def check_size(name: str, size: int) -> None:
    """Refuse a file that is larger than any honest file of its kind.

    Raises:
        ModelLoadError: It is.
    """
    path = Path(name)
    limit = _TOKENIZER_LIMIT if path.name == "tokenizer.json" else _LIMITS.get(path.suffix.lower())
    if limit is not None and size > limit:
        raise ModelLoadError(
            f"The file {name!r} has {size:,} bytes; at most {limit:,} are read.",
            hint="An ONNX graph above 2 GB keeps its weights in a file beside it."
            if name.endswith(".onnx")
            else None,
        )
