"""A file in the place of another: whole or not at all, whoever writes it meanwhile."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

__all__ = ["replace_file"]


def replace_file(path: Path, content: str | bytes) -> None:
    """Write a file so that whoever reads it finds the old content or the new, never a part.

    The new content is written beside under a name of its own, flushed to the disk and renamed; of several threads or processes
    that do so at once, each is whole and the last one stays. Where it fails or is interrupted, nothing is left beside.

    Args:
        path: In a folder that exists.
        content: Text is written in UTF-8.

    Raises:
        OSError: It cannot be written; names `path`.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with beside.open("xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException as error:
        with suppress(OSError):
            beside.unlink()
        if isinstance(error, OSError):
            error.filename, error.filename2 = str(path), None
        raise
