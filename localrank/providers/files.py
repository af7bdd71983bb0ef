"""Files read and written with care: no more than they may hold, and whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

__all__ = [
    "TOO_MANY_OPEN_HINT",
    "give_ordinary_mode",
    "has_too_many_open",
    "read_settings_file",
    "replace_file",
]

LARGEST_SETTINGS_FILE = 64 * 1024 * 1024
"""Far more than anybody writes of settings; what is larger is something else, and may have no end."""


TOO_MANY_OPEN_HINT = "Raise the limit of open files (`ulimit -n`), or close some; then call again."


def read_settings_file(path: str | os.PathLike[str]) -> str:
    """Return the text of a file that a person wrote, or a program for one.

    Raises:
        OSError: It cannot be read, is no file (a pipe, a device), or is larger than 64 MB.
        UnicodeDecodeError: It is no UTF-8 text.
    """
    with open(path, "rb", opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "no regular file", str(path))
        content = file.read(LARGEST_SETTINGS_FILE + 1)
    if len(content) > LARGEST_SETTINGS_FILE:
        raise OSError(errno.EFBIG, "larger than any settings", str(path))
    return content.decode("utf-8")


def has_too_many_open() -> bool:
    """Whether no file can be opened, since the process or the system has too many open: what is there looks absent."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno in {errno.EMFILE, errno.ENFILE}
    return False


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a pipe would be waited for


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
    beside = path.with_name(f".{path.name}.{os.urandom(8).hex()}.part")
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


def give_ordinary_mode(path: Path) -> None:
    """Give a file the rights that a new one gets here: safetensors' own writing leaves what nobody else can read.

    Raises:
        OSError: No file can be made beside it.
    """
    beside = path.with_name(f".{path.name}.{os.urandom(8).hex()}.mode")
    beside.touch(exist_ok=False)
    try:
        path.chmod(stat.S_IMODE(beside.stat().st_mode))
    finally:
        beside.unlink()
