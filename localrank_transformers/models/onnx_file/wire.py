"""Fields of a protocol buffer, read where they lie and written: what an ONNX file is made of.

The encoding: <https://protobuf.dev/programming-guides/encoding/>.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, overload

__all__ = [
    "DATA_TYPE",
    "EXTERNAL_DATA",
    "GRAPH",
    "INITIALIZER",
    "RAW_DATA",
    "VARINT",
    "Content",
    "ExternalData",
    "MalformedOnnxError",
    "delimited",
    "external_data",
    "fields",
    "messages",
    "number",
    "varint",
]


class Content(Protocol):
    """Bytes by index and slice: bytes, a map, or `content.FileContent`."""

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    @overload
    def __getitem__(self, at: int, /) -> int: ...
    @overload
    def __getitem__(self, at: slice, /) -> bytes: ...


VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

_WIDTHS = {_FIXED64: 8, _FIXED32: 4}


class MalformedOnnxError(Exception):
    """The bytes are no ONNX model."""


def fields(content: Content, start: int, end: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield (number, wire type, first byte of the tag, first byte of the value, byte after it) of each field in a message.

    Raises:
        MalformedOnnxError: The bytes between `start` and `end` are no message.
    """
    at = start
    while at < end:
        begin = at
        tag, at = _varint(content, at, end)
        kind = tag & 7
        if kind == _BYTES:
            length, at = _varint(content, at, end)
            first, at = at, at + length
        elif kind == VARINT:
            first, (_, at) = at, _varint(content, at, end)
        elif kind in _WIDTHS:
            first, at = at, at + _WIDTHS[kind]
        else:
            raise MalformedOnnxError(f"byte {at} begins no field")
        if at > end:
            raise MalformedOnnxError(f"it breaks off at byte {first}")
        yield tag >> 3, kind, begin, first, at


def messages(content: Content, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield (number, first byte, byte after the last) of each field that holds bytes: messages, texts and data.

    Raises:
        MalformedOnnxError: The bytes between `start` and `end` are no message.
    """
    for name, kind, _, first, last in fields(content, start, end):
        if kind == _BYTES:
            yield name, first, last


def number(content: Content, first: int, end: int) -> int:
    """Return the value of a field that is a number."""
    return _varint(content, first, end)[0]


def varint(value: int, *, width: int = 1) -> bytes:
    """Return a number as it is encoded, in at least `width` bytes: readers take one that is longer than need be."""
    encoded = bytearray()
    while value > 0x7F or len(encoded) < width - 1:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def delimited(name: int, value: bytes) -> bytes:
    """Return a field that holds bytes."""
    return varint(name << 3 | _BYTES) + varint(len(value)) + value


def _varint(content: Content, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise MalformedOnnxError(f"it breaks off at byte {at}")


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


@dataclass(frozen=True, slots=True, eq=False, repr=False)
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
