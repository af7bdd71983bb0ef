"""A result in forms that others read: plain data for JSON, a table for a notebook. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import date, time
from decimal import Decimal
from enum import Enum
from html import escape
from math import isfinite
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from uuid import UUID

from localrank.contract.errors import InvalidRequestError
from localrank.contract.texts import shortened

if TYPE_CHECKING:
    from localrank.contract.types import RerankResult

__all__ = ["as_dict", "as_html", "as_json"]

_PLAIN = (str, int, float, bool, type(None))
_BY_STR = (date, time, Decimal, UUID, PurePath)
_DEEPEST = 50
_LONGEST_BITS = 14_000
"""Python writes and reads integers of up to 4,300 digits."""
_SHOWN_ROWS, _SHOWN_CHARACTERS = 50, 300

_STYLE = (
    "<style>.localrank td,.localrank th{text-align:left;vertical-align:top}"
    ".localrank td.n{text-align:right;font-variant-numeric:tabular-nums}"
    ".localrank .bar{display:block;height:.3em;min-width:1px;background:currentColor;opacity:.45}</style>"
)


def as_dict(result: RerankResult[Any], document: Callable[[Any], Any] | None) -> dict[str, Any]:
    """Return the result as values that `json.dumps` takes; see `RerankResult.to_dict`."""
    return {
        "model": result.response.model_id,
        "score_kind": result.score_kind,
        "outcome": result.outcome.to_dict(),
        "dropped": result.dropped,
        "results": [
            {
                "rank": hit.rank,
                "index": hit.index,
                "score": hit.score,
                "document": _document(hit.document, hit.index, document),
                "truncated": hit.truncated,
                "tier": hit.tier,
                "metadata": _written(hit.metadata, f"The metadata of documents[{hit.index}]"),
            }
            for hit in result.ranked
        ],
        "usage": _plain(result.usage),
        "warnings": [_plain(warning) for warning in result.warnings],
    }


def as_json(result: RerankResult[Any], document: Callable[[Any], Any] | None, indent: int | None) -> str:
    """Return the result as JSON text; see `RerankResult.to_json`."""
    plain = as_dict(result, document)
    text = json.dumps(plain, ensure_ascii=False, indent=indent)
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, which JSON writes as an escape
        return json.dumps(plain, indent=indent)
    return text


class _NoJSONError(Exception):
    """A value that JSON has no form for."""


def _document(document: Any, index: int, function: Callable[[Any], Any] | None) -> Any:
    hint = "Pass document= with a function that returns what is to be written of a document."
    return _written(document if function is None else function(document), f"documents[{index}]", hint)


def _written(value: Any, what: str, hint: str | None = None) -> Any:
    try:
        return _plain(value)
    except _NoJSONError as error:
        raise InvalidRequestError(f"{what} {error}.", hint=hint) from error.__cause__


def _plain(value: Any, depth: int = 0) -> Any:
    """Return `value` as what JSON has: numbers of numpy as numbers, models and dataclasses as mappings, dates as ISO 8601.

    NaN and infinity, which JSON does not have, are null: tables mark with them what is missing.
    """
    if depth > _DEEPEST:
        raise _NoJSONError("is nested too deeply")
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, Mapping):
        written = {_key(key): _plain(one, depth + 1) for key, one in value.items()}
        if len(written) < len(value):
            raise _NoJSONError("holds two keys that JSON writes alike")
        return written
    if isinstance(value, (list, tuple, AbstractSet)):
        return [_plain(one, depth + 1) for one in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name), depth + 1) for field in fields(value)}
    return _leaf(value, depth)


def _leaf(value: Any, depth: int) -> Any:
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, int) and value.bit_length() > _LONGEST_BITS:
        raise _NoJSONError("holds a number of more digits than JSON is read with")
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, _BY_STR):
        return value.isoformat() if isinstance(value, (date, time)) else str(value)
    for name in ("model_dump", "to_dict", "tolist"):  # pydantic, many frameworks, numpy
        method = getattr(value, name, None)
        if callable(method) and not isinstance(value, type):
            return _plain(_called(method, name, value), depth + 1)
    raise _NoJSONError(f"holds a value of type {type(value).__name__}, which JSON has no form for")


def _called(method: Callable[[], Any], name: str, value: Any) -> Any:
    try:
        return method()
    except Exception as error:  # whatever a document's own code raises
        failed = (
            f"holds a value of type {type(value).__name__}, whose {name}() failed: {type(error).__name__}"
        )
        raise _NoJSONError(failed) from error


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, (int, float, bool)) or key is None or hasattr(key, "__index__"):
        return str(key)
    raise _NoJSONError(f"holds a key of type {type(key).__name__}, which JSON has no form for")


def as_html(result: RerankResult[Any]) -> str:
    """Return a table: rank, where the document stood before, its score as a bar, its text; at most 50 rows."""
    highest = max((abs(hit.score) for hit in result.ranked[:_SHOWN_ROWS]), default=0.0)
    rows = "".join(_row(hit, highest) for hit in result.ranked[:_SHOWN_ROWS])
    left = len(result) - _SHOWN_ROWS
    more = f"<p>{left:,} more documents are ranked below.</p>" if left > 0 else ""
    remarks = "".join(f"<p>{escape(one.message)}</p>" for one in result.warnings)
    return (
        f'<div class="localrank">{_STYLE}<table><caption>Ranked by {escape(result.response.model_id)}</caption>'
        '<thead><tr><th scope="col">Rank</th><th scope="col">Before</th><th scope="col">Score</th>'
        f'<th scope="col">Document</th></tr></thead><tbody>{rows}</tbody></table>{more}{remarks}</div>'
    )


def _row(hit: Any, highest: float) -> str:
    share = 100 * max(0.0, hit.score) / highest if highest else 0.0
    moved = hit.index + 1 - hit.rank
    arrow = f" ↑{moved}" if moved > 0 else f" ↓{-moved}" if moved < 0 else ""
    text = shortened(hit.text, _SHOWN_CHARACTERS)
    cut = " <em>(the model read only the beginning)</em>" if hit.truncated else ""
    unscored = hit.metadata.get("scored") is False
    score = (
        "not scored" if unscored else f'{hit.score:.4g}<span class="bar" style="width:{share:.0f}%"></span>'
    )
    return (
        f'<tr><td class="n">{hit.rank}</td><td class="n">{hit.index + 1}{arrow}</td><td class="n">{score}</td>'
        f"<td>{escape(text)}{cut}</td></tr>"
    )
