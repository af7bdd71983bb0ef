"""A graph whose large weights stay in its file, so that ONNX Runtime maps them instead of reading and copying them.

Weights inside an ONNX file are read and copied twice before a product has them in its own order; external data are mapped, and
pages that processes share or nobody looks at cost nothing. Nothing says that external data lie in another file: those of the
rewritten graph are the bytes of the file that it was read from (<https://onnx.ai/onnx/repo-docs/ExternalData.html>).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from localrank_transformers.models.onnx_file.content import mapped, whole
from localrank_transformers.models.onnx_file.wire import (
    DATA_TYPE,
    EXTERNAL_DATA,
    GRAPH,
    INITIALIZER,
    RAW_DATA,
    Content,
    MalformedOnnxError,
    delimited,
    external_data,
    fields,
    number,
    varint,
)

__all__ = ["MAPPED_FROM_BYTES", "HeldGraph", "held_graph", "mapped_graph"]

MAPPED_FROM_BYTES = 1 << 16
"""Smaller tensors stay inside: each mapping costs a system call."""

_DATA_LOCATION, _EXTERNAL = 14, 1
_ITEM_BYTES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}
"""Bytes of a number, by the data type's number; what is not here stays inside."""


@dataclass(frozen=True, slots=True)
class HeldGraph:
    """A graph, and the content of the files that its weights lie in.

    Attributes:
        graph: Its message, in which large weights are external data.
        files: The content of each file by the name that the message has for it.
    """

    graph: bytes
    files: dict[str, bytes]


def held_graph(onnx: Path) -> HeldGraph:
    """Read a graph and its external data into memory, each file once.

    Raises:
        OSError: A file cannot be read.
        MalformedOnnxError: It is no ONNX model, or its external data are shorter than it says.
    """
    content = whole(onnx)
    files = {onnx.name: content}
    for entry in external_data(content):
        if entry.location not in files:
            files[entry.location] = whole(onnx.parent / entry.location)
        if entry.offset + entry.length > len(files[entry.location]):
            raise MalformedOnnxError(f"{entry.location!r} is shorter than it says")
    graph = _rewritten(content, onnx.name)
    if graph is None:
        del files[onnx.name]
    return HeldGraph(content if graph is None else graph, files)


def mapped_graph(onnx: Path) -> tuple[bytes, Path] | None:
    """Return the graph of a file with its large tensors as external data in that same file, and the folder it really lies in.

    A tensor that does not lie at a multiple of its numbers' size stays inside.

    Args:
        onnx: The file. Its external data, if it has some, lie beside it.

    Returns:
        Both; None where no tensor can be mapped, and where the file cannot be read, which its loading tells better.
    """
    try:
        with mapped(onnx) as content:
            if onnx.is_symlink() and external_data(content):
                return None  # they lie beside the link, the tensors beside the file
            place = onnx.resolve()
            graph = _rewritten(content, place.name)
            return None if graph is None else (graph, place.parent)
    except (MalformedOnnxError, OSError):
        return None


def _rewritten(content: Content, file: str) -> bytes | None:
    kept: list[bytes] = []
    large = 0
    for name, _, begin, first, end in fields(content, 0, len(content)):
        if name != GRAPH:
            kept.append(content[begin:end])
            continue
        graph, tensors = _graph(content, first, end, file)
        kept.append(delimited(GRAPH, graph))
        large += tensors
    return b"".join(kept) if large else None


def _graph(content: Content, start: int, end: int, file: str) -> tuple[bytes, int]:
    """Return the graph's message, and how many tensors are mapped."""
    kept: list[bytes] = []
    large, copied_to = 0, start
    for name, _, begin, first, last in fields(content, start, end):
        tensor = (
            _tensor(content, first, last, file)
            if name == INITIALIZER and last - first >= MAPPED_FROM_BYTES
            else None
        )
        if tensor is not None:
            kept += [content[copied_to:begin], delimited(INITIALIZER, tensor)]
            large, copied_to = large + 1, last
    return b"".join([*kept, content[copied_to:end]]), large


def _tensor(content: Content, start: int, end: int, file: str) -> bytes | None:
    """Return a tensor's message without its data; None where they are to stay."""
    item, data, kept = 0, (0, 0), []
    for name, _, begin, first, last in fields(content, start, end):
        if name == RAW_DATA:
            data = (first, last)
            continue
        if name == DATA_TYPE:
            item = _ITEM_BYTES.get(number(content, first, last), 0)
        kept.append(content[begin:last])
    offset, length = data[0], data[1] - data[0]
    if length < MAPPED_FROM_BYTES or not item or offset % item:
        return None
    place = {"location": file, "offset": str(offset), "length": str(length)}
    entries = (delimited(1, key.encode()) + delimited(2, value.encode()) for key, value in place.items())
    location = varint(_DATA_LOCATION << 3) + varint(_EXTERNAL)
    return b"".join([*kept, *(delimited(EXTERNAL_DATA, entry) for entry in entries), location])
