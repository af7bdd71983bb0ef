"""Nodes and weights of an ONNX file, read where they lie: no copy, and neither onnx nor ONNX Runtime.

The messages and field numbers are those of onnx.proto (<https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>).
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from localrank_transformers.models.onnx_file.content import mapped, may_stay_mapped, whole
from localrank_transformers.models.onnx_file.wire import (
    DATA_TYPE,
    GRAPH,
    INITIALIZER,
    RAW_DATA,
    Content,
    MalformedOnnxError,
    fields,
    messages,
    number,
)

__all__ = ["Graph", "Node", "read_graph"]

_NODE = 1
_INPUT, _OPERATOR, _ATTRIBUTE = 1, 4, 5
_NAME_OF_ATTRIBUTE, _FLOAT, _INTEGER, _SUBGRAPH = 1, 2, 3, 6
_DIMENSION, _NAME_OF_TENSOR = 1, 8
_VARINT = 0
_DTYPES: dict[int, npt.DTypeLike] = {1: np.float32, 2: np.uint8, 3: np.int8, 7: np.int64, 10: np.float16}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Node:
    """An operator with the names of its inputs.

    Attributes:
        operator: As ONNX names it, without its domain.
        inputs: Empty names stand for inputs that are left out.
        numbers: Its attributes that are single numbers.
        branches: The nodes of its subgraphs, one after another.
    """

    operator: str
    inputs: tuple[str, ...]
    numbers: dict[str, float]
    branches: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Graph:
    """What a file holds.

    Attributes:
        nodes: In order.
        tensors: By name. They are parts of the file in memory.
        content: The file.
    """

    nodes: tuple[Node, ...]
    tensors: dict[str, npt.NDArray[Any]]
    content: mmap.mmap | bytes


def read_graph(onnx: Path, *, is_kept: bool = False, skips_others: bool = False) -> Graph:
    """Read a file.

    Args:
        onnx: The file.
        is_kept: Whether it is replaced and never written over, so that it may stay mapped.
        skips_others: Whether tensors that are not stored as plain bytes, or are of another type, are left out.

    Raises:
        MalformedOnnxError: It is no ONNX model, or a tensor of it is not stored as plain bytes, which ours are.
        OSError: It cannot be read.
    """
    content = mapped(onnx) if may_stay_mapped(onnx, is_kept=is_kept) else whole(onnx)
    graphs = [place for field, *place in messages(content, 0, len(content)) if field == GRAPH]
    if not graphs:
        raise MalformedOnnxError("it holds no graph")
    return _graph(content, *graphs[0], skips_others=skips_others)


def _graph(content: mmap.mmap | bytes, start: int, end: int, *, skips_others: bool = False) -> Graph:
    nodes: list[Node] = []
    tensors: dict[str, npt.NDArray[Any]] = {}
    for field, first, last in messages(content, start, end):
        if field == _NODE:
            nodes.append(_node(content, first, last))
        elif field == INITIALIZER:
            try:
                name, values = _tensor(content, first, last)
            except MalformedOnnxError:
                if skips_others:
                    continue
                raise
            tensors[name] = values
    return Graph(tuple(nodes), tensors, content)


def _node(content: mmap.mmap | bytes, start: int, end: int) -> Node:
    operator, inputs, numbers = "", list[str](), dict[str, float]()
    branches: list[Node] = []
    for field, first, last in messages(content, start, end):
        if field == _INPUT:
            inputs.append(content[first:last].decode())
        elif field == _OPERATOR:
            operator = content[first:last].decode()
        elif field == _ATTRIBUTE:
            name, value, subgraph = _attribute(content, first, last)
            branches += subgraph
            if value is not None:
                numbers[name] = value
    return Node(operator, tuple(inputs), numbers, tuple(branches))


def _attribute(
    content: mmap.mmap | bytes, start: int, end: int
) -> tuple[str, float | None, tuple[Node, ...]]:
    name, value, subgraph = "", None, tuple[Node, ...]()
    for field, _, _, first, last in fields(content, start, end):
        if field == _NAME_OF_ATTRIBUTE:
            name = content[first:last].decode()
        elif field == _FLOAT:
            (value,) = struct.unpack("<f", content[first:last])
        elif field == _INTEGER:
            value = number(content, first, last)
        elif field == _SUBGRAPH:
            subgraph = _graph(content, first, last).nodes
    return name, value, subgraph


def _tensor(content: mmap.mmap | bytes, start: int, end: int) -> tuple[str, npt.NDArray[Any]]:
    name, data_type, data = "", 0, (0, 0)
    shape: list[int] = []
    for field, kind, _, first, last in fields(content, start, end):
        if field == _DIMENSION:
            shape += _dimensions(content, kind, first, last)
        elif field == DATA_TYPE:
            data_type = number(content, first, last)
        elif field == _NAME_OF_TENSOR:
            name = content[first:last].decode()
        elif field == RAW_DATA:
            data = (first, last)
    if data_type not in _DTYPES:
        raise MalformedOnnxError(f"its tensor {name!r} is of type {data_type}")
    dtype = np.dtype(_DTYPES[data_type])
    count, rest = divmod(data[1] - data[0], dtype.itemsize)
    if rest or count != int(np.prod(shape, dtype=np.int64)):
        raise MalformedOnnxError(f"its tensor {name!r} is not as large as it says")
    return name, np.frombuffer(content, dtype, count, data[0]).reshape(shape)


def _dimensions(content: Content, kind: int, first: int, end: int) -> Iterator[int]:
    """Yield the sizes in one field, which holds one, or several end to end."""
    if kind == _VARINT:
        yield number(content, first, end)
        return
    at = first
    while at < end:
        after = at
        while content[after] & 0x80:
            after += 1
        yield number(content, at, after + 1)
        at = after + 1
