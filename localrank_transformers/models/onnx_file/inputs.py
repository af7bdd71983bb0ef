"""The shape that a graph wants its rows of ids in, where its exporter fixed one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from localrank_transformers.models.onnx_file.wire import GRAPH, VARINT, Content, fields, messages, number

__all__ = ["FixedShape", "fixed_shape"]

_INPUT, _NAME, _TYPE, _TENSOR, _SHAPE, _DIMENSION, _SIZE = 11, 1, 2, 1, 2, 1, 1
"""Numbers of fields in onnx.proto: of GraphProto, ValueInfoProto, TypeProto, its tensor, TensorShapeProto."""

_IDS = b"input_ids"


@dataclass(frozen=True, slots=True)
class FixedShape:
    """What an exporter fixed.

    Attributes:
        rows: Rows of a run, None for any number.
        width: Tokens of a row, None for any number.
    """

    rows: int | None = None
    width: int | None = None


def fixed_shape(content: Content) -> FixedShape:
    """Return what a graph fixes of the shape of `input_ids`.

    Raises:
        MalformedOnnxError: It is no ONNX model.
    """
    for field, first, last in messages(content, 0, len(content)):
        if field == GRAPH:
            return next(_of_graph(content, first, last), FixedShape())
    return FixedShape()


def _of_graph(content: Content, start: int, end: int) -> Iterator[FixedShape]:
    for field, first, last in messages(content, start, end):
        if field != _INPUT:
            continue
        parts = {name: (a, b) for name, a, b in messages(content, first, last)}
        if _NAME in parts and _TYPE in parts and content[slice(*parts[_NAME])] == _IDS:
            sizes = _sizes(content, *parts[_TYPE])
            if len(sizes) == 2:
                yield FixedShape(*sizes)


def _sizes(content: Content, start: int, end: int) -> list[int | None]:
    """Return the size of each dimension, None for one that is free."""
    for wanted in (_TENSOR, _SHAPE):
        found = next(((a, b) for name, a, b in messages(content, start, end) if name == wanted), None)
        if found is None:
            return []
        start, end = found
    return [_size(content, a, b) for name, a, b in messages(content, start, end) if name == _DIMENSION]


def _size(content: Content, start: int, end: int) -> int | None:
    for name, kind, _, first, last in fields(content, start, end):
        if name == _SIZE and kind == VARINT:
            return number(content, first, last) or None
    return None
