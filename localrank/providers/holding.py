"""A file that one process holds at a time, until it closes it or is gone, however it ends."""

from __future__ import annotations

import sys
from typing import IO

__all__ = ["hold"]


def hold(stream: IO[bytes]) -> None:
    """Keep other processes from holding a file until it is closed.

    Args:
        stream: The file, open for writing.

    Raises:
        BlockingIOError: It is held already.
        OSError: Its file system locks nothing.
    """
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415

        stream.seek(0)
        try:
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(error.errno, error.strerror) from None
    else:
        import fcntl  # noqa: PLC0415  # not on Windows

        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
