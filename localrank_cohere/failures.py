"""An answer that is no success into the one error it means. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from localrank.contract.errors import APICallError, AuthenticationError, RateLimitError, ServerError
from localrank.contract.types import shortened

__all__ = ["failure"]

_KEPT_CHARACTERS = 4_000
_SHOWN_CHARACTERS = 300
_ID_HEADERS = ("x-request-id", "request-id", "x-trace-id", "x-debug-trace-id")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)

_HINTS = {
    401: "Check the API key.",
    402: "Check the account's billing limit.",
    403: "Check what the API key may do.",
    404: "Check the model's name, base_url and dialect.",
    413: "Send fewer or shorter documents: set max_documents_per_call.",
}


def failure(provider: str, url: str, status: int, headers: Mapping[str, str], text: str) -> APICallError:
    """Return the error for an answer with `status`.

    Args:
        provider: Who answered.
        url: The address called.
        status: Anything but 2xx.
        headers: Of the answer.
        text: Its body, with secrets removed.
    """
    body = _decoded(text)
    said = shortened(" ".join((_said(body) or _title(text) or "no reason given").split()), _SHOWN_CHARACTERS)
    hint = _HINTS.get(status)
    if 300 <= status < 400:
        said, hint = "a redirect, which is not followed", "Pass the address it leads to as base_url=."
    return _kind(status)(
        f"{provider} answered {status}: {said}.",
        url=url,
        status=status,
        headers=headers,
        body=text[:_KEPT_CHARACTERS],
        request_id=_request_id(headers, body),
        hint=hint,
    )


def _kind(status: int) -> type[APICallError]:
    if status in {401, 403}:
        return AuthenticationError
    if status == 429:
        return RateLimitError
    return ServerError if status >= 500 else APICallError


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _said(body: Any, depth: int = 3) -> str | None:
    """Return the server's message: vendors put it under `message`, `detail` or `error`, flat or nested."""
    if isinstance(body, str):
        return body.rstrip(".") or None
    if isinstance(body, list):  # FastAPI's list of faults; `input` would echo the request
        faults = [
            f"{_place(one)}{one.get('msg')}" for one in body if isinstance(one, dict) and one.get("msg")
        ]
        return "; ".join(faults) or None
    if isinstance(body, dict) and depth:
        found = (_said(body.get(name), depth - 1) for name in ("message", "detail", "error"))
        return next((one for one in found if one), None)
    return None


def _place(fault: Mapping[str, Any]) -> str:
    place = fault.get("loc")
    return ".".join(map(str, place)) + ": " if isinstance(place, list) else ""


def _title(text: str) -> str | None:
    found = _TITLE.search(text)
    return found[1].strip() if found else None


def _request_id(headers: Mapping[str, str], body: Any) -> str | None:
    named = next((headers[name] for name in _ID_HEADERS if headers.get(name)), None)
    own = body.get("id") if isinstance(body, dict) else None
    return named or (own if isinstance(own, str) else None)
