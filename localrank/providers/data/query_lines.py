"""Queries with documents from JSON Lines or Parquet, in every form that people have."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localrank.contract.errors import InvalidDataError
from localrank.contract.texts import is_blank
from localrank.providers.data.rows import IDS, identifier, joined_text, records
from localrank.providers.lines import fault

__all__ = ["FORMS_HINT", "QueryLine", "query_lines"]

FORMS_HINT = (
    'Write one JSON object a line: {"query": "…", "documents": ["…", "…"], "relevant": [0]}, or '
    '{"query": "…", "positive": "…", "negatives": ["…"]}, or {"query": "…", "document": "…", "label": 1}.'
)
_RELEVANT_HINT = (
    '"relevant" is a list of positions from 0 or of document ids, or an object of id (or position) and grade.'
)
_POSITIVES = ("positive", "positives", "passage", "pos")
_NEGATIVES = ("negatives", "negative", "neg")


@dataclass(frozen=True, slots=True)
class QueryLine:
    """What a line says of a query.

    Attributes:
        line: Its number in the file, from 1.
        query: The text.
        documents: The texts; a title stands before its text.
        names: The id of each document; None where it has none.
        grades: A number a document, 0 and less for what is not relevant; None where nobody judged them.
        scores: A number a document by a teacher or a first stage; None where there is none.
        is_list: Whether the documents are the query's candidates. Otherwise they are answers or single pairs, and what else
            could be asked for stands in other lines.
        name: The query's id, where it has one.
        licence: Of the texts, where the line says so.
        source: Where they come from, where it says so.
    """

    line: int
    query: str
    documents: tuple[str, ...]
    names: tuple[str | None, ...]
    grades: tuple[float, ...] | None
    scores: tuple[float, ...] | None
    is_list: bool
    name: str | None = None
    licence: str | None = None
    source: str | None = None


def query_lines(path: Path) -> Iterator[QueryLine]:
    """Yield what each line or row of a file says.

    It has one of these forms:

    - `query`, `documents` and `relevant`: positions in `documents` from 0, or ids, or an object from one of these to a grade;
    - `query`, `documents`, and `labels` (a grade a document) or `scores` or neither;
    - `query`, `positive` and perhaps `negatives`: a text or several each (`pos` and `neg` are taken too);
    - `query`, `document` and `label`.

    A document is a text, or an object with `text` and perhaps `title` and `id`. `id`, `licence` and `source` are optional.

    Raises:
        InvalidDataError: The file cannot be read, or a line is none of these; names file and line.
        MissingDependencyError: A Parquet file without pyarrow.
    """
    for number, record in records(path, hint=FORMS_HINT):
        yield _Line(path, number, record).parsed()


@dataclass(frozen=True, slots=True)
class _Line:
    path: Path
    number: int
    record: Mapping[str, Any]

    def parsed(self) -> QueryLine:
        query = self.record.get("query")
        if "query" not in self.record:
            raise self._fault("there is no 'query'.")
        if not isinstance(query, str):
            raise self._fault(f"'query' is of type {type(query).__name__}, not text.")
        if is_blank(query):
            raise self._fault("'query' is blank.")
        if "documents" in self.record:
            return self._list(query)
        positives = next((key for key in _POSITIVES if key in self.record), None)
        return self._pair(query) if positives is None else self._answers(query, positives)

    def _list(self, query: str) -> QueryLine:
        given = self.record["documents"]
        if not isinstance(given, list) or not given:
            raise self._fault("'documents' is absent, empty or no list.")
        texts, names = self._documents("documents", given)
        if "relevant" in self.record and "labels" in self.record:
            raise self._fault("there are both 'relevant' and 'labels'.")
        grades = self._relevant(names) if "relevant" in self.record else self._numbers("labels", len(texts))
        return self._line(query, texts, names, grades, self._numbers("scores", len(texts)), is_list=True)

    def _answers(self, query: str, key: str) -> QueryLine:
        answers, names = self._documents(key, self._several(key))
        if not answers or any(map(is_blank, answers)):
            raise self._fault(f"{key!r} is blank.")
        others = next((key for key in _NEGATIVES if key in self.record), None)
        wrong, wrong_names = ((), ()) if others is None else self._documents(others, self._several(others))
        kept = [at for at, text in enumerate(wrong) if text not in answers]
        return self._line(
            query,
            (*answers, *(wrong[at] for at in kept)),
            (*names, *(wrong_names[at] for at in kept)),
            (*[1.0] * len(answers), *[0.0] * len(kept)),
            None,
            is_list=False,
        )

    def _pair(self, query: str) -> QueryLine:
        if "document" not in self.record:
            keys = ", ".join(map(repr, self.record))
            raise self._fault(f"the keys are {keys}: no 'documents', 'positive' or 'document' among them.")
        texts, names = self._documents("document", [self.record["document"]])
        if is_blank(texts[0]):
            raise self._fault("'document' is blank.")
        label = self.record.get("label")
        if not _is_number(label):
            raise self._fault("'label' is no number.")
        return self._line(query, texts, names, (float(label),), None, is_list=False)  # type: ignore[arg-type]

    def _line(
        self,
        query: str,
        texts: tuple[str, ...],
        names: tuple[str | None, ...],
        grades: tuple[float, ...] | None,
        scores: tuple[float, ...] | None,
        *,
        is_list: bool,
    ) -> QueryLine:
        name = identifier(self.path, self.number, self.record, ("id",)) if "id" in self.record else None
        licence, source = self._optional("licence", "license"), self._optional("source")
        return QueryLine(self.number, query, texts, names, grades, scores, is_list, name, licence, source)

    def _several(self, key: str) -> list[Any]:
        given = self.record[key]
        if isinstance(given, list):
            return given
        return [] if given is None else [given]

    def _documents(self, key: str, given: Sequence[Any]) -> tuple[tuple[str, ...], tuple[str | None, ...]]:
        texts: list[str] = []
        names: list[str | None] = []
        for position, document in enumerate(given):
            name, text = None, document
            if isinstance(document, Mapping):
                text = joined_text(self.path, self.number, document, "text")
                if document.keys() & {*IDS}:
                    name = identifier(self.path, self.number, document, ("id", "_id"))
            if not isinstance(text, str):
                at = f"[{position}]" if isinstance(self.record[key], list) else ""
                what = f"{key}{at}" if at else repr(key)
                raise self._fault(f"{what} is of type {type(text).__name__}, not text.")
            if name is not None and name in names:
                raise self._fault(f"two documents have the id {name!r}.")
            texts.append(text)
            names.append(name)
        return tuple(texts), tuple(names)

    def _relevant(self, names: Sequence[str | None]) -> tuple[float, ...]:
        given = self.record["relevant"]
        if not isinstance(given, list | dict):
            raise self._fault("'relevant' is absent or no list.", _RELEVANT_HINT)
        pairs = given.items() if isinstance(given, dict) else [(name, 1) for name in given]
        grades = [0.0] * len(names)
        for name, grade in pairs:
            if not _is_number(grade):
                raise self._fault(f"the grade of {name!r} is no number.", _RELEVANT_HINT)
            grades[self._position(name, names)] = float(grade)
        return tuple(grades)

    def _position(self, name: Any, names: Sequence[str | None]) -> int:
        if isinstance(name, str) and name in names:
            return names.index(name)
        position = int(name) if isinstance(name, str) and name.isdecimal() else name
        if isinstance(position, int) and not isinstance(position, bool) and 0 <= position < len(names):
            return position
        what = f"'relevant' names {name!r}, which is none of its {len(names)} documents."
        raise self._fault(what, _RELEVANT_HINT)

    def _numbers(self, key: str, count: int) -> tuple[float, ...] | None:
        given = self.record.get(key)
        if given is None:
            return None
        if not isinstance(given, list) or not all(map(_is_number, given)):
            raise self._fault(f"{key!r} is no list of numbers.")
        if len(given) != count:
            raise self._fault(f"{len(given)} {key} for {count} documents.")
        return tuple(map(float, given))

    def _optional(self, *keys: str) -> str | None:
        return next((str(self.record[key]) for key in keys if self.record.get(key)), None)

    def _fault(self, what: str, hint: str = FORMS_HINT) -> InvalidDataError:
        return fault(self.path, self.number, what, hint=hint)


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer of hundreds of digits
        return False
