"""The embedded models: their files inside a package, checked against recorded SHA-256 sums when they are read."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localrank.contract.errors import ModelLoadError
from localrank.providers.beside import begin

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

__all__ = [
    "DEFAULT_MODEL",
    "LANGUAGES",
    "SHA256",
    "bundled_names",
    "is_embedded",
    "model_folder",
    "read_file",
    "read_model",
    "sums",
]

DEFAULT_MODEL = "localrank-mini"

SHA256: dict[str, dict[str, str]] = {
    "localrank-mini": {
        "config.json": "ac595dd25a4f8e16dc6ae85ca0e810054e160856772da5a375e494c925824c1f",
        "tokenizer.json": "9114256b104cca80e04367526f03f46aa3c443c2ed174904142a73bbf13b9fbb",
        "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
        "localrank.json": "dc34f086478d6cf156fe740f5ed86657f303799795f63a834a936d4c4c5cdbb8",
        "onnx/model_int8.onnx": "22734d2563f351899770b399d2aa2b5f0f9e35be5458076ba19d5c80a3cc91ef",
    },
    "localrank-tiny": {
        "config.json": "0ece031a8bc0ed49f694d7344f4077d2c677326c50437e38227c00c17cd8d832",
        "tokenizer.json": "9114256b104cca80e04367526f03f46aa3c443c2ed174904142a73bbf13b9fbb",
        "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
        "localrank.json": "4d5103b003ea3be01e6be10b4b09d70c477b50e7683f07919faad338cf356fef",
        "onnx/model_int8.onnx": "915d0e9992f814910bf962dc8a0aeaa8553dd1a817c71bb4e7a5e692f0df96d4",
    },
}
"""The sum of every file of every embedded model."""

LANGUAGES: dict[str, tuple[str, ...]] = {
    "localrank-mini": ("en",),
    "localrank-tiny": ("en",),
    "localrank-multilingual": (
        *("ar", "de", "el", "en", "es", "fr", "hi", "it", "ja", "ko"),
        *("nl", "pl", "pt", "ro", "ru", "th", "tr", "vi", "zh"),
    ),
}
"""What each reads, as ISO 639-1 codes; the catalogue says the same, and is not read for an embedded model."""


def bundled_names() -> list[str]:
    """Return the names of the models that this package holds, the default first."""
    return list(SHA256)


def is_embedded(model: str) -> bool:
    """Return whether a package holds the model: this one, or one of the model's own, installed or not."""
    return model in LANGUAGES


def sums(model: str) -> Mapping[str, str]:
    """Return the recorded sum of each file of an embedded model.

    Raises:
        MissingDependencyError: It comes in a package of its own, which is not installed.
        ModelLoadError: That package is damaged.
    """
    if model in SHA256:
        return SHA256[model]
    from localrank_transformers.models.bundled.separate import recorded_sums  # noqa: PLC0415  # not for those in this package

    return recorded_sums(model)


def model_folder(model: str) -> Traversable:
    """Return the folder with an embedded model's files; raise as `sums` does."""
    if model in SHA256:
        place = Path(__file__).parent.joinpath(_folder_name(model))
        if place.is_dir():
            return place
        from importlib.resources import files  # noqa: PLC0415  # only in a zip archive, and takes longer than reading

        return files(__name__).joinpath(_folder_name(model))
    from localrank_transformers.models.bundled.separate import separate_folder  # noqa: PLC0415  # not for those in this package

    return separate_folder(model)


def read_file(model: str, name: str) -> bytes:
    """Return the checked content of one file of an embedded model.

    Raises:
        ModelLoadError: The file is missing or altered.
    """
    content = _read(_place(model, name), f"{model}/{name}")
    _check(model, name, hashlib.sha256(content))
    return content


def read_model(model: str, name: str) -> tuple[Path | bytes, Callable[[], None]]:
    """Return a file as a path where it lies on a disk, and as bytes where it does not (a zip archive), with what checks it.

    The sum is computed meanwhile, in a thread; the function that is returned waits for it, and is to be called before the
    file is used. It raises ModelLoadError where the file is missing or altered.
    """
    place = _place(model, name)
    if not isinstance(place, Path):
        return read_file(model, name), lambda: None
    digest = begin(lambda: _digest(place), name="localrank-checksum")

    def check() -> None:
        try:
            _check(model, name, digest.result())
        except OSError as error:
            raise _unreadable(f"{model}/{name}", error) from error

    return place, check


def _digest(path: Path) -> Any:
    """Return the SHA-256 of a file; of a map, since a copy would cost as much again."""
    with path.open("rb") as stream:
        try:
            content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:  # an empty file cannot be mapped
            return hashlib.sha256()
        with content:
            return hashlib.sha256(content)


def _check(model: str, name: str, digest: Any) -> None:
    if digest.hexdigest() != sums(model)[name]:
        raise ModelLoadError(
            f"The file {name} of the embedded model {model} is damaged: its SHA-256 is not the recorded one.",
            hint=_again(model),
        )


def _place(model: str, name: str) -> Traversable:
    return model_folder(model).joinpath(*name.split("/"))


def _folder_name(model: str) -> str:
    return model.replace("-", "_")


def _read(place: Traversable, label: str) -> bytes:
    try:
        return place.read_bytes()
    except OSError as error:
        raise _unreadable(label, error) from error


def _unreadable(label: str, error: OSError) -> ModelLoadError:
    return ModelLoadError(
        f"The file {label} of the embedded model cannot be read: {type(error).__name__}.",
        hint=_again(label.partition("/")[0]),
    )


def _again(model: str) -> str:
    package = "localrank" if model in SHA256 else model
    return f"Install {package} again: pip install --force-reinstall {package}"
