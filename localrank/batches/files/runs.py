"""A TREC run as an input, with the texts that it names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localrank.batches.amounts import Amount, amount_of
from localrank.batches.columns import Columns
from localrank.batches.cutting import cut
from localrank.batches.files.jsonl import json_line, lines_of
from localrank.batches.files.packed import packed, packing_of
from localrank.batches.files.part import Part
from localrank.batches.files.texts import CollectionFiles, Texts
from localrank.batches.rows import Layout, RankedRows, Rows, lists_of
from localrank.batches.together import survey
from localrank.batches.trec import Named

__all__ = ["TrecRun"]

_COLUMNS = 6


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a run: the ids in it, or why there are none."""

    query: str | None
    document: str | None
    fault: str | None = None


class TrecRun:
    """Lines `query Q0 document rank score tag`; those of a query stand together. Their order counts, not rank and score.

    Args:
        path: The run.
        collection: Where the texts are; they are indexed when the first part is asked for.
        columns: The names of what is added, for JSON Lines.
    """

    layout: Layout = "candidates"

    def __init__(self, path: Path, collection: CollectionFiles, columns: Columns) -> None:
        self._path, self._collection, self._columns = path, collection, columns
        self._texts: list[Texts] = []
        self.suffix = f".jsonl{packing_of(path)}"
        self.files: Mapping[str, Path] = {
            "input": path,
            "queries": collection.queries,
            "documents": collection.documents,
        }

    def survey(self, on_rows: Callable[[int], None]) -> int:
        """Return the number of lines: see `Source`."""
        return survey(str(self._path), (key for _, key, _ in self._cut_by(0)), on_rows)

    def parts(self, start: int, most: int) -> Iterator[Part]:
        """Yield the parts; lines before `start` are read over."""
        files = (self._collection.queries, self._collection.documents)
        for path in files[len(self._texts) :]:
            self._texts.append(Texts(path))
        queries, documents = self._texts
        for lines in cut(self._cut_by(start), most):
            yield _RunPart(lines, start, queries, documents, self._columns, self.suffix)
            start += len(lines)

    def close(self) -> None:
        """Let go of the texts."""
        while self._texts:
            self._texts.pop().close()

    def _cut_by(self, start: int) -> Iterator[tuple[_Line, Any, int]]:
        before: str | None = None
        for line in self._lines(start):
            before = line.query or before
            yield line, before, 1

    def _lines(self, start: int) -> Iterator[_Line]:
        for line in lines_of(self._path, start):
            yield _read(line)


def _read(line: bytes) -> _Line:
    try:
        cells = line.decode().split()
    except UnicodeDecodeError:
        return _Line(None, None, "the line is no UTF-8")
    if len(cells) != _COLUMNS:
        fault = f"the line has {len(cells)} columns, and a run has `query Q0 document rank score tag`"
        return _Line(None, None, fault)
    return _Line(cells[0], cells[2])


@dataclass(frozen=True, slots=True)
class _RunPart:
    lines: Sequence[_Line]
    start: int
    queries: Texts
    documents: Texts
    columns: Columns
    suffix: str

    @property
    def rows(self) -> int:
        return len(self.lines)

    def named(self) -> Named:
        names = [line.document for line in self.lines]
        return Named("candidates", self._keys(), [line.query for line in self.lines], names, names)

    def read(self, faults: Mapping[int, str]) -> Rows:
        queries, documents = self._texts()
        return Rows(
            "candidates", queries, documents, self._keys(), {**faults, **self._faults(queries, documents)}
        )

    def written(self, found: RankedRows) -> bytes:
        """Return the lines as JSON: the ids, with what was said."""
        lines: list[bytes] = []
        for place in found.kept():
            said = {name: found.said[what][place] for what, name in self.columns.added}
            line = self.lines[place]
            lines.append(json_line({"query_id": line.query, "document_id": line.document, **said}))
        return packed(b"".join(lines), packing_of(Path(self.suffix)))

    def amount(self) -> Amount:
        queries, documents = self._texts()
        return amount_of(lists_of("candidates", queries, documents, self._keys()))

    def _texts(self) -> tuple[list[str | None], list[str | None]]:
        """Return the texts of each line's query and document; None where the collection has none."""
        queries = self.queries.get(line.query for line in self.lines if line.query is not None)
        documents = self.documents.get(line.document for line in self.lines if line.document is not None)
        return (
            [queries.get(line.query or "") for line in self.lines],
            [documents.get(line.document or "") for line in self.lines],
        )

    def _faults(self, queries: Sequence[str | None], documents: Sequence[str | None]) -> dict[int, str]:
        faults: dict[int, str] = {}
        for place, (line, query, document) in enumerate(zip(self.lines, queries, documents, strict=True)):
            if line.fault is not None:
                faults[place] = line.fault
            elif query is None:
                faults[place] = f"the collection has no query {line.query!r}"
            elif document is None:
                faults[place] = f"the collection has no document {line.document!r}"
        return faults

    def _keys(self) -> list[str | None]:
        keys: list[str | None] = []
        for line in self.lines:
            keys.append(line.query or (keys[-1] if keys else None))
        return keys
