"""TREC runs: rankings of any other tool, read for each query."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from localrank.contract.errors import InvalidDataError
from localrank.providers.annotations import check_types
from localrank.providers.lines import fault, numbered_lines

__all__ = ["Run", "read_run"]

Run = Mapping[str, list[tuple[str, float]]]
"""Query id → (document id, score), best first."""


def read_run(path: Path) -> dict[str, list[tuple[str, float]]]:
    """Return the ranking of each query of a TREC run, by falling score; equal scores keep the order of the file.

    Raises:
        InvalidDataError: A line without the six columns `query Q0 document rank score tag`, a score that is no number, or a
            document that is ranked twice for a query.
    """
    check_types(locals(), read_run)
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
        raise InvalidDataError(
            f"{path} holds no ranking.", hint="A line of a TREC run is: query Q0 document rank score tag."
        )
    return {query: sorted(ranking.items(), key=lambda pair: -pair[1]) for query, ranking in run.items()}
