"""Judgements in any file: TREC's four columns, BEIR's three, or records with the ids of queries and documents."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from localrank.contract.errors import InvalidDataError
from localrank.providers.data.rows import identifier, is_records, records
from localrank.providers.lines import fault, numbered_lines

__all__ = ["Grades", "candidates", "judgements"]

Grades = dict[str, dict[str, float]]
"""Query id → document id → grade; 0 and less are not relevant."""

_QUERY = ("query-id", "query_id", "qid")
_DOCUMENT = ("corpus-id", "corpus_id", "positive-corpus-ids", "doc_id", "docid", "document-id")
_GRADE = ("score", "relevance", "label", "grade")
_CANDIDATES = ("corpus-ids", "bm25-ranked-ids")
_HINT = "Judgements have `query document grade`, or `query 0 document grade`."

_Judgement = tuple[int, str, str, str]
"""The number of the line, query, document, and the grade as it is written."""


def judgements(path: Path, *, whole: bool = False) -> Grades:
    """Return the judgements of a file.

    It holds `query 0 document grade` or `query document grade` lines, of which the first may be a heading as in BEIR's files,
    or records (`.jsonl`, `.parquet`) with `query-id`, `corpus-id` (an id or several) and perhaps `score`, which is 1 where it
    is left out.

    Args:
        path: The file.
        whole: Whether a grade must be a whole number.

    Raises:
        InvalidDataError: A line of another form, a pair judged twice with two grades, or no judgement at all.
        MissingDependencyError: A Parquet file without pyarrow.
    """
    read: Grades = {}
    for number, query, document, written in _of_records(path) if is_records(path) else _of_lines(path):
        grade = _grade(written)
        if grade is None and not read and number == 1:
            continue  # the heading
        if grade is None or (whole and not grade.is_integer()):
            raise fault(path, number, f"the grade {written!r} is no {'whole ' if whole else ''}number.")
        of_query = read.setdefault(query, {})
        if of_query.setdefault(document, grade) != grade:
            before = f"{of_query[document]:g}"
            raise fault(
                path, number, f"query {query!r} and document {document!r} were judged {before} before."
            )
    if not read:
        raise InvalidDataError(f"{path} holds no judgement.", hint=_HINT)
    return read


def _grade(written: str) -> float | None:
    try:
        value = float(written)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _of_lines(path: Path) -> Iterator[_Judgement]:
    for number, line in numbered_lines(path):
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) not in {3, 4}:
            cells = line.split()
        if len(cells) not in {3, 4}:
            raise fault(path, number, f"{len(cells)} columns.", hint=_HINT)
        yield number, cells[0], cells[-2], cells[-1]


def _of_records(path: Path) -> Iterator[_Judgement]:
    for number, record in records(path):
        query = identifier(path, number, record, _QUERY)
        key = next((key for key in _DOCUMENT if key in record), _DOCUMENT[0])
        grade = next((record[key] for key in _GRADE if record.get(key) is not None), 1)
        for document in _ids(path, number, record, key):
            yield number, query, document, str(grade)


def _ids(path: Path, number: int, record: Mapping[str, Any], key: str) -> list[str]:
    given = record.get(key)
    several = given if isinstance(given, list) else [given] if key in record else []
    if not several and key not in record:
        return [identifier(path, number, record, (key,))]
    return [identifier(path, number, {key: one}, (key,)) for one in several]


def candidates(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield query id and the ids of its candidates, best first, of records with `query-id` and `corpus-ids`.

    Raises:
        InvalidDataError: The file cannot be read, or a record has no candidates.
        MissingDependencyError: A Parquet file without pyarrow.
    """
    for number, record in records(path):
        key = next((key for key in _CANDIDATES if key in record), _CANDIDATES[0])
        if not isinstance(record.get(key), list):
            keys = ", ".join(map(repr, record))
            hint = "A candidate list has `query-id` and `corpus-ids`, best first."
            raise fault(path, number, f"the keys are {keys}: no list 'corpus-ids' among them.", hint=hint)
        yield identifier(path, number, record, _QUERY), _ids(path, number, record, key)
