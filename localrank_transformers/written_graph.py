"""A graph's file and the data beside it, out of the way of one that is written in their place."""

from __future__ import annotations

from pathlib import Path

__all__ = ["remove_graph"]


def remove_graph(graph: Path) -> None:
    """Remove a graph, where there is one. Who has it loaded has its file mapped: writing over it would change their model."""
    for path in (graph, graph.with_name(f"{graph.name}.data")):
        path.unlink(missing_ok=True)
