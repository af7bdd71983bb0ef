"""Where graphs that were made here are kept: a folder for each set of weights and software, each file whole or absent."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from localrank._version import __version__
from localrank.providers.files import replace_file
from localrank_transformers.models.cpu_features import cpu_features
from localrank_transformers.models.folder.safety import onnx_siblings
from localrank_transformers.optimizing.record import GraphRecord, parse_record, record_json, record_path

__all__ = ["GraphStore", "file_sum", "open_store"]

RECIPE = 4
"""Raised when a graph is written in another way, so that older ones are made again."""

_REFUSED = "refused.txt"
_CHECKED_CONTENT = re.compile(r"[0-9a-f]{64}")


def _store_root() -> Path:
    """Return the folder of all stores: `LOCALRANK_CACHE`, else `localrank` in `XDG_CACHE_HOME` or `~/.cache`."""
    own = os.environ.get("LOCALRANK_CACHE")
    if own:
        return Path(own).expanduser() / "graphs"
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "localrank" / "graphs"


def open_store(onnx: Path, config: Mapping[str, Any]) -> GraphStore:
    """Return the store of a graph's weights, for this version, this ONNX Runtime and this processor; nothing is written.

    Raises:
        OSError: A file cannot be read.
    """
    from localrank_transformers.engines.onnx.session import runtime_version  # noqa: PLC0415  # graphs of ours need no store

    parts = [
        json.dumps(config, sort_keys=True),
        *(_content_sum(onnx.parent / name) for name in (onnx.name, *onnx_siblings(onnx))),
        f"{__version__} {RECIPE} {runtime_version()}",
        " ".join(sorted(cpu_features() or ())),
    ]
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
    return GraphStore(_store_root() / key)


class GraphStore:
    """Reads and writes the graphs made of one set of weights.

    Args:
        folder: Where; need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, precision: str) -> Path:
        """Return where the graph of a precision lies, or would."""
        return self.folder / f"{precision}.onnx"

    def graph(self, precision: str) -> Path | None:
        """Return the graph of a precision; None where there is none, or a damaged one."""
        place, record = self.place(precision), self.record(precision)
        try:
            return place if record is not None and file_sum(place) == record.sha256 else None
        except OSError:
            return None

    def record(self, precision: str) -> GraphRecord | None:
        """Return what is recorded of the graph of a precision."""
        try:
            return parse_record(record_path(self.place(precision)).read_bytes())
        except OSError:
            return None

    def keep(self, precision: str, content: bytes, record: GraphRecord) -> Path:
        """Write a graph, then its record; another process that does the same writes the same.

        Raises:
            OSError: The folder cannot be written.
        """
        path = self.place(precision)
        self.folder.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)
        replace_file(record_path(path), record_json(record))
        return path

    @property
    def refusal(self) -> str | None:
        """Why no graph can be made of these weights, once that has been tried."""
        try:
            return (self.folder / _REFUSED).read_text()
        except (OSError, ValueError):
            return None

    def refuse(self, reason: str) -> None:
        """Note that no graph can be made, so that it is not tried at every load."""
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            replace_file(self.folder / _REFUSED, reason)

    @property
    def is_writable(self) -> bool:
        """Whether a file can be made here."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=self.folder):
                return True
        except OSError:
            return False


def file_sum(path: Path) -> str:
    """Return the SHA-256 of a file's content.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _content_sum(path: Path) -> str:
    """Return the sum of a file; for a link into a hub cache the name of its content, which was checked when it came."""
    name = path.resolve().name
    return name if path.is_symlink() and _CHECKED_CONTENT.fullmatch(name) else file_sum(path)
