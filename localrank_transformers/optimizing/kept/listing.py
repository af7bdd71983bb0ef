"""What is known of the graphs of a folder and of those made of it: for `localrank models show`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from localrank.contract.errors import RerankError
from localrank_transformers.optimizing.record import GraphRecord, figures, parse_record, record_path

if TYPE_CHECKING:
    from localrank_transformers.optimizing.kept.store import GraphStore

__all__ = ["KnownGraph", "graph_facts", "known_graphs"]


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
    found = [*sorted([*folder.glob("*.onnx"), *folder.glob("onnx/*.onnx")]), *places]
    return [KnownGraph(path, record) for path in found if (record := _record(path)) is not None]


def graph_facts(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield label and text of each known graph, and why there is none where that is known."""
    for graph in known_graphs(folder):
        yield f"{graph.record.precision} agrees", f"{figures(graph.record)} [{graph.path}]"
    store = _store(folder)
    if store is not None and store.refusal is not None:
        yield "not optimized", store.refusal


def _store(folder: Path) -> GraphStore | None:
    from localrank_transformers.models.folder.reading import read_folder  # noqa: PLC0415
    from localrank_transformers.optimizing.kept.store import open_store  # noqa: PLC0415 - loads the engine

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
