"""Files packed by gzip or zstd, or not at all, as the ending of their name says."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Literal, cast

from localrank.contract.errors import InvalidDataError
from localrank.providers.extras import missing

__all__ = ["Packing", "opened", "packed", "packing_of", "reading", "without_packing"]

Packing = Literal["", ".gz", ".zst"]

_LARGEST_WINDOW_LOG = 31
"""What `zstd --ultra --long=31` writes, the most there is."""


def packing_of(path: Path) -> Packing:
    """Return how a file is packed."""
    suffix = path.suffix.lower()
    return ".gz" if suffix == ".gz" else ".zst" if suffix == ".zst" else ""


def without_packing(path: Path) -> str:
    """Return the file's name without the ending that says how it is packed, in lower case."""
    return path.name.lower().removesuffix(packing_of(path))


def opened(path: Path) -> IO[bytes]:
    """Open a file to be read as it was before it was packed.

    Raises:
        OSError: It cannot be opened.
        MissingDependencyError: It is packed by zstd, which this Python does not read by itself.
    """
    packing = packing_of(path)
    if packing == ".gz":
        return cast("IO[bytes]", gzip.open(path))
    if packing == ".zst":
        zstd = _zstd()
        window = {zstd.DecompressionParameter.window_log_max: _LARGEST_WINDOW_LOG}
        file: IO[bytes] = zstd.open(path, "rb", options=window)
        return file
    return path.open("rb")


def packed(content: bytes, packing: Packing) -> bytes:
    """Return what a file of such a name holds; the same bytes each time."""
    if packing == ".gz":
        return gzip.compress(content, mtime=0)
    if packing == ".zst":
        packed_content: bytes = _zstd().compress(content)
        return packed_content
    return content


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Read a file inside.

    Raises:
        InvalidDataError: It cannot be read, or is packed and damaged.
    """
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(path, error) from None
    except Exception as error:
        if type(error).__name__ != "ZstdError":  # its module is imported only where a file is packed so
            raise
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> InvalidDataError:
    reason = getattr(error, "strerror", None) or str(error).rstrip(".")
    return InvalidDataError(f"{path} cannot be read: {reason}.")


def _zstd() -> Any:
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    try:
        return import_module(name)
    except ImportError as error:
        raise missing("A file packed by zstd", name, "batch") from error
