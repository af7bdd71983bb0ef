"""What a folder that was exported here says of its graph: `localrank.json`, beside `config.json`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from localrank.contract.errors import ModelLoadError

__all__ = [
    "EXPORTED_FILE",
    "ExportedFamily",
    "ExportedGraph",
    "FamilyName",
    "LateLogit",
    "exported_graph",
    "exported_json",
    "late_logit",
    "late_settings",
]

EXPORTED_FILE = "localrank.json"
FORMAT = 1

FamilyName: TypeAlias = Literal["cross-encoder", "causal", "seq2seq", "listwise", "late-interaction"]
"""How a model reads a query and its documents."""

ExportedFamily: TypeAlias = Literal["cross-encoder", "causal", "late-interaction"]
"""Those of them that ONNX Runtime serves."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
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
    well = (template is None or isinstance(template, str)) and isinstance(settings, dict)
    if not well or not isinstance(labels, list):
        raise ModelLoadError(f"{EXPORTED_FILE} is malformed.", hint="Export the model again.")
    return ExportedGraph(known[family], template, tuple(str(label) for label in labels), settings)


_BY_LENGTH = "length"


@dataclass(frozen=True, slots=True)
class LateLogit:
    """What the best cosines of a query's tokens are turned into: scale · mean + bias.

    Attributes:
        scale: Above 0, so that the order stays.
        bias: What is added.
        activation: What turns such a logit into a score where the user does not say: a line that was fitted gives
            probabilities, a bare cosine is none.
        by_length: Whether a query's token counts in the mean by the length of its vector instead of like every other. An
            encoder whose vectors were trained to be averaged says by their lengths what matters in a text.
    """

    scale: float = 1.0
    bias: float = 0.0
    activation: Literal["sigmoid", "none"] = "none"
    by_length: bool = False

    @property
    def fitted(self) -> bool:
        """Whether scale and bias were stated, so that the sigmoid is a probability."""
        return self.activation == "sigmoid"


def late_logit(exported: ExportedGraph | None) -> LateLogit:
    """Return what `localrank.json` states: `scale`, `bias` and `query_weights`, or the mean cosine as it is without them.

    Raises:
        ModelLoadError: Scale and bias are no two finite numbers, the scale is not above 0, or the weights are not known.
    """
    settings: Mapping[str, Any] = {} if exported is None else exported.settings
    weights = settings.get("query_weights")
    if weights not in (None, _BY_LENGTH):
        raise ModelLoadError(
            f"{EXPORTED_FILE} states the query_weights {weights!r}.",
            hint=f"It must be {_BY_LENGTH!r}, or absent: then all tokens of a query count the same.",
        )
    by_length = weights == _BY_LENGTH
    stated = [settings.get(name) for name in ("scale", "bias")]
    if stated == [None, None]:
        return LateLogit(by_length=by_length)
    scale, bias = (_finite(value) for value in stated)
    if scale is None or bias is None or scale <= 0:
        raise ModelLoadError(
            f"{EXPORTED_FILE} states the scale {stated[0]!r} and the bias {stated[1]!r}.",
            hint="Both must be finite numbers, and the scale above 0; without both, the score is the cosine.",
        )
    return LateLogit(scale, bias, "sigmoid", by_length)


def late_settings(logit: LateLogit) -> dict[str, Any]:
    """Return the settings in `localrank.json` that `late_logit` reads as `logit`."""
    weights = {"query_weights": _BY_LENGTH} if logit.by_length else {}
    return {"scale": logit.scale, "bias": logit.bias, **weights}


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None
