"""Two models' ranks of the same documents, side by side."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import click

from localrank.cli.output import note, warn_of, writing
from localrank.cli.ranking import RankRequest, place_of, rank, record_of, spent
from localrank.cli.reading import InputDocument
from localrank.cli.tables import Output, print_records
from localrank.cli.terminal import Row, console, moved, show_rows
from localrank.contract.errors import InvalidRequestError
from localrank.contract.types import RankedDocument, RerankResult
from localrank.providers.registry import resolve
from localrank.providers.unscored import is_scored

__all__ = ["compare", "two_models"]

_COMMA = re.compile(r",(?![^()]*\))")


@dataclass(frozen=True, slots=True)
class Pair:
    """One document as two models place it."""

    first: RankedDocument[InputDocument]
    second: RankedDocument[InputDocument]


def two_models(text: str) -> tuple[str, str]:
    """Return the two names of `A,B`; a comma inside brackets belongs to a name.

    Raises:
        UsageError: There are not two different ones.
    """
    names = [name.strip() for name in _COMMA.split(text)]
    if len(names) != 2 or not all(names) or names[0] == names[1]:
        raise click.UsageError(f"--compare takes two models with a comma between them, not {text!r}.")
    return names[0], names[1]


def _check(name: str) -> None:
    """Refuse what is no name of a model, as the option that holds it."""
    try:
        resolve(name)
    except InvalidRequestError as error:
        said = re.sub(r"^model is (?=['\"])", "--compare names ", str(error))
        raise click.UsageError(said) from None


def compare(names: tuple[str, str], request: RankRequest, *, output: Output | None) -> None:
    """Rank with both models and print, in the first one's order, what either has among its best `top_k`.

    Args:
        names: The models.
        request: What is asked of both; `threshold` counts for either score.
        output: What is printed; None means a table for a person.
    """
    for name in names:
        _check(name)
    results = [rank(name, replace(request, top_k=None, threshold=None)) for name in names]
    for result in results:
        warn_of(result)
    pairs = list(_pairs(results[0], results[1], request))
    if output is None:
        _show(names, results, pairs, request)
    else:
        print_records((_record(names, pair, request) for pair in pairs), output)


def _pairs(
    first: RerankResult[InputDocument], second: RerankResult[InputDocument], request: RankRequest
) -> Iterator[Pair]:
    by_index = {ranked.index: ranked for ranked in second}
    for ranked in first:
        if ranked.index not in by_index:
            continue
        pair = Pair(ranked, by_index[ranked.index])
        both = (pair.first, pair.second)
        near = request.top_k is None or min(ranked.rank for ranked in both) <= request.top_k
        high = request.threshold is None or any(
            is_scored(ranked) and ranked.score >= request.threshold for ranked in both
        )
        if near and high:
            yield pair


def _record(names: Sequence[str], pair: Pair, request: RankRequest) -> dict[str, Any]:
    both = (pair.first, pair.second)
    return {
        **record_of(pair.first, request),
        "ranks": {name: ranked.rank for name, ranked in zip(names, both, strict=True)},
        "scores": {name: ranked.score for name, ranked in zip(names, both, strict=True)},
    }


def _show(
    names: Sequence[str],
    results: Sequence[RerankResult[InputDocument]],
    pairs: Sequence[Pair],
    request: RankRequest,
) -> None:
    rows = [
        Row(
            (str(pair.first.rank), str(pair.second.rank), moved(pair.first.rank, pair.second.rank, same="=")),
            pair.first.score if is_scored(pair.first) else None,
            pair.first.document.text,
            place_of(pair.first.document),
        )
        for pair in pairs
    ]
    with writing():
        show_rows(console(), request.query, rows, results[0].score_kind, lines=2)
    for column, (name, result) in enumerate(zip(names, results, strict=True), 1):
        note(f"rank {column}: {name}, {spent(result)}.")
    note(_agreement(results))


def _agreement(results: Sequence[RerankResult[InputDocument]], best: int = 10) -> str:
    best = min(best, len(results[0]))
    common = {ranked.index for ranked in results[0][:best]} & {ranked.index for ranked in results[1][:best]}
    same = "the same" if results[0][0].index == results[1][0].index else "different"
    return f"{same} first place; {len(common)} of the best {best} in common."
