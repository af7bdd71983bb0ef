"""What is recorded beside a graph that was made here: how far it agrees with float32, and what made it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

__all__ = ["Agreement", "GraphRecord", "figures", "parse_record", "record_json", "record_path"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Figures over lists of candidates, each list one query's.

    Attributes:
        lists: How many lists were compared.
        pairs: How many pairs of a query and a document they hold.
        spearman: Mean rank correlation.
        same_first: Share of lists with the same document first.
        top_5_overlap: Mean share of the best five that both have.
        top_10_overlap: The same of the best ten.
        mean_change: Mean absolute change of a logit.
        max_change: The largest.
    """

    lists: int
    pairs: int
    spearman: float
    same_first: float
    top_5_overlap: float
    top_10_overlap: float
    mean_change: float
    max_change: float


@dataclass(frozen=True, slots=True)
class GraphRecord:
    """The content of the file beside a graph.

    Attributes:
        precision: `fp32` or `int8`.
        sha256: Of the graph, so that a damaged one is noticed.
        compared_with: The float32 graph or weights that the agreement is with.
        compared_on: Which texts.
        agreement: The figures; None where nothing was measured.
        last_layer: For which tokens it is computed.
        smoothed: The inputs of products that were smoothed before rounding.
        localrank: The version that made it.
        onnxruntime: The version that it was compared with.
        engine: What ran the graph, in words; empty in a record of before it was noted.
    """

    precision: str
    sha256: str
    compared_with: str
    compared_on: str
    agreement: Agreement | None
    last_layer: str
    smoothed: tuple[str, ...]
    localrank: str
    onnxruntime: str
    engine: str = ""


def record_path(onnx: Path) -> Path:
    """Return where the record of a graph lies."""
    return onnx.with_suffix(".json")


def record_json(record: GraphRecord) -> str:
    """Return the content of the file."""
    return json.dumps(asdict(record), indent=2) + "\n"


def parse_record(content: str | bytes) -> GraphRecord | None:
    """Return what the file says; None where it is none of ours."""
    try:
        parsed = json.loads(content)
        agreement = parsed["agreement"]
        return GraphRecord(
            **_known(GraphRecord, parsed, without={"agreement", "smoothed", "engine"}),
            agreement=None if agreement is None else Agreement(**_known(Agreement, agreement)),
            smoothed=tuple(map(str, parsed["smoothed"])),
            engine=str(parsed.get("engine", "")),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _known(
    kind: type[Any], given: Mapping[str, Any], without: frozenset[str] | set[str] = frozenset()
) -> dict[str, Any]:
    return {field.name: given[field.name] for field in fields(kind) if field.name not in without}


def figures(record: GraphRecord) -> str:
    """Return one line for people."""
    agreement = record.agreement
    if agreement is None:
        return "not measured"
    return (
        f"Spearman {agreement.spearman:.3f}, same first {agreement.same_first:.1%}, best five shared "
        f"{agreement.top_5_overlap:.1%}, best ten {agreement.top_10_overlap:.1%}, a logit moves by at most "
        f"{agreement.max_change:.2g} ({agreement.pairs:,} pairs in {agreement.lists} lists: {record.compared_on}"
        f"{f'; on {record.engine}' if record.engine else ''})"
    )
