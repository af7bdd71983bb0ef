"""Texts by their ids from a file that memory need not hold: an index of where each stands, on the disk."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from localrank.batches.files.packed import opened, packing_of, reading, without_packing
from localrank.batches.temporary import temporary_files
from localrank.contract.errors import InvalidDataError
from localrank.providers.arguments import check_path, whole_number
from localrank.providers.lines import fault

__all__ = ["CollectionFiles", "Texts"]

_PAGES_KIB = 16_384
"""Of the index that are held in memory."""

_AT_ONCE = 1 << 20
"""Bytes that are unpacked at once."""

_ENDINGS = ("", ".gz", ".zst")


@dataclass(frozen=True, slots=True)
class CollectionFiles:
    """Where the texts are that a TREC run names.

    Attributes:
        queries: JSON Lines with `_id` (or `id`) and `text`, or `id<TAB>text` a line; packed by gzip or zstd, or not.
        documents: The same; JSON Lines may have a `title`, which is put before the text.

    Raises:
        InvalidRequestError: A path that is none.
    """

    queries: Path
    documents: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "queries", check_path("queries", self.queries))
        object.__setattr__(self, "documents", check_path("documents", self.documents))

    @classmethod
    def of_folder(cls, path: str | Path) -> CollectionFiles:
        """Return the files of a BEIR folder: `queries.jsonl` and `corpus.jsonl`, either of them packed or not.

        Raises:
            InvalidDataError: One is absent.
        """
        folder = check_path("collection", path)
        return cls(_file_in(folder, "queries.jsonl"), _file_in(folder, "corpus.jsonl"))


def _file_in(folder: Path, name: str) -> Path:
    for ending in _ENDINGS:
        if (folder / f"{name}{ending}").is_file():
            return folder / f"{name}{ending}"
    raise InvalidDataError(
        f"{folder} has no {name}.", hint="A BEIR folder holds corpus.jsonl and queries.jsonl."
    )


class Texts:
    """The texts of a file by their ids; memory holds those that are asked for, and some pages of the index.

    A packed file is unpacked into a temporary one first.

    Args:
        path: See `CollectionFiles`.

    Raises:
        InvalidDataError: The file cannot be read, a line is of another form, or an id is there twice.
        InvalidRequestError: Temporary files find no room.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._objects = without_packing(path).endswith((".jsonl", ".ndjson"))
        self._file: IO[bytes] = _seekable(path)
        self._index = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        for setting in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{_PAGES_KIB}"):
            self._index.execute(f"PRAGMA {setting}")
        self._index.execute("CREATE TABLE texts (id TEXT, line INTEGER, at INTEGER, size INTEGER)")
        try:
            with temporary_files():
                with reading(path):
                    self._index.execute("BEGIN")
                    self._index.executemany("INSERT INTO texts VALUES (?, ?, ?, ?)", self._places())
                    self._index.execute("COMMIT")
                self._index.execute("CREATE INDEX by_id ON texts (id, line, at, size)")
                self._refuse_twice()
        except BaseException:
            self.close()
            raise

    def get(self, ids: Iterable[str]) -> Mapping[str, str]:
        """Return the texts of those ids that are there."""
        places: list[tuple[int, int, str]] = []
        with temporary_files():
            for name in dict.fromkeys(ids):
                places += self._index.execute("SELECT at, size, id FROM texts WHERE id = ?", (name,))
        texts: dict[str, str] = {}
        with reading(self._path):
            for at, size, name in sorted(places):  # as they stand in the file
                self._file.seek(at)
                texts[name] = self._text(0, self._file.read(size))[1]
        return texts

    def close(self) -> None:
        """Let go of the file and the index."""
        self._file.close()
        self._index.close()

    def _places(self) -> Iterator[tuple[str, int, int, int]]:
        at = 0
        for number, line in enumerate(self._file, 1):
            if line.strip():
                yield self._text(number, line)[0], number, at, len(line)
            at += len(line)

    def _text(self, number: int, line: bytes) -> tuple[str, str]:
        """Return id and text of a line."""
        try:
            decoded = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise fault(self._path, number, "no UTF-8 text.") from None
        if self._objects:
            return _of_object(self._path, number, decoded)
        name, tab, text = decoded.partition("\t")
        if not tab or not name.strip():
            raise fault(self._path, number, "no id and tab before the text.")
        return name.strip(), text

    def _refuse_twice(self) -> None:
        twice = self._index.execute(
            "SELECT id, MAX(line) FROM texts GROUP BY id HAVING COUNT(*) > 1 LIMIT 1"
        ).fetchone()
        if twice is not None:
            raise fault(self._path, twice[1], f"the id {twice[0]!r} is there for the second time.")


def _seekable(path: Path) -> IO[bytes]:
    with reading(path):
        if not packing_of(path):
            return path.open("rb")
        with opened(path) as file:
            return _unpacked(file)


def _unpacked(file: IO[bytes]) -> IO[bytes]:
    with temporary_files():
        unpacked: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the texts
    try:
        while some := file.read(_AT_ONCE):
            with temporary_files():
                unpacked.write(some)
        with temporary_files():
            unpacked.seek(0)
    except BaseException:
        with suppress(OSError):  # what it holds back has no room either
            unpacked.close()
        raise
    return unpacked


def _of_object(path: Path, number: int, line: str) -> tuple[str, str]:
    try:
        record: Any = json.loads(line)
    except (ValueError, RecursionError):
        raise fault(path, number, "no JSON.") from None
    if not isinstance(record, dict):
        raise fault(path, number, "no JSON object.", hint="A line is an object with _id and text.")
    name = record.get("_id", record.get("id"))
    text, title = record.get("text"), record.get("title") or ""
    if whole_number(name) is None and not isinstance(name, str):
        raise fault(path, number, "there is no '_id'.", hint=f"The keys are {', '.join(map(repr, record))}.")
    if "text" not in record:
        raise fault(path, number, "there is no 'text'.", hint=f"The keys are {', '.join(map(repr, record))}.")
    if not isinstance(text, str) or not isinstance(title, str):
        raise fault(path, number, "its text or title is no string.")
    return str(name), f"{title} {text}".strip()
