"""Collections from files: a BEIR folder, TREC's files, or JSON Lines of queries with their own documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from localrank.contract.errors import InvalidRequestError
from localrank.evaluation.collection import Collection
from localrank.providers.arguments import check_path
from localrank.providers.lines import fault, json_objects, numbered_lines

__all__ = ["Run", "load_beir", "load_jsonl", "load_trec", "read_qrels", "read_run"]

_SPLITS = ("test", "dev", "train")


def load_beir(path: str | Path, *, split: str | None = None, qrels: str | Path | None = None) -> Collection:
    """Read a BEIR folder.

    Args:
        path: The folder with `corpus.jsonl` (`_id`, `text`, an optional `title` put before it), `queries.jsonl` (`_id`, `text`)
            and `qrels/`.
        split: The file in `qrels/` without its ending; None takes the first there is of test, dev and train.
        qrels: Judgements from another file, in BEIR's or TREC's columns.

    Raises:
        InvalidRequestError: A file that is absent or has a wrong line.
    """
    folder = check_path("path", path)
    for name in ("corpus.jsonl", "queries.jsonl"):
        if not (folder / name).is_file():
            raise InvalidRequestError(
                f"{folder} has no {name}.",
                hint="A BEIR folder holds corpus.jsonl, queries.jsonl and qrels/test.tsv.",
            )
    judged = _qrels_file(folder, split) if qrels is None else Path(qrels)
    return Collection(
        folder.resolve().name,
        _read_texts(folder / "queries.jsonl"),
        _read_texts(folder / "corpus.jsonl"),
        read_qrels(judged),
    )


def _qrels_file(folder: Path, split: str | None) -> Path:
    files = {path.stem: path for path in sorted((folder / "qrels").glob("*.tsv"))}
    wanted = [split] if split is not None else [*_SPLITS, *files]
    for name in wanted:
        if name in files:
            return files[name]
    there = f"There are {', '.join(files)}." if files else "The folder qrels/ is absent or has no .tsv file."
    raise InvalidRequestError(f"{folder} has no judgements {wanted[0]!r}.", hint=there)


Run = Mapping[str, list[tuple[str, float]]]
"""Query id → (document id, score), best first."""


def load_trec(
    queries: str | Path, documents: str | Path, qrels: str | Path, *, name: str | None = None
) -> Collection:
    """Read a collection from three files.

    Args:
        queries: `id<TAB>text` a line, or JSON Lines with `_id` (or `id`) and `text`.
        documents: The same; JSON Lines may have a `title`, which is put before the text.
        qrels: TREC's four columns `query 0 document grade`, or BEIR's three.
        name: For reports; by default the name of the qrels file.

    Raises:
        InvalidRequestError: A file that cannot be read, with the line.
    """
    judgements = Path(qrels)
    return Collection(
        name or judgements.stem,
        _read_texts(Path(queries)),
        _read_texts(Path(documents)),
        read_qrels(judgements),
    )


def _read_texts(path: Path) -> dict[str, str]:
    """Return id → text of a `.jsonl` file, or of a file with `id<TAB>text` lines.

    Raises:
        InvalidRequestError: A line of another form, or an id for the second time.
    """
    texts: dict[str, str] = {}
    if path.suffix == ".jsonl":
        pairs = (
            (number, _identifier(path, number, record, "_id", "id"), _joined_text(path, number, record))
            for number, record in json_objects(path)
        )
    else:
        pairs = ((number, *_id_and_text(path, number, line)) for number, line in numbered_lines(path))
    for number, key, text in pairs:
        if key in texts:
            raise fault(path, number, f"the id {key!r} is there for the second time.")
        texts[key] = text
    return texts


def _id_and_text(path: Path, number: int, line: str) -> tuple[str, str]:
    key, tab, text = line.partition("\t")
    if not tab:
        raise fault(path, number, "no tab between id and text.")
    record = {"_id": key.strip(), "text": text}
    return _identifier(path, number, record, "_id"), _text_of(path, number, record, "text")


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Return query id → document id → grade of `query 0 document grade` or `query document grade` lines.

    A first line whose grade is a word, as BEIR's files have it, is a heading.

    Raises:
        InvalidRequestError: A line of another form, or a pair judged twice with two grades.
    """
    judgements: dict[str, dict[str, int]] = {}
    for number, line in numbered_lines(path):
        cells = line.split()
        if len(cells) not in {3, 4}:
            raise fault(
                path,
                number,
                f"{len(cells)} columns.",
                hint="Judgements have `query document grade`, or `query 0 document grade`.",
            )
        query, document, grade = cells[0], cells[-2], cells[-1]
        try:
            value = int(grade)
        except ValueError:
            if not judgements and number == 1:
                continue
            raise fault(path, number, f"the grade {grade!r} is no whole number.") from None
        of_query = judgements.setdefault(query, {})
        if of_query.setdefault(document, value) != value:
            raise fault(
                path,
                number,
                f"query {query!r} and document {document!r} were judged {of_query[document]} before.",
            )
    if not judgements:
        raise InvalidRequestError(f"{path} holds no judgement.")
    return judgements


def read_run(path: Path) -> dict[str, list[tuple[str, float]]]:
    """Return the ranking of each query of a TREC run, by falling score; equal scores keep the order of the file.

    Raises:
        InvalidRequestError: A line without the six columns `query Q0 document rank score tag`, a score that is no number, or a
            document that is ranked twice for a query.
    """
    run: dict[str, dict[str, float]] = {}
    for number, line in numbered_lines(path):
        cells = line.split()
        if len(cells) != 6:
            raise fault(
                path, number, f"{len(cells)} columns.", hint="A run has `query Q0 document rank score tag`."
            )
        query, _, document, _, text, _ = cells
        try:
            score = float(text)
        except ValueError:
            score = float("nan")
        if score != score:  # noqa: PLR0124 - nan
            raise fault(path, number, f"the score {text!r} is no number.")
        ranking = run.setdefault(query, {})
        if document in ranking:
            raise fault(path, number, f"document {document!r} is ranked twice for query {query!r}.")
        ranking[document] = score
    if not run:
        raise InvalidRequestError(f"{path} holds no ranking.")
    return {query: sorted(ranking.items(), key=lambda pair: -pair[1]) for query, ranking in run.items()}


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
    file = check_path("path", path)
    queries: dict[str, str] = {}
    documents: dict[str, str] = {}
    judgements: dict[str, dict[str, int]] = {}
    pools: dict[str, list[str]] = {}
    for number, record in json_objects(file):
        query = _identifier(file, number, record, "id") if "id" in record else f"q{number}"
        if query in queries:
            raise fault(file, number, f"the id {query!r} is there for the second time.")
        queries[query] = _text_of(file, number, record, "query")
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
            text = _joined_text(path, line, document)
            key = _identifier(path, line, document, "id", "_id") if document.keys() & {"id", "_id"} else key
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


def _text_of(path: Path, line: int, record: Mapping[str, Any], key: str) -> str:
    """Return the text under `key`.

    Raises:
        InvalidRequestError: It is absent or no text.
    """
    if key not in record:
        raise fault(path, line, f"there is no {key!r}.", hint=f"The keys are {', '.join(map(repr, record))}.")
    value = record[key]
    if not isinstance(value, str):
        raise fault(path, line, f"{key!r} is of type {type(value).__name__}, not text.")
    return value


def _identifier(path: Path, line: int, record: Mapping[str, Any], *keys: str) -> str:
    """Return the id under the first of `keys` that is there; a whole number counts as its digits.

    Raises:
        InvalidRequestError: There is none, or it is neither text nor a whole number.
    """
    key = next((key for key in keys if key in record), keys[0])
    value = record.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    name = _text_of(path, line, record, key)
    if not name or any(mark.isspace() for mark in name):
        raise fault(
            path,
            line,
            f"the id {name!r} is empty or has a space in it.",
            hint="A TREC run separates by spaces.",
        )
    return name


def _joined_text(path: Path, line: int, record: Mapping[str, Any]) -> str:
    """Return title and text of a document as one text, a space between them as BEIR's own code has it."""
    title = record.get("title") or ""
    if not isinstance(title, str):
        raise fault(path, line, f"'title' is of type {type(title).__name__}, not text.")
    return f"{title} {_text_of(path, line, record, 'text')}".strip()
