"""TREC's files: judgements (qrels), runs, and topics and documents as lines of id and text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from localrank.contract.errors import InvalidRequestError
from localrank.evaluation.collection import Collection
from localrank.evaluation.lines import identifier, joined_text, text_of
from localrank.providers.lines import fault, json_objects, numbered_lines

__all__ = ["Run", "load_trec", "read_qrels", "read_run", "read_texts"]

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
        read_texts(Path(queries)),
        read_texts(Path(documents)),
        read_qrels(judgements),
    )


def read_texts(path: Path) -> dict[str, str]:
    """Return id → text of a `.jsonl` file, or of a file with `id<TAB>text` lines.

    Raises:
        InvalidRequestError: A line of another form, or an id for the second time.
    """
    texts: dict[str, str] = {}
    if path.suffix == ".jsonl":
        pairs = (
            (number, identifier(path, number, record, "_id", "id"), joined_text(path, number, record))
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
    return identifier(path, number, record, "_id"), text_of(path, number, record, "text")


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
    return {query: sorted(found.items(), key=lambda pair: -pair[1]) for query, found in run.items()}
