"""One file of a model's folder: regular, inside the folder, no larger than its kind, and read once."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from localrank.contract.errors import ModelLoadError
from localrank_transformers.models.folder.safety.names import check_name, check_size

__all__ = ["LAYOUT_HINT", "check_file", "has_file", "read_file", "root_of"]

LAYOUT_HINT = (
    "Pass a folder in the Hugging Face layout: config.json, tokenizer.json, and model.safetensors for torch or "
    "onnx/model.onnx for ONNX Runtime."
)

_NONBLOCKING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
"""A pipe is opened without waiting for its other end."""


def root_of(folder: Path) -> Path:
    """Return what links in a model's folder may not leave: the folder, or its repository's part of a hub cache."""
    parent = folder.parent
    is_snapshot = parent.name == "snapshots" and parent.parent.name.startswith("models--")
    return parent.parent if is_snapshot else folder


def has_file(folder: Path, name: str) -> bool:
    """Return whether there is anything of that name; what it is, `read_file` and `check_file` say.

    Raises:
        ModelLoadError: The name is no plain path inside a folder.
    """
    return os.path.lexists(folder / check_name(name))


def check_file(folder: Path, name: str, *, root: Path | None = None) -> Path:
    """Return the path of a file that another library is to read.

    Args:
        folder: The model's folder.
        name: Its name within it.
        root: What links may not leave; None for what `root_of` says.

    Raises:
        ModelLoadError: It is missing, no regular file, larger than any honest one, or a link that leaves `root`.
    """
    path = folder / check_name(name)
    try:
        _check(folder, name, path.stat(), root)
    except OSError:
        raise _unreadable(folder, name) from None
    return path


def read_file(folder: Path, name: str) -> bytes:
    """Return the content of a small file.

    Raises:
        ModelLoadError: It is missing, cannot be read, no regular file, larger than any honest one, or a link that leaves the
            folder.
    """
    try:
        # checked by descriptor, so that what is read is what was checked
        with open(folder / check_name(name), "rb", opener=_open) as stream:
            _check(folder, name, os.fstat(stream.fileno()), None)
            return stream.read()
    except OSError:
        raise _unreadable(folder, name) from None


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | _NONBLOCKING)


def _check(folder: Path, name: str, found: os.stat_result, root: Path | None) -> None:
    inside = (root or root_of(folder.resolve())).resolve()
    if not (folder / name).resolve().is_relative_to(inside):
        raise ModelLoadError(
            f"{name} in {str(folder)!r} is a link that leaves {str(inside)!r}.",
            hint="Copy the file to where the link is.",
        )
    if not stat.S_ISREG(found.st_mode):
        what = "a folder" if stat.S_ISDIR(found.st_mode) else "a pipe, a socket or a device"
        raise ModelLoadError(f"{name} in {str(folder)!r} is {what}, not a file.", hint=LAYOUT_HINT)
    check_size(name, found.st_size)


def _unreadable(folder: Path, name: str) -> ModelLoadError:
    return ModelLoadError(f"The folder {str(folder)!r} has no readable {name}.", hint=LAYOUT_HINT)
