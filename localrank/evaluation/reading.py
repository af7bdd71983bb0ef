"""Collections from files: a folder in BEIR's or the hub's layout, TREC's files, or a file of queries with documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from localrank.contract.errors import InvalidDataError
from localrank.evaluation.collection import Collection
from localrank.providers.annotations import check_types
from localrank.providers.arguments import check_path
from localrank.providers.data.folders import read_folder, texts_by_id
from localrank.providers.data.judgements import Grades, judgements
from localrank.providers.data.query_lines import FORMS_HINT, QueryLine, query_lines
from localrank.providers.data.rows import is_records
from localrank.providers.lines import fault, numbered_lines

__all__ = ["load_beir", "load_jsonl", "load_trec", "read_qrels"]

_SPLITS = ("test", "dev", "train")


def load_beir(path: str | Path, *, split: str | None = None, qrels: str | Path | None = None) -> Collection:
    """Read a folder in BEIR's layout, or in that of a data set of the hub.

    Args:
        path: The folder with `corpus.jsonl` (`_id`, `text`, an optional `title` put before it), `queries.jsonl` (`_id`, `text`)
            and `qrels/`; or with folders `corpus`, `queries` and `qrels` of Parquet or JSON Lines files, as NanoBEIR,
            HAKARI-Bench and MTEB have them, and perhaps folders of candidates such as `bm25`.
        split: Whose judgements are read; None takes the first there is of test, dev and train, or the only one.
        qrels: Judgements from another file, in BEIR's or TREC's columns.

    Raises:
        InvalidDataError: A file that is absent or has a wrong line, or several collections and no split.
        MissingDependencyError: Parquet without pyarrow.
    """
    check_types(locals(), load_beir)
    found = read_folder(
        check_path("path", path),
        _SPLITS if split is None else (split,),
        qrels=None if qrels is None else check_path("qrels", qrels),
        any_split=split is None,
        whole=True,
    )
    return Collection(
        found.name, found.queries, found.documents, _whole(found.grades), first_stages=found.candidates
    )


def load_trec(
    queries: str | Path, documents: str | Path, qrels: str | Path, *, name: str | None = None
) -> Collection:
    """Read a collection from three files.

    Args:
        queries: `id<TAB>text` a line, or JSON Lines or Parquet with `_id` (or `id`) and `text`.
        documents: The same; records may have a `title`, which is put before the text.
        qrels: TREC's four columns `query 0 document grade`, or BEIR's three.
        name: For reports; by default the name of the qrels file.

    Raises:
        InvalidDataError: A file that cannot be read, with the line.
    """
    check_types(locals(), load_trec)
    judged = check_path("qrels", qrels)
    return Collection(
        name or judged.stem,
        _texts(check_path("queries", queries)),
        _texts(check_path("documents", documents)),
        read_qrels(judged),
    )


def _texts(path: Path) -> dict[str, str]:
    """Return id → text of a file of records, or of one with `id<TAB>text` lines.

    Raises:
        InvalidDataError: A line of another form, or an id for the second time.
    """
    if is_records(path):
        return texts_by_id([path], "text")
    texts: dict[str, str] = {}
    for number, line in numbered_lines(path):
        key, tab, text = line.partition("\t")
        key = key.strip()
        if not tab:
            raise fault(path, number, "no tab between id and text.")
        if not key or any(mark.isspace() for mark in key):
            hint = "A TREC run separates by spaces."
            raise fault(path, number, f"the id {key!r} is empty or has a space in it.", hint=hint)
        if key in texts:
            raise fault(path, number, f"the id {key!r} is there for the second time.")
        texts[key] = text
    return texts


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Return query id → document id → grade of `query 0 document grade` or `query document grade` lines.

    A first line whose grade is a word, as BEIR's files have it, is a heading.

    Raises:
        InvalidDataError: A line of another form, or a pair judged twice with two grades.
    """
    check_types(locals(), read_qrels)
    return _whole(judgements(check_path("path", path), whole=True))


def _whole(grades: Grades) -> dict[str, dict[str, int]]:
    return {query: {key: int(grade) for key, grade in own.items()} for query, own in grades.items()}


def load_jsonl(path: str | Path) -> Collection:
    """Read queries with documents from JSON Lines or Parquet, in any of the forms that training reads too.

    - `query`, `documents` (texts, or objects with `text` and optionally `title` and `id`), and `relevant` (positions from 0, or
      ids, or an object from one of these to a grade) or `labels` (a grade a document): each query has its own candidates;
    - `query`, `positive` and perhaps `negatives`; or `query`, `document` and `label`, a pair a line: what is said of one query
      comes together, and equal texts are one document. Where no query lacks a document that is not relevant, each has its own
      candidates; else every query is asked of all documents.

    Queries without `id` are called `q` and the number of the line, documents without one after the line and the position, such
    as `1.0`. An id that comes back in another line must stand for the same text.

    Raises:
        InvalidDataError: A line of another form, or one that does not say what is relevant.
    """
    check_types(locals(), load_jsonl)
    file = check_path("path", path)
    gathered = _Gathered(file)
    for line in query_lines(file):
        gathered.add(line)
    return gathered.collection()


@dataclass(slots=True)
class _Gathered:
    """What the lines of a file say, by query."""

    path: Path
    queries: dict[str, str] = field(default_factory=dict[str, str])
    documents: dict[str, str] = field(default_factory=dict[str, str])
    grades: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    lists: int = 0
    _by_text: dict[str, str] = field(default_factory=dict[str, str])
    _by_query: dict[str, str] = field(default_factory=dict[str, str])

    def add(self, line: QueryLine) -> None:
        """Take in what a line says.

        Raises:
            InvalidDataError: It does not say what is relevant, or an id stands for two things.
        """
        if line.grades is None:
            what = "'documents' without 'relevant' or 'labels': which of them are relevant is not said."
            raise fault(self.path, line.line, what, hint=FORMS_HINT)
        self.lists += line.is_list
        query = self._query(line)
        own = self.grades.setdefault(query, {})
        for key, grade in zip(self._named(line), line.grades, strict=True):
            if not grade.is_integer():
                raise fault(self.path, line.line, f"the grade {grade:g} is no whole number.")
            own[key] = max(int(grade), own.get(key, int(grade)))

    def _query(self, line: QueryLine) -> str:
        if not line.is_list and line.query in self._by_query:
            return self._by_query[line.query]
        name = line.name or f"q{line.line}"
        if name in self.queries:
            raise fault(self.path, line.line, f"the id {name!r} is there for the second time.")
        self.queries[name] = line.query
        if not line.is_list:
            self._by_query[line.query] = name
        return name

    def _named(self, line: QueryLine) -> Iterator[str]:
        for position, (name, text) in enumerate(zip(line.names, line.documents, strict=True)):
            key = name or f"{line.line}.{position}"
            if name is None and not line.is_list:
                key = self._by_text.setdefault(text, key)
            if self.documents.setdefault(key, text) != text:
                raise fault(self.path, line.line, f"the document id {key!r} stood for another text before.")
            yield key

    def collection(self) -> Collection:
        """Return the collection of all lines.

        Raises:
            InvalidDataError: There was none.
        """
        if not self.queries:
            raise InvalidDataError(f"{self.path} is empty.", hint=FORMS_HINT)
        whole = self.lists == len(self.queries) or all(
            min(grades.values()) <= 0 < max(grades.values()) for grades in self.grades.values()
        )
        remarks: tuple[str, ...] = ()
        if not whole and self.lists:
            remarks = (
                f"{len(self.queries) - self.lists} of {len(self.queries)} queries name no candidates, "
                "so all are asked of all documents.",
            )
        pools: dict[str, Sequence[str]] = {query: list(own) for query, own in self.grades.items()}
        return Collection(
            self.path.stem, self.queries, self.documents, self.grades, pools if whole else {}, remarks
        )
