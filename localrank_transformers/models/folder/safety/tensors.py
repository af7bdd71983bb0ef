"""Files of safetensors: whose they are, and that the tensors fill them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from localrank.contract.errors import ModelLoadError
from localrank_transformers.models.folder.safety.kinds import no_model
from localrank_transformers.models.folder.safety.names import check_name

__all__ = ["check_safetensors", "shard_names"]

_BEGINNING = 512
"""Bytes by which a file that is no model is known."""

_HEADER_LIMIT = 100_000_000
"""The longest header that the safetensors format allows."""

_SIZE_LIMIT = 1 << 50
"""Bytes and numbers beyond what any tensor has."""

_SIZES_LIMIT = 64

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


def shard_names(index: Path) -> list[str]:
    """Return the files that `model.safetensors.index.json` says the weights are in.

    Raises:
        ModelLoadError: It is malformed, or names a file outside its folder or a pickle.
    """
    try:
        weight_map = json.loads(index.read_text("utf-8"))["weight_map"]
        return sorted({check_name(str(name)) for name in weight_map.values()})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelLoadError(f"{index.name} is malformed: {type(error).__name__}.") from None


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
        ) from None


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
