"""Scores into answers: what makes any model's ranking checked, sorted and cut."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from localrank.contract.errors import InvalidResponseError
from localrank.contract.model import AnyReranker, DoRerankOptions, DoRerankResult, ScoredIndex
from localrank.contract.types import RankedDocument, RerankResponse, RerankUsage, RerankWarning
from localrank.providers.unscored import (
    UNSCORED,
    UNSCORED_TIER,
    RestUnscored,
    scored_part,
    unscored,
    unscored_warning,
)

__all__ = [
    "UNSCORED",
    "UNSCORED_TIER",
    "RestUnscored",
    "checked",
    "is_scored",
    "scored_part",
    "sort_and_cut",
    "unscored",
    "unscored_warning",
]

_INDEX, _SCORE, _TIER = map(operator.attrgetter, ("index", "score", "tier"))


def sort_and_cut(results: Iterable[ScoredIndex], top_k: int | None) -> list[ScoredIndex]:
    """Return `results` sorted by (tier, −score, index) and cut to `top_k`."""
    ranked = sorted(results, key=_INDEX)  # three stable sorts by one number each take a fifth of one by three
    ranked.sort(key=_SCORE, reverse=True)
    ranked.sort(key=_TIER)
    return ranked[:top_k]


def checked(answer: object, *, model: AnyReranker, options: DoRerankOptions) -> DoRerankResult:
    """Return `answer` with valid, sorted results, cut to `options.top_k`; indexes become `int`, scores `float`.

    A ranking that leaves documents out is passed on with the warning `incomplete_ranking`.

    Raises:
        InvalidResponseError: Wrong type, an index out of range or twice, or a score that is no finite real number.
    """
    if not isinstance(answer, DoRerankResult):
        _refuse(model, f"returned {type(answer).__name__} instead of DoRerankResult")
    _refuse_wrong_parts(answer, model)
    count = len(options.documents)
    given = answer.results.scored if isinstance(answer.results, RestUnscored) else answer.results
    ranked: Sequence[ScoredIndex] = sort_and_cut(_valid_items(given, count, model), options.top_k)
    if isinstance(answer.results, RestUnscored):
        ranked = RestUnscored(ranked, count, options.top_k, answer.results.scored_count)
    wanted = count if options.top_k is None else min(options.top_k, count)
    warnings: Sequence[RerankWarning] = tuple(answer.warnings)
    if len(ranked) < wanted:
        warnings = (*warnings, _incomplete(len(ranked), wanted))
    return replace(answer, results=ranked, warnings=warnings)


def is_scored(ranked: RankedDocument[Any]) -> bool:
    """Return whether the model scored this document, rather than leave it in the caller's order (after a deadline, for one)."""
    return ranked.metadata.get("scored") is not False


def _refuse_wrong_parts(answer: DoRerankResult, model: AnyReranker) -> None:
    parts: tuple[tuple[str, object, type], ...] = (
        ("results", answer.results, Iterable),
        ("warnings", answer.warnings, Iterable),
        ("usage", answer.usage or RerankUsage(), RerankUsage),
        ("provider_metadata", answer.provider_metadata or {}, Mapping),
        ("response", answer.response or RerankResponse(""), RerankResponse),
    )
    for name, value, wanted in parts:
        if not isinstance(value, wanted):
            _refuse(model, f"returned {name} of type {type(value).__name__} instead of {wanted.__name__}")


def _valid_items(results: Iterable[Any], count: int, model: AnyReranker) -> list[ScoredIndex]:
    seen = bytearray(count)
    items: list[ScoredIndex] = []
    for given in results:
        item = given if _is_plain(given, count) else _mended(given, count, model)
        if seen[item.index]:
            _refuse(model, f"returned index {item.index} twice")
        seen[item.index] = 1
        items.append(item)
    return items


def _is_plain(item: Any, count: int) -> bool:
    """Return whether `item` is as nearly all are, so that nothing more need be looked at."""
    return (
        type(item) is ScoredIndex
        and type(item.index) is int
        and 0 <= item.index < count
        and type(item.score) is float
        and math.isfinite(item.score)
        and (item.score != 0 or math.copysign(1, item.score) > 0)
        and type(item.tier) is int
        and (item.metadata is None or type(item.metadata) is dict)
    )


def _mended(item: Any, count: int, model: AnyReranker) -> ScoredIndex:
    """Return `item` with a plain index and score, or refuse it."""
    if not isinstance(item, ScoredIndex):
        _refuse(model, f"returned {type(item).__name__} among the results instead of ScoredIndex")
    index, score = _valid_index(item.index, count, model), _valid_score(item, model)
    if not isinstance(item.tier, int):
        _refuse(model, f"returned the tier {item.tier!r} for index {index}, which is no integer")
    if item.metadata is not None and not isinstance(item.metadata, Mapping):
        _refuse(model, f"returned metadata of type {type(item.metadata).__name__} for index {index}")
    return replace(item, index=index, score=score, metadata=_metadata(item.metadata, index, model))


def _metadata(given: Mapping[str, Any] | None, index: int, model: AnyReranker) -> dict[str, Any] | None:
    try:
        return None if given is None else dict(given)
    except Exception as error:
        _refuse(model, f"returned metadata for index {index} that cannot be read ({type(error).__name__})")


def _valid_index(index: Any, count: int, model: AnyReranker) -> int:
    if isinstance(index, bool) or not hasattr(index, "__index__"):
        _refuse(model, f"returned the index {index!r}, which is no integer")
    try:
        position = operator.index(index)
    except TypeError:  # an array of several numbers has the method too
        _refuse(model, f"returned an index of type {type(index).__name__}, which is no integer")
    if not 0 <= position < count:
        _refuse(model, f"returned index {position} for {count} documents")
    return position


def _valid_score(item: ScoredIndex, model: AnyReranker) -> float:
    score: Any = item.score
    if type(score) is not float:
        if isinstance(score, (bool, str, bytes)) or not hasattr(score, "__float__"):
            _refuse(model, f"returned a score of type {type(score).__name__} for index {item.index}")
        try:
            score = float(score)
        except (TypeError, ValueError, ArithmeticError, RuntimeError):
            _refuse(model, f"returned a score that is no one number for index {item.index}")
    if not math.isfinite(score):
        _refuse(model, f"returned the score {score} for index {item.index}")
    return score or 0.0


def _incomplete(given: int, wanted: int) -> RerankWarning:
    return RerankWarning(
        "incomplete_ranking", f"The model ranked {given} of the {wanted} documents asked for."
    )


def _refuse(model: AnyReranker, what: str) -> NoReturn:
    raise InvalidResponseError(
        f"The model {model.provider}:{model.model_id} {what}.",
        hint="A ranking holds ScoredIndex items with unique indexes in range and finite scores.",
    )
