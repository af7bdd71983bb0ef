"""Where an ONNX graph keeps external data: a walk over its protocol buffer that skips the weights.

The messages and field numbers are those of onnx.proto (<https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>).
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["ExternalData", "MalformedOnnxError", "external_data"]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DEEPEST = 64
_GRAPH_OF_MODEL = 7

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

_EXTERNAL_DATA_OF_TENSOR = 13


class MalformedOnnxError(Exception):
    """The bytes are no ONNX model."""


@dataclass(frozen=True, slots=True)
class ExternalData:
    """Where the weights of one tensor are: a file beside the graph, and the bytes in it."""

    location: str
    offset: int
    length: int


def external_data(content: mmap.mmap | bytes) -> tuple[ExternalData, ...]:
    """Return the external data of every tensor of a model.

    Raises:
        MalformedOnnxError: The bytes are no ONNX model.
    """
    if not any(field == _GRAPH_OF_MODEL for field, _, _ in _messages(content, 0, len(content))):
        raise MalformedOnnxError("it holds no graph")
    return tuple(_in_message(content, "model", 0, len(content), 0))


def _in_message(
    content: mmap.mmap | bytes, kind: str, start: int, end: int, depth: int
) -> Iterator[ExternalData]:
    if depth > _DEEPEST:
        raise MalformedOnnxError("its graphs are nested too deeply")
    children = _CHILDREN[kind]
    for field, first, last in _messages(content, start, end):
        child = children.get(field)
        if child == "tensor":
            entry = _in_tensor(content, first, last)
            if entry is not None:
                yield entry
        elif child is not None:
            yield from _in_message(content, child, first, last, depth + 1)


def _in_tensor(content: mmap.mmap | bytes, start: int, end: int) -> ExternalData | None:
    entries: dict[str, str] = {}
    for field, first, last in _messages(content, start, end):
        if field == _EXTERNAL_DATA_OF_TENSOR:
            texts = {part: content[a:b] for part, a, b in _messages(content, first, last)}
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


def _messages(content: mmap.mmap | bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield (field, first byte, byte after the last) of each length-delimited field between `start` and `end`."""
    at = start
    while at < end:
        tag, at = _varint(content, at, end)
        kind = tag & 7
        if kind == _BYTES:
            length, at = _varint(content, at, end)
            if at + length > end:
                raise MalformedOnnxError(f"it breaks off at byte {at}")
            yield tag >> 3, at, at + length
            at += length
        elif kind == _VARINT:
            _, at = _varint(content, at, end)
        elif kind in {_FIXED32, _FIXED64}:
            at += 4 if kind == _FIXED32 else 8
        else:
            raise MalformedOnnxError(f"byte {at} begins no field")
    if at != end:
        raise MalformedOnnxError(f"it breaks off at byte {end}")


def _varint(content: mmap.mmap | bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise MalformedOnnxError(f"it breaks off at byte {at}")
