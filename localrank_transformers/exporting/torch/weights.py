"""Pickled weights into safetensors: read by torch's restricted unpickler, every tensor under its own name."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import save_file

from localrank.contract.errors import ModelLoadError
from localrank.contract.texts import first_line
from localrank.providers.files import give_ordinary_mode
from localrank_transformers.engines.torch.weights import silenced

__all__ = ["convert_tokenizer", "convert_weights"]


def convert_weights(pickled: Path, target: Path) -> int:
    """Write the tensors of `pickled` to `target` and return how many they are.

    Names, types and numbers stay. Tensors that share memory (tied weights) are written once for each name, so that no
    loader needs to know which belong together.

    Raises:
        ModelLoadError: The file holds something else than tensors, or is damaged.
    """
    tensors = _tensors(pickled, _unpickled(pickled))
    try:
        save_file(_apart(tensors), target, metadata={"format": "pt"})
        give_ordinary_mode(target)
    except Exception as error:
        raise ModelLoadError(
            f"{pickled.name} cannot be written as safetensors: {first_line(error)}",
            hint="Look whether the folder that is written to has room.",
        ) from error
    return len(tensors)


def _unpickled(path: Path) -> Any:
    try:
        # Only a zip archive can be mapped; the format before torch 1.6 is read whole.
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # also a WeightsUnpickler's error, which says at length how to allow the code
        raise ModelLoadError(
            f"{path.name} cannot be read as tensors only: {first_line(error)}",
            hint="A file that needs more than tensors would run code; it is not converted.",
        ) from error


def _tensors(path: Path, content: Any) -> dict[str, torch.Tensor]:
    if not isinstance(content, Mapping) or not content:
        raise ModelLoadError(f"{path.name} holds a {type(content).__name__} instead of named tensors.")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise ModelLoadError(
                f"{path.name} holds {str(name)[:80]!r}, a {type(value).__name__}, instead of tensors only.",
                hint="A training checkpoint is no model file; save the model's state_dict alone.",
            )
    return dict(content)


def _apart(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return tensors that are contiguous and share no memory, which safetensors asks for."""
    seen: set[int] = set()
    apart = {}
    for name, tensor in tensors.items():
        memory = tensor.untyped_storage().data_ptr()
        apart[name] = (
            tensor.clone(memory_format=torch.contiguous_format) if memory in seen else tensor.contiguous()
        )
        seen.add(memory)
    return apart


def convert_tokenizer(folder: Path, target: Path) -> None:
    """Write `tokenizer.json` and its configuration from a tokenizer of another format, by transformers.

    Raises:
        ModelLoadError: transformers cannot convert it.
    """
    try:
        with silenced():
            tokenizer = transformers.AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
            tokenizer.save_pretrained(target)
    except Exception as error:
        raise ModelLoadError(
            f"The tokenizer in {str(folder)!r} cannot be converted: {first_line(error)}",
            hint="A SentencePiece tokenizer may need: pip install sentencepiece protobuf",
        ) from error
    if not (target / "tokenizer.json").is_file():
        raise ModelLoadError(
            f"transformers knows no tokenizer.json for the tokenizer in {str(folder)!r}.",
            hint="localrank reads fast tokenizers only.",
        )
