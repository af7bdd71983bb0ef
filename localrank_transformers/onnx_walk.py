"""Where an ONNX graph keeps external data: a walk over its protocol buffer that skips the weights.

The messages and field numbers are those of onnx.proto (<https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from localrank_transformers.onnx_fields import Content, MalformedOnnxError, messages

__all__ = ["DATA_TYPE", "EXTERNAL_DATA", "GRAPH", "INITIALIZER", "RAW_DATA", "ExternalData", "external_data"]

_DEEPEST = 64
GRAPH, INITIALIZER = 7, 5
"""Numbers of fields: the graph in a model, a tensor in the graph."""

DATA_TYPE, RAW_DATA, EXTERNAL_DATA = 2, 9, 13
"""Numbers of fields of a tensor."""

_CHILDREN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
"""Message → field → the message in it, as far as a tensor can be reached through it."""


@dataclass(frozen=True, slots=True)
class ExternalData:
    """Where the weights of one tensor are: a file beside the graph, and the bytes in it."""

    location: str
    offset: int
    length: int


def external_data(content: Content) -> tuple[ExternalData, ...]:
    """Return the external data of every tensor of a model.

    Raises:
        MalformedOnnxError: The bytes are no ONNX model.
    """
    if not any(field == GRAPH for field, _, _ in messages(content, 0, len(content))):
        raise MalformedOnnxError("it holds no graph")
    return tuple(_in_message(content, "model", 0, len(content), 0))


def _in_message(content: Content, kind: str, start: int, end: int, depth: int) -> Iterator[ExternalData]:
    if depth > _DEEPEST:
        raise MalformedOnnxError("its graphs are nested too deeply")
    children = _CHILDREN[kind]
    for field, first, last in messages(content, start, end):
        child = children.get(field)
        if child == "tensor":
            entry = _in_tensor(content, first, last)
            if entry is not None:
                yield entry
        elif child is not None:
            yield from _in_message(content, child, first, last, depth + 1)


def _in_tensor(content: Content, start: int, end: int) -> ExternalData | None:
    entries: dict[str, str] = {}
    for field, first, last in messages(content, start, end):
        if field == EXTERNAL_DATA:
            texts = {part: content[a:b] for part, a, b in messages(content, first, last)}
            entries[_text(texts.get(1, b""))] = _text(texts.get(2, b""))
    if not entries:
        return None
    return ExternalData(entries.get("location", ""), _count(entries, "offset"), _count(entries, "length"))


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise MalformedOnnxError("a name in it is no text") from error


def _count(entries: dict[str, str], key: str) -> int:
    value = entries.get(key, "0")
    if not value.isascii() or not value.isdigit():
        raise MalformedOnnxError(f"the {key} of a tensor is {value[:20]!r}")
    return int(value)
