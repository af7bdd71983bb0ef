"""Training data from files and folders, in every form that `localrank evaluate` reads too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from localrank.contract.errors import InvalidDataError
from localrank.providers.data.folders import read_folder
from localrank.providers.data.query_lines import FORMS_HINT, query_lines
from localrank.providers.lines import fault
from localrank_transformers.training.data.lists import TrainingList, join_pairs

__all__ = ["DEVELOPMENT", "TRAINING", "read_lists"]

TRAINING = ("train",)
"""Of a folder's judgements, those to learn from: never those that a benchmark is measured on."""

DEVELOPMENT = ("dev", "validation", "valid", "test")
"""Those to measure on, the first there is."""


def read_lists(paths: Sequence[Path], *, splits: Sequence[str] = TRAINING) -> list[TrainingList]:
    """Read training lists; the documents of equal queries come together.

    Args:
        paths: Files of JSON Lines (also as `.gz`) or Parquet, and folders in BEIR's or the hub's layout.
        splits: Whose judgements of a folder are read, the first there is.

    Raises:
        InvalidDataError: A file is absent or empty, or a line is none of the known forms; names file and line.
        MissingDependencyError: Parquet without pyarrow.
    """
    lists: list[TrainingList] = []
    for path in paths:
        own = list(_judged(path, splits) if path.is_dir() else _lines(path))
        if not own:
            raise InvalidDataError(f"{path} holds no training data.", hint=FORMS_HINT)
        lists += own
    return join_pairs(lists)


def _lines(path: Path) -> Iterator[TrainingList]:
    for line in query_lines(path):
        if line.grades is not None and min(line.grades) < 0:
            what, hint = f"A label is {min(line.grades):g}.", "0 means irrelevant; grades are above it."
            raise fault(path, line.line, what, hint=hint)
        example = TrainingList(
            line.query, line.documents, line.grades, line.scores, line.licence, line.source
        )
        yield _distinct(example)


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


def _judged(folder: Path, splits: Sequence[str]) -> Iterator[TrainingList]:
    found = read_folder(folder, splits)
    where = ", ".join(map(str, found.judged_in))
    for query, grades in found.grades.items():
        if query not in found.queries:
            raise InvalidDataError(f"{where}: there is no query {query!r}.")
        absent = next((document for document in grades if document not in found.documents), None)
        if absent is not None:
            raise InvalidDataError(f"{where}: there is no document {absent!r}, judged for query {query!r}.")
        for document, grade in grades.items():
            yield TrainingList(
                found.queries[query], (found.documents[document],), (max(grade, 0.0),), source=folder.name
            )
