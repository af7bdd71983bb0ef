"""The files that tell a model's family, and torch's weights: JSON read here, weights only named, pickles refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from localrank.contract.errors import ModelLoadError
from localrank_transformers.models.folder.safety import check_safetensors, check_size, shard_names
from localrank_transformers.models.folder.tokenizer_file import read_tokenizer, special_token

__all__ = ["SettingsFiles", "read_content", "read_settings_files", "read_torch_files"]

_LAYOUT_HINT = (
    "Pass a folder in the Hugging Face layout: config.json, tokenizer.json, and model.safetensors for torch or "
    "onnx/model.onnx for ONNX Runtime."
)


@dataclass(frozen=True, slots=True, repr=False)
class SettingsFiles:
    """What the files of a model say, weights left out.

    Attributes:
        folder: Where they lie.
        config: `config.json`.
        tokenizer_config: `tokenizer_config.json`, empty where there is none.
        modules: `modules.json` of a sentence-transformers model, empty where there is none.
        chat_template: The template of a chat model, or None.
    """

    folder: Path
    config: dict[str, Any]
    tokenizer_config: dict[str, Any]
    modules: tuple[dict[str, Any], ...]
    chat_template: str | None

    @property
    def architecture(self) -> str:
        """The first architecture of the configuration, or an empty text."""
        return str((self.config.get("architectures") or [""])[0])

    @property
    def start_token(self) -> str | None:
        """The token that a text begins with, by the tokenizer's configuration."""
        return self.special_token("bos_token")

    def special_token(self, name: str) -> str | None:
        """Return a token that the tokenizer's configuration names, such as `eos_token` or `mask_token`."""
        return special_token(self.tokenizer_config, name)

    def tokenizer(self) -> Tokenizer:
        """Return a fresh tokenizer that neither cuts nor fills up.

        Raises:
            ModelLoadError: `tokenizer.json` is missing or damaged.
        """
        return read_tokenizer(read_content(self.folder, "tokenizer.json"))

    def json(self, name: str) -> dict[str, Any]:
        """Return the object in the file `name`, empty where there is no such file."""
        return _parsed(self.folder, name, dict) if (self.folder / name).is_file() else {}


def read_torch_files(folder: Path) -> SettingsFiles:
    """Read the JSON files of `folder`.

    Raises:
        ModelLoadError: A file is missing or damaged, or the weights are pickled.
    """
    files = read_settings_files(folder)
    _check_weights(folder)
    return files


def read_settings_files(folder: Path) -> SettingsFiles:
    """Read the JSON files of `folder`, whatever holds its weights.

    Raises:
        ModelLoadError: A file is missing or damaged.
    """
    config: dict[str, Any] = _parsed(folder, "config.json", dict)
    optional = {name: folder / name for name in ("tokenizer_config.json", "modules.json")}
    tokenizer_config: dict[str, Any] = (
        _parsed(folder, "tokenizer_config.json", dict) if optional["tokenizer_config.json"].is_file() else {}
    )
    modules: list[dict[str, Any]] = (
        _parsed(folder, "modules.json", list) if optional["modules.json"].is_file() else []
    )
    return SettingsFiles(
        folder, config, tokenizer_config, tuple(modules), _chat_template(folder, tokenizer_config)
    )


def _chat_template(folder: Path, tokenizer_config: dict[str, Any]) -> str | None:
    if (folder / "chat_template.jinja").is_file():
        return read_content(folder, "chat_template.jinja").decode()
    template = tokenizer_config.get("chat_template")
    return template if isinstance(template, str) else None


def _check_weights(folder: Path) -> None:
    index = folder / "model.safetensors.index.json"
    shards = shard_names(index) if index.is_file() else []
    weights = [*folder.glob("*.safetensors"), *(folder / name for name in shards)]
    for path in weights:
        if not path.is_file():
            raise ModelLoadError(f"The folder {str(folder)!r} has no {path.name}, which its index names.")
        check_safetensors(path)
    if weights:
        return
    pickled = sorted(path.name for path in folder.glob("*.bin"))
    if not pickled:
        raise ModelLoadError(f"The folder {str(folder)!r} has no model.safetensors.", hint=_LAYOUT_HINT)
    raise ModelLoadError(
        f"The folder {str(folder)!r} has its weights in {pickled[0]} only: a pickle, which can run any code when it is read.",
        hint="Use a revision that ships model.safetensors, or convert the folder, which reads tensors and runs no code: "
        "localrank models convert FOLDER --out NEW_FOLDER",
    )


def read_content(folder: Path, name: str) -> bytes:
    """Return the content of a small file of a model.

    Raises:
        ModelLoadError: It is missing, cannot be read, or is larger than any honest one.
    """
    try:
        check_size(name, (folder / name).stat().st_size)
        return (folder / name).read_bytes()
    except OSError as error:
        raise ModelLoadError(
            f"The folder {str(folder)!r} has no readable {name}.", hint=_LAYOUT_HINT
        ) from error


def _parsed(folder: Path, name: str, kind: type) -> Any:
    try:
        parsed = json.loads(read_content(folder, name))
    except ValueError as error:
        raise ModelLoadError(f"{name} is no valid JSON: {error}.") from error
    if not isinstance(parsed, kind):
        raise ModelLoadError(f"{name} holds a {type(parsed).__name__} instead of a {kind.__name__}.")
    return parsed
