"""Where graphs that were made here are kept, a folder for each set of weights and software, and what is known of them."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from localrank._version import __version__
from localrank.contract.errors import RerankError
from localrank.providers.files import replace_file
from localrank_transformers.models.cpu_features import cpu_features
from localrank_transformers.models.folder.safety.graphs import onnx_siblings
from localrank_transformers.optimizing.record import (
    GraphRecord,
    figures,
    parse_record,
    record_json,
    record_path,
)

__all__ = [
    "GraphStore",
    "KnownGraph",
    "cache_folder",
    "file_sum",
    "graph_facts",
    "known_graphs",
    "open_store",
]

RECIPE = 4
"""Raised when a graph is written in another way, so that older ones are made again."""

_REFUSED = "refused.txt"
_CHECKED_CONTENT = re.compile(r"[0-9a-f]{64}")


def cache_folder(kind: str) -> Path:
    """Return where things of a kind are kept: in `LOCALRANK_CACHE`, else in `localrank` of `XDG_CACHE_HOME` or `~/.cache`."""
    own = os.environ.get("LOCALRANK_CACHE")
    place = Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "localrank"
    try:
        return place.expanduser() / kind
    except RuntimeError:  # nobody's home is known: nothing is found, and nothing can be kept
        return Path(os.devnull) / kind


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
    return GraphStore(cache_folder("graphs") / key)


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
        path, record = self.place(precision), self.record(precision)
        try:
            return path if record is not None and file_sum(path) == record.sha256 else None
        except OSError:
            return None

    def record(self, precision: str) -> GraphRecord | None:
        """Return what is recorded of the graph of a precision."""
        return _record(self.place(precision))

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


@dataclass(frozen=True, slots=True)
class KnownGraph:
    """A graph with a record.

    Attributes:
        path: Where it lies.
        record: What is recorded of it.
    """

    path: Path
    record: GraphRecord


def known_graphs(folder: Path) -> list[KnownGraph]:
    """Return the graphs in `folder` that have a record, then those in the store that were made of its float32 graph."""
    store = _store(folder)
    places = [] if store is None else [store.place(precision) for precision in ("fp32", "int8")]
    paths = [*sorted([*folder.glob("*.onnx"), *folder.glob("onnx/*.onnx")]), *places]
    return [KnownGraph(path, record) for path in paths if (record := _record(path)) is not None]


def graph_facts(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield label and text of each known graph, and why there is none where that is known."""
    for graph in known_graphs(folder):
        yield f"{graph.record.precision} agrees", f"{figures(graph.record)} [{graph.path}]"
    store = _store(folder)
    if store is not None and store.refusal is not None:
        yield "not optimized", store.refusal


def _store(folder: Path) -> GraphStore | None:
    from localrank_transformers.models.folder.reading import read_folder  # noqa: PLC0415

    try:
        files = read_folder(folder, "fp32")
        return open_store(files.onnx, files.config) if isinstance(files.onnx, Path) else None
    except (RerankError, OSError):
        return None


def _record(onnx: Path) -> GraphRecord | None:
    try:
        return parse_record(record_path(onnx).read_bytes())
    except OSError:
        return None
