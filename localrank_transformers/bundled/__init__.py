"""The embedded models: their files inside the package, checked against recorded SHA-256 sums when they are read."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from localrank.contract.errors import ModelLoadError

__all__ = ["DEFAULT_MODEL", "SHA256", "bundled_names", "read_file", "read_model"]

DEFAULT_MODEL = "localrank-mini"

SHA256: dict[str, dict[str, str]] = {
    "localrank-mini": {
        "config.json": "93cf10944d638f8aff474091436d5b55c95697fb1c315823e29baae1cf83973a",
        "tokenizer.json": "9114256b104cca80e04367526f03f46aa3c443c2ed174904142a73bbf13b9fbb",
        "tokenizer_config.json": "7cd758d708c9cf3ddb7efa765a00ee630d4e1ce3823ed73c06ab036608966057",
        "onnx/model_int8.onnx": "6c848bf4d5880977d3a3408bb32e6ee9d0429a1a27fb06c9011903b98f93e7d6",
    }
}
"""The sum of every file of every embedded model."""


def bundled_names() -> list[str]:
    """Return the names of the embedded models, the default first."""
    return list(SHA256)


def read_file(model: str, name: str) -> bytes:
    """Return the checked content of one file of an embedded model.

    Raises:
        ModelLoadError: The file is missing or altered.
    """
    content = _read(_place(model, name), f"{model}/{name}")
    if hashlib.sha256(content).hexdigest() != SHA256[model][name]:
        raise ModelLoadError(
            f"The file {name} of the embedded model {model} is damaged: its SHA-256 is not the recorded one.",
            hint="Install localrank again: pip install --force-reinstall localrank",
        )
    return content


def read_model(model: str, name: str) -> Path | bytes:
    """Return a checked file as a path where it lies on a disk, and as bytes where it does not (a zip archive)."""
    content = read_file(model, name)
    place = _place(model, name)
    return place if isinstance(place, Path) else content


def _place(model: str, name: str) -> Traversable:
    return files(__name__).joinpath(model.replace("-", "_"), *name.split("/"))


def _read(place: Traversable, label: str) -> bytes:
    try:
        return place.read_bytes()
    except OSError as error:
        raise ModelLoadError(
            f"The file {label} of the embedded model cannot be read: {type(error).__name__}.",
            hint="Install localrank again: pip install --force-reinstall localrank",
        ) from error
