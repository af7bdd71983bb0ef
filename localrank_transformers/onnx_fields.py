"""Fields of a protocol buffer, read where they lie and written: what an ONNX file is made of.

The encoding: <https://protobuf.dev/programming-guides/encoding/>.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import TypeAlias

__all__ = ["Content", "MalformedOnnxError", "delimited", "fields", "messages", "number", "varint"]

Content: TypeAlias = mmap.mmap | bytes

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
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
        elif kind == _VARINT:
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
