"""What a folder that was exported here says of its graph: `localrank.json`, beside `config.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from localrank.contract.errors import ModelLoadError

__all__ = ["EXPORTED_FILE", "ExportedFamily", "ExportedGraph", "exported_graph", "exported_json"]

EXPORTED_FILE = "localrank.json"
FORMAT = 1

ExportedFamily: TypeAlias = Literal["cross-encoder", "causal", "late-interaction"]


@dataclass(frozen=True, slots=True)
class ExportedGraph:
    """How an exported graph is to be fed and read.

    Attributes:
        family: Its family.
        template: The prompt, for a causal model.
        labels: What the columns of its output are, for people; empty where there is one number a document.
        settings: What else its family needs.
    """

    family: ExportedFamily
    template: str | None = None
    labels: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])


def exported_json(graph: ExportedGraph) -> dict[str, Any]:
    """Return the content of the file for `graph`."""
    return {
        "format": FORMAT,
        "family": graph.family,
        "template": graph.template,
        "labels": list(graph.labels),
        "settings": dict(graph.settings),
    }


def exported_graph(content: Mapping[str, Any]) -> ExportedGraph | None:
    """Return what the file says; None for the empty content of a folder without one.

    Raises:
        ModelLoadError: It is of another version, or malformed.
    """
    if not content:
        return None
    if content.get("format") != FORMAT:
        raise ModelLoadError(
            f"{EXPORTED_FILE} has the format {content.get('format')!r}; this version reads {FORMAT}.",
            hint="Export the model again: localrank models export NAME --out FOLDER",
        )
    family, template = content.get("family"), content.get("template")
    labels, settings = content.get("labels", []), content.get("settings", {})
    known: dict[object, ExportedFamily] = {name: name for name in get_args(ExportedFamily)}
    if not isinstance(family, str) or family not in known:
        raise ModelLoadError(
            f"{EXPORTED_FILE} names the family {family!r}, which OnnxReranker does not run.",
            hint="Use TorchReranker.",
        )
    if not (template is None or isinstance(template, str)) or not isinstance(settings, dict):
        raise ModelLoadError(f"{EXPORTED_FILE} is malformed.", hint="Export the model again.")
    return ExportedGraph(known[family], template, tuple(str(label) for label in labels), settings)
