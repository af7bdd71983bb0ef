"""What a model file may not do: be malformed, be larger than its kind, or point outside its own folder."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from localrank.contract.errors import ModelLoadError
from localrank_transformers.models.folder.stated.kinds import no_model
from localrank_transformers.models.onnx_file.content import looked_at
from localrank_transformers.models.onnx_file.inputs import fixed_shape
from localrank_transformers.models.onnx_file.wire import (
    Content,
    ExternalData,
    MalformedOnnxError,
    external_data,
)

__all__ = [
    "check_name",
    "check_onnx",
    "check_safetensors",
    "check_size",
    "fixed_width",
    "onnx_siblings",
    "shard_names",
]

T = TypeVar("T")

_MB = 1 << 20
_LIMITS = {".json": 64 * _MB, ".txt": 64 * _MB, ".jinja": 4 * _MB, ".onnx": 2048 * _MB, ".model": 64 * _MB}
_TOKENIZER_LIMIT = 256 * _MB
_BEGINNING = 512
"""Bytes by which a file that is no model is known."""

_HEADER_LIMIT = 100_000_000
"""The longest header that the safetensors format allows."""

_SIZE_LIMIT = 1 << 50
"""Bytes and numbers beyond what any tensor has."""

_SIZES_LIMIT = 64

_PICKLES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".npy", ".npz", ".py"})
"""Suffixes of files that can run code when they are read, or are code."""

_BITS = {
    "F64": 64,
    "F32": 32,
    "F16": 16,
    "BF16": 16,
    "I64": 64,
    "I32": 32,
    "I16": 16,
    "I8": 8,
    "U8": 8,
    "BOOL": 8,
}
_BITS |= {"U64": 64, "U32": 32, "U16": 16, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F4": 4, "C64": 64}


def check_name(name: str) -> str:
    """Return the name of a file inside a model folder, if it stays inside and is no pickle and no code.

    Raises:
        ModelLoadError: It does not.
    """
    parts = name.split("/")
    if (
        not name
        or "\\" in name
        or "\0" in name
        or re.match(r"[A-Za-z]:", name)
        or {"", ".", ".."} & set(parts)
    ):
        raise ModelLoadError(
            f"The model names the file {name!r}, which is no plain path inside its folder.",
            hint="Use a model from a source that you trust.",
        )
    if Path(name).suffix.lower() in _PICKLES:
        raise ModelLoadError(
            f"The file {name!r} can run any code when it is read, so it is neither fetched nor loaded.",
            hint="Use a revision of the model that ships safetensors or ONNX files.",
        )
    return name


def check_size(name: str, size: int) -> None:
    """Refuse a file that is larger than any honest file of its kind.

    Raises:
        ModelLoadError: It is.
    """
    path = Path(name)
    limit = _TOKENIZER_LIMIT if path.name == "tokenizer.json" else _LIMITS.get(path.suffix.lower())
    if limit is not None and size > limit:
        raise ModelLoadError(
            f"The file {name!r} has {size:,} bytes; at most {limit:,} are read.",
            hint="An ONNX graph above 2 GB keeps its weights in a file beside it."
            if name.endswith(".onnx")
            else None,
        )


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
        ) from error


def _check_location(onnx: Path, location: str) -> None:
    parts = re.split(r"[/\\]", location)
    if not location or ".." in parts or parts[0] == "" or "\0" in location or ":" in parts[0]:
        raise ModelLoadError(
            f"{onnx.name} keeps weights in {location!r}, which is outside the model's folder.",
            hint="Use a model from a source that you trust.",
        )


def shard_names(index: Path) -> list[str]:
    """Return the files that `model.safetensors.index.json` says the weights are in.

    Raises:
        ModelLoadError: It is malformed, or names a file outside its folder or a pickle.
    """
    try:
        weight_map = json.loads(index.read_text("utf-8"))["weight_map"]
        return sorted({check_name(str(name)) for name in weight_map.values()})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelLoadError(f"{index.name} is malformed: {type(error).__name__}.") from error


def check_safetensors(path: Path) -> None:
    """Check the header of a safetensors file: its length, its JSON, and that the tensors fill the file without gap or overlap.

    The format: <https://github.com/huggingface/safetensors#format>.

    Raises:
        ModelLoadError: Something is amiss.
    """
    try:
        _check_header(path)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise ModelLoadError(
            f"{str(path)!r} is no valid safetensors file: {str(error)[:200]}.",
            hint="The file may be incomplete; copy or fetch it again.",
        ) from error


def _check_header(path: Path) -> None:
    size = path.stat().st_size
    with path.open("rb") as stream:
        what = no_model(stream.read(_BEGINNING))
        if what is not None:
            raise ValueError(f"it is {what}")
        stream.seek(0)
        length = int.from_bytes(stream.read(8), "little")
        if size < 10 or not 2 <= length <= min(_HEADER_LIMIT, size - 8):
            raise ValueError(f"a header of {length:,} bytes in a file of {size:,}")
        header = json.loads(stream.read(length))
    end = 0
    for start, stop, wanted in sorted(_spans(header)):
        if start != end or stop - start != wanted:
            raise ValueError("its tensors do not follow each other")
        end = stop
    if end != size - 8 - length:
        raise ValueError(f"its tensors take {end:,} bytes, the file has {size - 8 - length:,}")


def _spans(header: dict[str, Any]) -> Iterator[tuple[int, int, int]]:
    for name, tensor in header.items():
        if name == "__metadata__":
            continue
        start, stop = tensor["data_offsets"]
        sizes = (start, stop, *tensor["shape"])
        if len(sizes) > _SIZES_LIMIT or not all(
            isinstance(one, int) and not isinstance(one, bool) and 0 <= one < _SIZE_LIMIT for one in sizes
        ):
            raise ValueError(f"the tensor {name[:80]!r} has the sizes {str(sizes)[:80]}")
        bits = _BITS.get(tensor["dtype"])
        wanted = stop - start if bits is None else math.prod(tensor["shape"]) * bits // 8
        yield start, stop, wanted
