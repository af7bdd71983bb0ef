"""Requests and answers of every dialect: options into a JSON body, a JSON body into scores and usage. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from localrank.contract.errors import InvalidResponseError
from localrank.contract.model import ScoredIndex
from localrank.contract.types import RerankUsage, RerankWarning, shortened
from localrank_cohere.dialects.table import Dialect
from localrank_cohere.wire.words import one_line, said

__all__ = ["Reading", "read", "request_body", "with_header_tokens"]


_MOST_COUNTED = 2.0**63
"""A larger count is no count."""


def request_body(
    dialect: Dialect,
    *,
    model: str | None,
    query: str,
    documents: Sequence[Any],
    top_k: int | None,
    fields: Mapping[str, Any],
) -> bytes:
    """Return the JSON body.

    Args:
        dialect: Names the fields.
        model: The model's name; left out where None.
        query: The query.
        documents: Texts, or whole objects where the dialect takes them.
        top_k: How many results are wanted; all where None.
        fields: Further fields, in place of the dialect's fixed ones.
    """
    if dialect.wraps_text:
        documents = [{"text": item} if isinstance(item, str) else item for item in documents]
    body: dict[str, Any] = {} if model is None else {"model": model}
    body |= {"query": query, dialect.documents: documents}
    if top_k is not None and dialect.count is not None:
        body[dialect.count] = top_k
    body |= {**dialect.fixed, **fields}
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")  # a lone surrogate has no UTF-8 form


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says.

    Attributes:
        results: One entry a ranked document, in the server's order.
        usage: Counts that the server gave; one API call.
        id: The server's name for the answer.
        model_id: The model that answered, if the server says so.
        warnings: The server's own remarks.
        rest: Everything else on the answer's top level.
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
    rows = decoded if dialect.rows is None else _member(decoded, dialect.rows)
    if not isinstance(rows, list):
        words = said(text)
        where = "list" if dialect.rows is None else f"list under {dialect.rows!r}"
        _refuse(source, f"holds no {where}" + (f". It says: {words!r}" if words else ""))
    body: dict[str, Any] = decoded if isinstance(decoded, dict) else {}
    if not rows and count and body.get("error") and (words := said(text)):
        _refuse(source, f"holds no results. It says: {words!r}")
    return Reading(
        results=_results(rows, dialect.score, count, source),
        usage=_usage(body),
        id=_string(body.get("id")),
        model_id=_string(body.get("model")),
        warnings=tuple(_warnings(body)),
        rest={
            name: value
            for name, value in body.items()
            if name not in {"id", "model", "object", "usage", dialect.rows}
        },
    )


def _results(rows: list[Any], score_name: str, count: int, source: str) -> list[ScoredIndex]:
    seen = bytearray(count)
    results: list[ScoredIndex] = []
    for row in rows:
        index, score = _member(row, "index"), _member(row, score_name)
        if type(index) is not int or not 0 <= index < count:
            _refuse(source, f"holds the index {shortened(repr(index))} for {count} documents")
        if seen[index]:
            _refuse(source, f"holds index {index} twice")
        number = _finite(score)
        if number is None:
            shown = shortened(repr(score)) if isinstance(score, (str, float)) else type(score).__name__
            _refuse(source, f"holds the {score_name} {shown} at index {index}, which is no finite number")
        seen[index] = 1
        spans = row.get("relevant_spans")
        results.append(ScoredIndex(index, number, metadata={"spans": spans} if spans else None))
    return results


def _member(container: Any, name: str) -> Any:
    return container.get(name) if isinstance(container, dict) else None


def _usage(body: Mapping[str, Any]) -> RerankUsage:
    """Read the counts of any vendor: all of them are optional."""
    usage, meta = body.get("usage"), body.get("meta")
    billed, tokens = _member(meta, "billed_units"), _member(meta, "tokens")
    input_tokens = _first(
        _member(usage, "prompt_tokens"),
        _member(usage, "total_tokens"),
        _member(tokens, "input_tokens"),
        _member(billed, "input_tokens"),
    )
    units = _first(_member(billed, "search_units"), _member(usage, "rerank_units"))
    return RerankUsage(
        input_tokens=None if input_tokens is None else int(input_tokens),
        search_units=None if units is None else float(units),
        api_calls=1,
    )


def with_header_tokens(usage: RerankUsage, dialect: Dialect, headers: Mapping[str, str]) -> RerankUsage:
    """Return `usage` with the token count that the service puts into a header, where it does."""
    counted = headers.get(dialect.token_header or "", "")
    return replace(usage, input_tokens=int(counted)) if re.fullmatch(r"[0-9]{1,15}", counted) else usage


def _first(*values: Any) -> float | None:
    numbers = (_finite(value) for value in values)
    return next((number for number in numbers if number is not None and 0 <= number < _MOST_COUNTED), None)


def _finite(value: Any) -> float | None:
    if type(value) is not float and type(value) is not int:
        return None
    try:
        number = float(value)
    except OverflowError:  # JSON has integers of any length
        return None
    return number if math.isfinite(number) else None


def _warnings(body: Mapping[str, Any]) -> list[RerankWarning]:
    meta = body.get("meta")
    said = _member(meta, "warnings")
    warnings = [
        RerankWarning("provider", shortened(text, 300)) for text in said or () if isinstance(text, str)
    ]
    if _member(_member(meta, "api_version"), "is_deprecated") is True:
        warnings.append(RerankWarning("deprecated", "The server calls this version of its API deprecated."))
    return warnings


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _refuse(source: str, what: str) -> NoReturn:
    raise InvalidResponseError(
        f"The answer of {source} {what}.",
        hint="Look whether base_url and dialect fit the server.",
    )
