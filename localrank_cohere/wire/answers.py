"""An answer of any dialect: a JSON body into scores and usage. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from localrank.contract.errors import InvalidResponseError
from localrank.contract.model import ScoredIndex
from localrank.contract.texts import shortened
from localrank.contract.types import RerankUsage, RerankWarning
from localrank_cohere.dialects.table import Dialect
from localrank_cohere.wire.paths import found, without
from localrank_cohere.wire.values import count_in, number_in, word_in
from localrank_cohere.wire.words import one_line, said

__all__ = ["Reading", "read", "with_header_tokens"]

_PLACE = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says.

    Attributes:
        results: One entry a ranked document, in the server's order.
        usage: Counts that the server gave; one API call.
        id: The server's name for the answer.
        model_id: The model that answered, if the server says so.
        warnings: The server's own remarks.
        rest: Everything else that the answer holds, its own counts among it.
    """

    results: list[ScoredIndex]
    usage: RerankUsage
    id: str | None
    model_id: str | None
    warnings: tuple[RerankWarning, ...]
    rest: dict[str, Any]


def read(dialect: Dialect, text: str, *, count: int, source: str) -> Reading:
    """Return what the body `text` of a good answer says about `count` documents.

    Raises:
        InvalidResponseError: No JSON, no results, an index out of range or twice, or a score that is no finite number.
    """
    try:
        decoded = json.loads(text)
    except (ValueError, RecursionError):
        _refuse(
            source, f"is no JSON: {shortened(said(text) or one_line(text))!r}" if text.strip() else "is empty"
        )
    rows = decoded if dialect.rows is None else found(decoded, dialect.rows)
    if not isinstance(rows, list):
        words = said(text)
        where = "list" if dialect.rows is None else f"list under {dialect.rows!r}"
        _refuse(source, f"holds no {where}" + (f". It says: {words!r}" if words else ""))
    body: dict[str, Any] = decoded if isinstance(decoded, dict) else {}
    if not rows and count and body.get("error") and (words := said(text)):
        _refuse(source, f"holds no results. It says: {words!r}")
    return Reading(
        results=_results(rows, dialect, count, source),
        usage=_usage(body),
        id=word_in(body.get("id")) or word_in(body.get("request_id")),
        model_id=word_in(body.get("model")),
        warnings=tuple(_warnings(body)),
        rest={
            name: value
            for name, value in (without(body, dialect.rows) if dialect.rows else body).items()
            if name not in {"id", "request_id", "model", "object"}
        },
    )


def _results(rows: list[Any], dialect: Dialect, count: int, source: str) -> list[ScoredIndex]:
    if dialect.index is None:
        return _by_position(rows, count, source)
    seen = bytearray(count)
    results: list[ScoredIndex] = []
    for row in rows:
        index = found(row, dialect.index)
        if dialect.numbered is not None and isinstance(index, str) and _PLACE.fullmatch(index):
            index = int(index)
        if type(index) is not int or not 0 <= index < count:
            _refuse(source, f"holds the index {shortened(repr(index))} for {count} documents")
        if seen[index]:
            _refuse(source, f"holds index {index} twice")
        seen[index] = 1
        spans = row.get("relevant_spans")
        score = _score(found(row, dialect.score), dialect.score, index, source)
        results.append(ScoredIndex(index, score, metadata={"spans": spans} if spans else None))
    return results


def _by_position(scores: list[Any], count: int, source: str) -> list[ScoredIndex]:
    """Read bare scores, one a document: with one too few or too many, none is known to belong to its document."""
    if len(scores) != count:
        _refuse(source, f"holds {len(scores)} scores for {count} documents")
    return [ScoredIndex(index, _score(score, "score", index, source)) for index, score in enumerate(scores)]


def _score(value: Any, name: str, index: int, source: str) -> float:
    number = number_in(value)
    if number is None:
        shown = shortened(repr(value)) if isinstance(value, (str, float)) else type(value).__name__
        _refuse(source, f"holds the {name} {shown} at index {index}, which is no finite number")
    return number


def _member(container: Any, name: str) -> Any:
    return container.get(name) if isinstance(container, dict) else None


_TOKENS = (
    "usage.prompt_tokens",
    "usage.total_tokens",
    "usage.input_tokens",
    "meta.tokens.input_tokens",
    "meta.billed_units.input_tokens",
    "inference_status.tokens_input",
    "tokens.input_tokens",
    "input_tokens",
    "total_tokens",
)
_UNITS = ("meta.billed_units.search_units", "usage.search_units", "usage.rerank_units")
_DOLLARS = ("usage.cost", "inference_status.cost")


def _usage(body: Mapping[str, Any]) -> RerankUsage:
    """Read the counts of any vendor, and what it says that it charges: all of them are optional."""
    tokens = _first(body, _TOKENS)
    return RerankUsage(
        input_tokens=None if tokens is None else int(tokens),
        search_units=_first(body, _UNITS),
        api_calls=1,
        estimated_cost=_first(body, _DOLLARS),
    )


def with_header_tokens(usage: RerankUsage, dialect: Dialect, headers: Mapping[str, str]) -> RerankUsage:
    """Return `usage` with the token count that the service puts into a header, where it does."""
    counted = headers.get(dialect.token_header or "", "")
    return replace(usage, input_tokens=int(counted)) if re.fullmatch(r"[0-9]{1,15}", counted) else usage


def _first(body: Mapping[str, Any], paths: Sequence[str]) -> float | None:
    counts = (count_in(found(body, path)) for path in paths)
    return next((count for count in counts if count is not None), None)


def _warnings(body: Mapping[str, Any]) -> list[RerankWarning]:
    meta = body.get("meta")
    given = _member(meta, "warnings")
    texts = given if isinstance(given, list) else [given]
    warnings = [
        RerankWarning("provider", shortened(text, 300)) for text in texts if text and isinstance(text, str)
    ]
    if _member(_member(meta, "api_version"), "is_deprecated") is True:
        warnings.append(RerankWarning("deprecated", "The server calls this version of its API deprecated."))
    return warnings


def _refuse(source: str, what: str) -> NoReturn:
    raise InvalidResponseError(
        f"The answer of {source} {what}.",
        hint="Look whether base_url and dialect fit the server.",
    )
