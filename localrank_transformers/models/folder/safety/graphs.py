"""A graph's file: its structure, and where its external data lie."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from localrank.contract.errors import ModelLoadError
from localrank_transformers.models.folder.safety.kinds import no_model
from localrank_transformers.models.folder.safety.names import check_size
from localrank_transformers.models.onnx_file.content import looked_at
from localrank_transformers.models.onnx_file.inputs import fixed_shape
from localrank_transformers.models.onnx_file.wire import (
    Content,
    ExternalData,
    MalformedOnnxError,
    external_data,
)

__all__ = ["check_onnx", "fixed_width", "onnx_siblings"]

T = TypeVar("T")

_BEGINNING = 512
"""Bytes by which a file that is no model is known."""


def onnx_siblings(onnx: Path) -> tuple[str, ...]:
    """Return the names of the files with external data that lie beside a graph, relative to its folder.

    Raises:
        ModelLoadError: The file is no ONNX graph, or it names a file outside its folder.
    """
    return tuple(sorted({entry.location for entry in _entries(onnx)}))


def check_onnx(onnx: Path, *, root: Path | None = None) -> None:
    """Check the structure of a graph, and that its external data exist, are long enough and lie inside `root`.

    Args:
        onnx: The graph.
        root: The folder that links may not leave; None means the graph's own.

    Raises:
        ModelLoadError: They do not.
    """
    check_size(onnx.name, onnx.stat().st_size)
    inside = (root or onnx.parent).resolve()
    for entry in _entries(onnx):
        place = onnx.parent / entry.location
        if not place.resolve().is_relative_to(inside):
            raise ModelLoadError(
                f"{onnx.name} keeps weights in {entry.location!r}, a link that leaves {str(inside)!r}."
            )
        if not place.is_file():
            raise ModelLoadError(
                f"{onnx.name} keeps weights in {entry.location!r}, which is not beside it.",
                hint="Copy both files: the graph and its external data.",
            )
        if entry.offset + entry.length > place.stat().st_size:
            raise ModelLoadError(
                f"{entry.location!r} is shorter than {onnx.name} says.", hint="Copy it again."
            )


def fixed_width(onnx: Path) -> int | None:
    """Return the tokens of a row, where a graph was exported for one width.

    Raises:
        ModelLoadError: The file is no ONNX graph.
    """
    return _looked_at(onnx, fixed_shape).width


def _entries(onnx: Path) -> tuple[ExternalData, ...]:
    entries = _looked_at(onnx, external_data)
    for entry in entries:
        _check_location(onnx, entry.location)
    return entries


def _looked_at(onnx: Path, look: Callable[[Content], T]) -> T:
    try:
        with looked_at(onnx) as content:
            what = no_model(content[:_BEGINNING])
            if what is not None:
                raise MalformedOnnxError(f"it is {what}")
            return look(content)
    except MalformedOnnxError as error:
        raise ModelLoadError(
            f"{str(onnx)!r} is no valid ONNX file: {error}.",
            hint="The file may be incomplete; copy or export it again.",
        ) from None


def _check_location(onnx: Path, location: str) -> None:
    parts = re.split(r"[/\\]", location)
    if not location or ".." in parts or parts[0] == "" or "\0" in location or ":" in parts[0]:
        raise ModelLoadError(
            f"{onnx.name} keeps weights in {location!r}, which is outside the model's folder.",
            hint="Use a model from a source that you trust.",
        )
