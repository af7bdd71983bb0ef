"""The files that tell a model's family, and torch's weights: JSON read here, weights only named, pickles refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tokenizers import Tokenizer

from localrank.contract.errors import ModelLoadError
from localrank_transformers.models.folder.safety.files import LAYOUT_HINT, check_file, has_file, read_file
from localrank_transformers.models.folder.safety.tensors import check_safetensors, shard_names
from localrank_transformers.models.folder.stated.pairs import PairSettings, pair_settings
from localrank_transformers.models.folder.stated.refusing import refuse, refuse_weights
from localrank_transformers.models.folder.stated.settings import Settings, parsed, parsed_list
from localrank_transformers.models.folder.stated.tokenizer import read_tokenizer

__all__ = ["SettingsFiles", "read_settings_files", "read_torch_files"]

_MODULES, _TEMPLATE, _INDEX = "modules.json", "chat_template.jinja", "model.safetensors.index.json"


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
    config: Settings
    tokenizer_config: Settings
    modules: tuple[Settings, ...]
    chat_template: str | None

    @property
    def architecture(self) -> str:
        """The first architecture of the configuration, or an empty text."""
        return (self.config.texts("architectures") or ("",))[0]

    @property
    def start_token(self) -> str | None:
        """The token that a text begins with, by the tokenizer's configuration."""
        return self.special_token("bos_token")

    def special_token(self, name: str) -> str | None:
        """Return a token that the tokenizer's configuration names, such as `eos_token` or `mask_token`."""
        return self.tokenizer_config.token(name)

    def tokenizer(self) -> Tokenizer:
        """Return a fresh tokenizer that neither cuts nor fills up.

        Raises:
            ModelLoadError: A file is missing or damaged, or contradicts another.
        """
        return read_tokenizer(self.tokenizer_json, self.pairs)[0]

    @property
    def tokenizer_json(self) -> bytes:
        """The content of `tokenizer.json`.

        Raises:
            ModelLoadError: It is missing.
        """
        return read_file(self.folder, "tokenizer.json")

    @property
    def width(self) -> None:
        """Return None: a module of torch reads rows of any width."""

    @property
    def pairs(self) -> PairSettings:
        """How texts are read, by all files that say something of it."""
        return pair_settings(self.config, self.tokenizer_config, self.modules, self.json)

    def json(self, name: str) -> Settings:
        """Return the object in the file `name`, empty where there is no such file."""
        return (
            parsed(read_file(self.folder, name), name) if has_file(self.folder, name) else Settings(file=name)
        )


def read_torch_files(folder: Path) -> SettingsFiles:
    """Read the JSON files of `folder`.

    Raises:
        ModelLoadError: A file is missing or damaged, or the weights are pickled.
    """
    files = read_settings_files(folder)
    refuse_weights(files)
    _check_weights(folder)
    return files


def read_settings_files(folder: Path) -> SettingsFiles:
    """Read the JSON files of `folder`, whatever holds its weights.

    Raises:
        ModelLoadError: A file is missing or damaged.
    """
    config = parsed(read_file(folder, "config.json"), "config.json")
    modules = parsed_list(read_file(folder, _MODULES), _MODULES) if has_file(folder, _MODULES) else ()
    told = SettingsFiles(folder, config, Settings(), modules, None)
    tokenizer_config = told.json("tokenizer_config.json")
    files = replace(
        told, tokenizer_config=tokenizer_config, chat_template=_chat_template(folder, tokenizer_config)
    )
    refuse(files)
    return files


def _chat_template(folder: Path, tokenizer_config: Settings) -> str | None:
    if has_file(folder, _TEMPLATE):
        return read_file(folder, _TEMPLATE).decode("utf-8", "replace")
    template = tokenizer_config.get("chat_template")
    return template if isinstance(template, str) else None


def _check_weights(folder: Path) -> None:
    shards = shard_names(check_file(folder, _INDEX)) if has_file(folder, _INDEX) else []
    weights = sorted({*(path.name for path in folder.glob("*.safetensors")), *shards})
    for name in weights:
        if not has_file(folder, name):
            raise ModelLoadError(f"The folder {str(folder)!r} has no {name}, which its index names.")
        check_safetensors(check_file(folder, name))
    if weights:
        return
    pickled = sorted(path.name for path in folder.glob("*.bin"))
    if not pickled:
        raise ModelLoadError(f"The folder {str(folder)!r} has no model.safetensors.", hint=LAYOUT_HINT)
    raise ModelLoadError(
        f"The folder {str(folder)!r} has its weights in {pickled[0]} only: a pickle, which can run any code when it is read.",
        hint="Use a revision that ships model.safetensors, or convert the folder, which reads tensors and runs no code: "
        "localrank models convert FOLDER --out NEW_FOLDER",
    )
