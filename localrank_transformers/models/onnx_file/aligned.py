"""A written graph with its large tensors where they can be mapped from; see `mapped`."""

from __future__ import annotations

from localrank_transformers.models.onnx_file.mapped import MAPPED_FROM_BYTES
from localrank_transformers.models.onnx_file.wire import (
    GRAPH,
    INITIALIZER,
    RAW_DATA,
    delimited,
    fields,
    varint,
)

__all__ = ["ALIGNMENT", "aligned"]

ALIGNMENT = 64
"""Bytes of a cache line, and a multiple of the size of every number."""

_DOC_STRING = 12
_LENGTH_BYTES = 5
"""Of each length before a tensor's data: as many whatever the length, so that it moves nothing."""


def aligned(content: bytes) -> bytes:
    """Return the same model; before the data of each large initializer its description is filled up with spaces.

    Raises:
        MalformedOnnxError: `content` is no ONNX model.
    """
    written: list[bytes] = []
    at = 0
    for name, _, begin, first, end in fields(content, 0, len(content)):
        if name == GRAPH:
            header = len(_header(GRAPH, 0))
            graph = _graph(content, first, end, at + header)
            written += [_header(GRAPH, len(graph)), graph]
            at += header + len(graph)
        else:
            written.append(content[begin:end])
            at += end - begin
    return b"".join(written)


def _graph(content: bytes, start: int, end: int, at: int) -> bytes:
    """Return the graph's message, which will begin at byte `at` of the file."""
    written: list[bytes] = []
    for name, _, begin, first, last in fields(content, start, end):
        large = name == INITIALIZER and last - first >= MAPPED_FROM_BYTES
        part = _tensor(content, first, last, at) if large else content[begin:last]
        written.append(part)
        at += len(part)
    return b"".join(written)


def _tensor(content: bytes, start: int, end: int, at: int) -> bytes:
    """Return the field of an initializer, which will begin at byte `at`: its data last, and in their place."""
    kept: list[bytes] = []
    data = b""
    for name, _, begin, first, last in fields(content, start, end):
        if name == RAW_DATA:
            data = content[first:last]
        else:
            kept.append(content[begin:last])
    rest, raw = b"".join(kept), _header(RAW_DATA, len(data))
    missing = -(at + len(_header(INITIALIZER, 0)) + len(rest) + len(raw)) % ALIGNMENT
    filling = _filling(missing)
    length = len(rest) + len(filling) + len(raw) + len(data)
    return b"".join([_header(INITIALIZER, length), rest, filling, raw, data])


def _filling(missing: int) -> bytes:
    """Return a description of so many bytes, its tag and length counted, or of a line more where those alone are too many."""
    least = len(delimited(_DOC_STRING, b""))
    if not missing:
        return b""
    if missing < least:
        missing += ALIGNMENT
    return delimited(_DOC_STRING, b" " * (missing - least))


def _header(name: int, length: int) -> bytes:
    return delimited(name, b"")[:-1] + varint(length, width=_LENGTH_BYTES)
