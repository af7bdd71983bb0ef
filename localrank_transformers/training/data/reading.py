"""Training data from files: JSON Lines of pairs, triplets or lists, and BEIR folders."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from localrank.contract.errors import InvalidRequestError
from localrank.providers.lines import fault, json_objects, numbered_lines
from localrank_transformers.training.data.lists import TrainingList, join_pairs

__all__ = ["read_lists"]

_FORMS = (
    'Write one JSON object a line: {"query", "positive", "negatives"?}, {"query", "document", "label"} or '
    '{"query", "documents", "labels"?, "scores"?}.'
)


def read_lists(paths: Sequence[Path], *, split: str = "train") -> list[TrainingList]:
    """Read training lists; the documents of equal queries come together.

    Args:
        paths: `.jsonl` files, also as `.jsonl.gz`, and BEIR folders.
        split: The file in `qrels/` of a BEIR folder.

    Raises:
        InvalidRequestError: A file is absent or empty, or a line is none of the known forms; names file and line.
    """
    lists: list[TrainingList] = []
    for path in paths:
        own = list(_read_beir(path, split) if path.is_dir() else _read_lines(path))
        if not own:
            raise InvalidRequestError(f"{path} holds no training data.", hint=_FORMS)
        lists += own
    return join_pairs(lists)


def _read_lines(path: Path) -> Iterator[TrainingList]:
    for number, record in json_objects(path, hint=_FORMS):
        try:
            yield _parsed(record)
        except InvalidRequestError as error:
            raise fault(path, number, str(error), hint=_FORMS) from None


def _parsed(record: Mapping[str, Any]) -> TrainingList:
    query = _text(record, "query")
    if "documents" in record:
        documents = _texts(record, "documents")
        labels, scores = _numbers(record, "labels"), _numbers(record, "scores")
    elif "positive" in record or "passage" in record:
        positive = _text(record, "positive" if "positive" in record else "passage")
        negatives = [text for text in _texts(record, "negatives") if text != positive]
        documents = [positive, *negatives]
        labels, scores = (1.0, *[0.0] * len(negatives)), None
    else:
        documents, labels, scores = [_text(record, "document")], _label(record), None
    licence, source = _optional(record, "licence", "license"), _optional(record, "source")
    return _distinct(TrainingList(query, tuple(documents), labels, scores, licence, source))


def _distinct(example: TrainingList) -> TrainingList:
    """Keep the first of equal texts, with the highest of their labels."""
    firsts = {text: index for index, text in reversed(list(enumerate(example.documents)))}
    kept = example.at(sorted(firsts.values()))
    if example.labels is None:
        return kept
    highest: dict[str, float] = {}
    for text, label in zip(example.documents, example.labels, strict=True):
        highest[text] = max(label, highest.get(text, label))
    return replace(kept, labels=tuple(highest[text] for text in kept.documents))


def _read_beir(folder: Path, split: str) -> Iterator[TrainingList]:
    for name in ("corpus.jsonl", "queries.jsonl", f"qrels/{split}.tsv"):
        if not (folder / name).is_file():
            raise InvalidRequestError(
                f"{folder} has no {name}.",
                hint=f"A BEIR folder holds corpus.jsonl, queries.jsonl and qrels/{split}.tsv.",
            )
    corpus = _texts_by_id(folder / "corpus.jsonl")
    queries = _texts_by_id(folder / "queries.jsonl")
    path = folder / "qrels" / f"{split}.tsv"
    for number, line in numbered_lines(path):
        row = line.split("\t")
        if number == 1 and not row[-1].strip().lstrip("-").isdigit():
            continue  # the header
        try:
            query, document, grade = _judgement(row, queries, corpus)
        except InvalidRequestError as error:
            hint = "A line is: query id, document id, grade, with tabs between."
            raise fault(path, number, str(error), hint=hint) from None
        yield TrainingList(query, (document,), (max(grade, 0.0),), source=folder.name)


def _judgement(
    row: Sequence[str], queries: Mapping[str, str], corpus: Mapping[str, str]
) -> tuple[str, str, float]:
    if len(row) != 3:
        raise InvalidRequestError(f"{len(row)} columns.")
    query, document, grade = row
    if query not in queries:
        raise InvalidRequestError(f"there is no query {query!r}.")
    if document not in corpus:
        raise InvalidRequestError(f"there is no document {document!r}.")
    try:
        value = float(grade)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InvalidRequestError(f"the grade {grade!r} is no number.")
    return queries[query], corpus[document], value


def _texts_by_id(path: Path) -> dict[str, str]:
    """Return id → title and text of each line; a text may be empty, as some of BEIR's are."""
    texts: dict[str, str] = {}
    for number, record in json_objects(path):
        for key in ("_id", "text"):
            if not isinstance(record.get(key), (str, int) if key == "_id" else str):
                raise fault(path, number, f"{key!r} is no text.")
        texts[str(record["_id"])] = " ".join(filter(None, (str(record.get("title") or ""), record["text"])))
    return texts


def _text(record: Mapping[str, Any], key: str) -> str:
    text = record.get(key)
    if not isinstance(text, str) or not text.strip():
        raise InvalidRequestError(f"{key!r} is no text.")
    return text


def _texts(record: Mapping[str, Any], key: str) -> list[str]:
    texts = record.get(key) or []
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise InvalidRequestError(f"{key!r} is no list of texts.")
    return texts


def _numbers(record: Mapping[str, Any], key: str) -> tuple[float, ...] | None:
    numbers = record.get(key)
    if numbers is None:
        return None
    if not isinstance(numbers, list) or not all(isinstance(number, (int, float)) for number in numbers):
        raise InvalidRequestError(f"{key!r} is no list of numbers.")
    return tuple(map(float, numbers))


def _label(record: Mapping[str, Any]) -> tuple[float, ...]:
    label = record.get("label")
    if not isinstance(label, (int, float)):
        raise InvalidRequestError("'label' is no number.")
    return (float(label),)


def _optional(record: Mapping[str, Any], *keys: str) -> str | None:
    return next((str(record[key]) for key in keys if record.get(key)), None)
