"""A JSON file of a model's folder, read with types: what has another type is an error that names file, key and value."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from localrank.contract.errors import ModelLoadError
from localrank_transformers.models.folder.safety.kinds import no_model

__all__ = [
    "BERT",
    "CONFIG",
    "MODULES",
    "SENTENCE",
    "TOKENIZER",
    "TOKENIZER_JSON",
    "Settings",
    "StatedFiles",
    "parsed",
    "parsed_list",
]

CONFIG = "config.json"
TOKENIZER = "tokenizer_config.json"
TOKENIZER_JSON = "tokenizer.json"
SENTENCE = "config_sentence_transformers.json"
BERT = "sentence_bert_config.json"
MODULES = "modules.json"

_MOST = 2**31 - 1
"""The largest whole number that counts, sizes and ids of a model can have."""

_SHOWN = 60
"""Characters of a value that an error shows."""


class Settings(dict[str, Any]):
    """The object in a JSON file. A key with the value null counts as absent.

    Args:
        values: What the file holds.
        file: Its name within the model's folder, for errors.
    """

    def __init__(self, values: Mapping[str, Any] | None = None, *, file: str = "config.json") -> None:
        super().__init__(values or {})
        self.file = file

    def text(self, key: str) -> str | None:
        """Return a text, or None where the key is absent."""
        value = self.get(key)
        if value is not None and not isinstance(value, str):
            raise self.wrong(key, "a text")
        return value

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return true or false; `default` where the key is absent."""
        value = self.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def count(self, key: str, *, least: int = 0) -> int | None:
        """Return a whole number of `least` to 2³¹ − 1, or None where the key is absent."""
        value = self.get(key)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _MOST:
            raise self.wrong(key, f"a whole number from {least:,} to {_MOST:,}")
        return value

    def number(self, key: str) -> float | None:
        """Return a finite number, or None where the key is absent."""
        value = self.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(key, "a number")
        try:
            found = float(value)
        except OverflowError:
            found = math.inf
        if not math.isfinite(found):
            raise self.wrong(key, "a finite number")
        return found

    def group(self, key: str) -> Settings:
        """Return the object under a key, empty where it is absent."""
        value = self.get(key)
        if value is not None and not isinstance(value, dict):
            raise self.wrong(key, "an object")
        return Settings(value, file=f"{self.file}, {key}")

    def texts(self, key: str) -> tuple[str, ...] | None:
        """Return a list of texts, or None where the key is absent."""
        value = self.get(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self.wrong(key, "a list of texts")
        return tuple(value)

    def token(self, key: str) -> str | None:
        """Return a token, which stands as a text or as an object with `content`; None where the key is absent."""
        return self.group(key).text("content") if isinstance(self.get(key), dict) else self.text(key)

    def wrong(self, key: str, wanted: str) -> ModelLoadError:
        """Return the error for a value that cannot be used."""
        shown = repr(self.get(key))
        shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
        return ModelLoadError(
            f"{self.file}: {key} is {shown}, not {wanted}.",
            hint="The file may be damaged; copy or fetch the model again.",
        )


class StatedFiles(Protocol):
    """What the files of a model say, as `SettingsFiles` has it."""

    @property
    def folder(self) -> Path:
        """Return where they lie."""
        ...

    @property
    def config(self) -> Settings:
        """Return `config.json`."""
        ...

    @property
    def tokenizer_config(self) -> Settings:
        """Return `tokenizer_config.json`."""
        ...

    @property
    def modules(self) -> tuple[Settings, ...]:
        """Return `modules.json`."""
        ...

    @property
    def chat_template(self) -> str | None:
        """Return the template of a chat model."""
        ...

    @property
    def architecture(self) -> str:
        """Return the first architecture."""
        ...

    def json(self, name: str) -> Settings:
        """Return the object in a file, empty where there is no such file."""
        ...


def parsed(content: bytes, name: str) -> Settings:
    """Return the object in a JSON file.

    Raises:
        ModelLoadError: It is no JSON, or no object.
    """
    found = _parsed(content, name)
    if not isinstance(found, dict):
        raise ModelLoadError(f"{name} holds a {type(found).__name__} instead of an object.")
    return Settings(found, file=name)


def parsed_list(content: bytes, name: str) -> tuple[Settings, ...]:
    """Return the objects in a JSON file that is a list of them.

    Raises:
        ModelLoadError: It is no JSON, or no such list.
    """
    found = _parsed(content, name)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ModelLoadError(f"{name} holds a {type(found).__name__} that is no list of objects.")
    return tuple(Settings(one, file=f"{name}, entry {place}") for place, one in enumerate(found))


def _parsed(content: bytes, name: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:  # of bytes that are no text, too
        what = no_model(content)
        reason = f"it is {what}" if what else str(error)[:200]
        raise ModelLoadError(f"{name} is no valid JSON: {reason}.") from None
