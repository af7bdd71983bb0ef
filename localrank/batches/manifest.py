"""What of a job is done: a manifest beside the parts, each written so that a process killed at any moment leaves none half."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

from localrank.contract.errors import InvalidDataError, InvalidRequestError
from localrank.providers.holding import hold

__all__ = [
    "HELD",
    "MANIFEST",
    "DonePart",
    "Manifest",
    "Unchanged",
    "alone",
    "clear",
    "digest_of",
    "write_whole",
    "writing",
]

MANIFEST = "_manifest.json"
"""Readers of folders of Parquet files skip names that begin with an underscore."""

HELD = ".held"
"""What a process locks while it writes to a folder; one that was killed leaves it there, unlocked."""

_FORMAT = 3


@dataclass(frozen=True, slots=True)
class DonePart:
    """One part that is written.

    Attributes:
        file: Its name.
        digest: What tells it from another: see `digest_of`.
        rows: Rows of the input that it covers.
        kept: Rows that it holds.
        rejected: Rows that went to the rejects.
        documents: Candidates ranked.
        dollars: What that cost, as far as the price is known.
    """

    file: str
    digest: str
    rows: int
    kept: int
    rejected: int
    documents: int
    dollars: float


@dataclass(slots=True)
class Manifest:
    """What a job is, and how far it is.

    Attributes:
        job: What its output depends on: input, model, settings, version.
        parts: What is written, in order.
        total: Rows of the input; None until they are counted.
        complete: Whether that is all.
    """

    job: Mapping[str, Any]
    parts: list[DonePart] = field(default_factory=list)
    total: int | None = None
    complete: bool = False

    @property
    def rows(self) -> int:
        """Rows of the input that are done."""
        return sum(part.rows for part in self.parts)

    @property
    def dollars(self) -> float:
        """What the parts cost."""
        return sum((part.dollars for part in self.parts), 0.0)

    def write(self, folder: Path) -> None:
        """Write the manifest in place of the one that is there."""
        content = {
            "format": _FORMAT,
            "job": self.job,
            "parts": [asdict(part) for part in self.parts],
            "rows": self.total,
            "complete": self.complete,
        }
        write_whole(folder / MANIFEST, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())

    @classmethod
    def opened(cls, folder: Path, job: Mapping[str, Any]) -> Manifest:
        """Return the manifest of `folder`, or a new one where the folder is empty or absent, or no part of a job is done yet.

        Raises:
            InvalidRequestError: The folder holds something else, another job, or not the parts that its manifest names.
        """
        try:
            return cls._opened(folder, job)
        except OSError as error:
            raise InvalidRequestError(f"{folder} cannot be used: {error.strerror}.") from None

    @classmethod
    def _opened(cls, folder: Path, job: Mapping[str, Any]) -> Manifest:
        path = folder / MANIFEST
        if not path.exists():
            if {there.name for there in folder.iterdir()} - {_aside(path).name, HELD}:
                raise InvalidRequestError(
                    f"{folder} is not empty and holds no job.", hint="Name another folder."
                )
            manifest = cls(job)
            manifest.write(folder)
            return manifest
        manifest = cls._read(path)
        differing = _differing(manifest.job, job)
        if differing and not manifest.parts:
            clear(folder)
            return cls._opened(folder, job)
        if differing:
            raise InvalidRequestError(
                f"{folder} holds another job: {'; '.join(differing)}.",
                hint="Name another folder, or begin anew with --fresh.",
            )
        for part in manifest.parts:
            if not (folder / part.file).is_file() or _digest(folder / part.file) != part.digest:
                raise InvalidDataError(
                    f"{folder / part.file} is not as it was written.", hint="Begin anew with --fresh."
                )
        return manifest

    @classmethod
    def _read(cls, path: Path) -> Manifest:
        try:
            content = json.loads(path.read_bytes())
            if content["format"] != _FORMAT:
                raise ValueError
            parts = [DonePart(**part) for part in content["parts"]]
            return cls(dict(content["job"]), parts, content["rows"], bool(content["complete"]))
        except (ValueError, KeyError, TypeError, RecursionError):
            raise InvalidDataError(
                f"{path} is no manifest of this version.", hint="Begin anew with --fresh."
            ) from None


def _differing(before: Mapping[str, Any], now: Mapping[str, Any], of: str = "") -> list[str]:
    """Return what differs between two jobs, a sentence each."""
    told: list[str] = []
    for name in sorted({*before, *now}):
        was, known = before.get(name), now.get(name)
        if isinstance(was, dict) and isinstance(known, dict):
            told += _differing(was, known, f"{name}.")
        elif was != known:
            told.append(f"{of}{name} was {_given(was)} and is {_given(known)}")
    return told


def _given(value: object) -> str:
    return "not given" if value is None else repr(value)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes from writing to a job's folder, which is made where there is none, while the block runs.

    Where the folder cannot be written to, or its file system locks nothing, nobody is kept away.

    Raises:
        InvalidRequestError: Another process writes to it, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidRequestError(f"{folder} cannot be used: {error.strerror}.") from None
    held = _held(folder / HELD)
    try:
        yield
    finally:
        if held is not None:
            with suppress(OSError):  # Windows keeps a file that is open
                (folder / HELD).unlink()
            held.close()


def _held(path: Path) -> IO[bytes] | None:
    """Return a file of this process alone; None where there can be none."""
    while True:
        try:
            stream = path.open("ab")
        except OSError:
            return None
        try:
            hold(stream)
            if os.path.samestat(os.fstat(stream.fileno()), path.stat()):
                return stream
        except BlockingIOError:
            stream.close()
            raise InvalidRequestError(
                f"Another process is writing to {path.parent}.",
                hint="Wait for its end, or name another folder.",
            ) from None
        except FileNotFoundError:
            pass
        except OSError:
            stream.close()
            return None
        stream.close()  # removed meanwhile by who held it before


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Write to a job's folder inside.

    Raises:
        InvalidRequestError: It cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise InvalidRequestError(
            f"{folder} cannot be written: {error.strerror}.",
            hint="The same job goes on from there once it can.",
        ) from None


def clear(folder: Path) -> None:
    """Delete what a job left in a folder, and nothing else; the manifest last.

    Raises:
        InvalidRequestError: It cannot be deleted.
    """
    names = ("part-*.parquet", "part-*.jsonl*", "part-*.run*", "_rejects-*.jsonl", ".*.new", MANIFEST)
    try:
        if (folder / MANIFEST).exists():
            for name in names:
                for path in folder.glob(name):
                    path.unlink()
    except OSError as error:
        raise InvalidRequestError(f"{folder} cannot be cleared: {error.strerror}.") from None


class Unchanged:
    """Files that are read for hours, and are to be the same at the end.

    Args:
        files: What each is, with its path.

    Attributes:
        digests: What tells each file from another: see `digest_of`.

    Raises:
        InvalidDataError: One cannot be read.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files
        try:
            self._before = {path: _stamp(path) for path in files.values()}
            self.digests = {what: _digest(path) for what, path in files.items()}
        except OSError as error:
            raise InvalidDataError(f"{error.filename} cannot be read: {error.strerror}.") from None

    def check(self) -> None:
        """Look whether the files are as they were, by size and time.

        Raises:
            InvalidDataError: One is not.
        """
        for path, stamp in self._before.items():
            try:
                if _stamp(path) == stamp:
                    continue
            except OSError:
                pass
            raise InvalidDataError(
                f"{path} was changed while it was read.",
                hint="Begin anew with --fresh, or put back what it was: the same job then goes on.",
            )


def _stamp(path: Path) -> tuple[int, int]:
    there = path.stat()
    return there.st_size, there.st_mtime_ns


def digest_of(content: bytes) -> str:
    """Return what tells a file's content from another: its size, and a hash of all its bytes."""
    return f"{len(content)}:{_blake2b(content).hexdigest()}"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, _blake2b)
    return f"{path.stat().st_size}:{digest.hexdigest()}"


_blake2b = partial(hashlib.blake2b, digest_size=16)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, after a power failure too."""
    aside = _aside(path)
    with aside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, path)  # noqa: PTH105 - the tests stop the process at each of these


def _aside(path: Path) -> Path:
    """Return where a file is written before it takes its place; one that was never finished may be left there."""
    return path.with_name(f".{path.name}.new")
