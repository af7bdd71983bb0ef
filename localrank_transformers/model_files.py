"""What ONNX Runtime loads a model from: configuration, tokenizer and one graph; those of an embedded model read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localrank.contract.errors import ModelLoadError
from localrank_transformers import bundled
from localrank_transformers.families.exported import EXPORTED_FILE, ExportedGraph, exported_graph

if TYPE_CHECKING:
    from localrank_transformers.families.late_layout import LateLayout
    from localrank_transformers.onnx_choice import Precision

__all__ = ["ModelFiles", "read_embedded"]


def _nothing() -> None:
    """The check of a file that was checked when it was read."""


@dataclass(frozen=True, slots=True, repr=False)
class ModelFiles:
    """What a model on ONNX Runtime is loaded from.

    Attributes:
        config: `config.json`.
        tokenizer_config: `tokenizer_config.json`, empty where there is none.
        tokenizer_json: The content of `tokenizer.json`.
        onnx: The graph: a path (external data lies beside it), or its bytes.
        int8: Whether products run in int8.
        exported: What a folder that was exported here says of its graph.
        late: The layout of a late-interaction model, None for another.
        check: To be called before the graph is loaded: ends a check that began with the reading, and raises ModelLoadError.
    """

    config: dict[str, Any]
    tokenizer_config: dict[str, Any]
    tokenizer_json: bytes
    onnx: Path | bytes
    int8: bool
    exported: ExportedGraph | None = None
    late: LateLayout | None = None
    check: Callable[[], None] = _nothing


def read_embedded(name: str, precision: Precision) -> ModelFiles:
    """Read a model that the package holds.

    Raises:
        ModelLoadError: A file is damaged, or the precision is not embedded.
    """
    if precision in {"fp32", "fp16"}:
        raise ModelLoadError(
            f"The embedded model {name} comes in int8 only.",
            hint="Leave precision out, or pass a folder that holds onnx/model.onnx.",
        )
    onnx, check = bundled.read_model(name, "onnx/model_int8.onnx")
    config, tokenizer_config, exported = (
        _parsed(bundled.read_file(name, one), one)
        for one in ("config.json", "tokenizer_config.json", EXPORTED_FILE)
    )
    return ModelFiles(
        config=config,
        tokenizer_config=tokenizer_config,
        exported=exported_graph(exported),
        tokenizer_json=bundled.read_file(name, "tokenizer.json"),
        onnx=onnx,
        int8=True,
        check=check,
    )


def _parsed(content: bytes, name: str) -> dict[str, Any]:
    try:
        parsed = json.loads(content)
    except ValueError as error:
        raise ModelLoadError(f"{name} is no valid JSON: {error}.") from error
    if not isinstance(parsed, dict):
        raise ModelLoadError(f"{name} holds a {type(parsed).__name__} instead of an object.")
    return parsed
