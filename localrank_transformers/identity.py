"""Which weights a model has, in a word that changes when they do: what a cache of scores keys on."""

from __future__ import annotations

import hashlib
from pathlib import Path

from localrank_transformers import bundled
from localrank_transformers.files import Location

__all__ = ["weights_identity"]

_WEIGHTS = (".onnx", ".onnx_data", ".data", ".safetensors", ".json")
_DIGEST_BYTES = 8


def weights_identity(location: Location) -> str:
    """Return the model's name with the recorded sum of an embedded model, the state of a folder's files, or a hub revision.

    A folder's files are looked at, not read: name, size and time of change stand for their content.
    """
    if location.hub is not None:
        return f"{location.model_id}@{location.hub.revision or 'recorded'}"
    if location.folder is None:
        sums = bundled.SHA256[location.model_id]
        return f"{location.model_id}@{_digest(*sorted(sums.values()))}"
    return f"{location.folder.resolve()}@{_digest(*_states(location.folder))}"


def _states(folder: Path) -> list[str]:
    files = [
        path for place in (folder, folder / "onnx") if place.is_dir() for path in sorted(place.iterdir())
    ]
    stats = [(path.name, path.stat()) for path in files if path.name.endswith(_WEIGHTS)]
    return [f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats]


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=_DIGEST_BYTES).hexdigest()
