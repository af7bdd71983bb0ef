"""JSON Lines: each line a query with its own documents, and which of them are relevant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from localrank.contract.errors import InvalidRequestError
from localrank.evaluation.collection import Collection
from localrank.evaluation.lines import identifier, joined_text, text_of
from localrank.providers.lines import fault, json_objects

__all__ = ["load_jsonl"]

_HINT = (
    '"relevant" is a list of positions from 0 or of document ids, or an object of id (or position) and grade.'
)


def load_jsonl(path: str | Path) -> Collection:
    """Read judged pools.

    A line is an object with

    - `query`: the text; `id` (optional): its name, by default `q` and the number of the line;
    - `documents`: the texts, or objects with `text` and optionally `title` and `id`;
    - `relevant`: positions in `documents` from 0, or ids, or an object from one of these to a grade.

    Documents without an id get one of the line and the position, such as `1.0`. An id that comes back in another line must
    stand for the same text.

    Raises:
        InvalidRequestError: A line of another form.
    """
    file = Path(path)
    queries: dict[str, str] = {}
    documents: dict[str, str] = {}
    judgements: dict[str, dict[str, int]] = {}
    pools: dict[str, list[str]] = {}
    for number, record in json_objects(file):
        query = identifier(file, number, record, "id") if "id" in record else f"q{number}"
        if query in queries:
            raise fault(file, number, f"the id {query!r} is there for the second time.")
        queries[query] = text_of(file, number, record, "query")
        own = _documents(file, number, record)
        for key, text in own.items():
            if documents.setdefault(key, text) != text:
                raise fault(file, number, f"the document id {key!r} stood for another text before.")
        grades = _grades(file, number, record, list(own))
        pools[query] = list(own)
        judgements[query] = {key: grades.get(key, 0) for key in own}
    if not queries:
        raise InvalidRequestError(f"{file} is empty.")
    return Collection(file.stem, queries, documents, judgements, pools)


def _documents(path: Path, line: int, record: Mapping[str, Any]) -> dict[str, str]:
    given = record.get("documents")
    if not isinstance(given, list) or not given:
        raise fault(path, line, "'documents' is absent, empty or no list.")
    documents: dict[str, str] = {}
    for position, document in enumerate(given):
        key, text = f"{line}.{position}", document
        if isinstance(document, dict):
            text = joined_text(path, line, document)
            key = identifier(path, line, document, "id", "_id") if document.keys() & {"id", "_id"} else key
        if not isinstance(text, str):
            raise fault(path, line, f"documents[{position}] is of type {type(text).__name__}.")
        if key in documents:
            raise fault(path, line, f"two documents have the id {key!r}.")
        documents[key] = text
    return documents


def _grades(path: Path, line: int, record: Mapping[str, Any], keys: Sequence[str]) -> dict[str, int]:
    given = record.get("relevant")
    if not isinstance(given, list | dict):
        raise fault(path, line, "'relevant' is absent or no list.", hint=_HINT)
    pairs = given.items() if isinstance(given, dict) else [(name, 1) for name in given]
    grades: dict[str, int] = {}
    for name, grade in pairs:
        if isinstance(grade, bool) or not isinstance(grade, int):
            raise fault(path, line, f"the grade of {name!r} is no whole number.", hint=_HINT)
        grades[_document_named(path, line, name, keys)] = grade
    return grades


def _document_named(path: Path, line: int, name: Any, keys: Sequence[str]) -> str:
    if isinstance(name, str) and name in keys:
        return name
    position = int(name) if isinstance(name, str) and name.isdecimal() else name
    if isinstance(position, int) and not isinstance(position, bool) and 0 <= position < len(keys):
        return keys[position]
    raise fault(
        path, line, f"'relevant' names {name!r}, which is none of its {len(keys)} documents.", hint=_HINT
    )
