"""An answer that is no success into the one error it means. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urljoin, urlsplit, urlunsplit

from localrank.contract.errors import APICallError, AuthenticationError, RateLimitError, ServerError
from localrank_cohere.dialects.endpoints import without_query
from localrank_cohere.wire.words import one_line, said

__all__ = ["failure", "request_id"]

_KEPT_CHARACTERS = 4_000
_ID_HEADERS = (
    "x-request-id",
    "x-typesafe-request-id",
    "request-id",
    "x-amzn-requestid",
    "x-global-transaction-id",
    "x-trace-id",
    "x-debug-trace-id",
)

_HINTS = {
    401: "Check the API key.",
    402: "Check the account's billing limit.",
    403: "Check what the API key may do.",
    404: "Check the model's name, base_url and dialect.",
    405: "Check base_url and dialect.",
    407: "The proxy wants a user and a password: http://user:password@host:port.",
    413: "Send fewer or shorter documents: set max_documents_per_call.",
}


def failure(
    provider: str,
    url: str,
    status: int,
    headers: Mapping[str, str],
    text: str,
    *,
    others: Sequence[str] = (),
    clean: Callable[[str], str] = str,
) -> APICallError:
    """Return the error for an answer with `status`.

    Args:
        provider: Who answered.
        url: The address called.
        status: Anything but 2xx.
        headers: Of the answer, with secrets removed.
        text: Its body.
        others: Where the same server may listen instead.
        clean: Removes secrets from a text.
    """
    reason, hint = said(text) or "no reason given", _HINTS.get(status)
    where = ""
    if status in {404, 405}:
        where = f" at {without_query(url)}"
        if others:
            tries = " or ".join(repr(without_query(other)) for other in others)
            hint = f"{hint} If the server ranks at another path, pass the whole endpoint, such as base_url={tries}."
    if 300 <= status < 400:
        reason, hint = _redirect(url, headers.get("location", ""))
    return _kind(status)(
        clean(f"{provider} answered {status}{where}: {reason}."),
        url=url,
        status=status,
        headers=headers,
        body=clean(text[:_KEPT_CHARACTERS]),
        request_id=request_id(headers) or clean(_own_id(text)) or None,
        hint=clean(hint) if hint else None,
    )


def request_id(headers: Mapping[str, str]) -> str | None:
    """Return the server's name for a request, where a header of the answer gives one."""
    return next((one_line(headers[name]) for name in _ID_HEADERS if headers.get(name)), None)


def _kind(status: int) -> type[APICallError]:
    if status in {401, 403}:
        return AuthenticationError
    if status == 429:
        return RateLimitError
    return ServerError if status >= 500 else APICallError


def _redirect(url: str, location: str) -> tuple[str, str]:
    """Return what to say of a redirect: it is not followed, since the key and the documents would go along."""
    asked = urlsplit(url)
    try:
        target = urlsplit(urljoin(url, location))
        leads_to = one_line(
            urlunsplit((target.scheme, target.netloc.rpartition("@")[2], target.path, "", ""))
        )
        usable = bool(location) and target.scheme in {"http", "https"} and bool(target.hostname)
    except ValueError:
        usable = False
    if not usable:
        return f"a redirect from {without_query(url)} that does not say where to", "Check base_url."
    reason = f"a redirect from {without_query(url)} to {leads_to}, which is not followed"
    if target.hostname == asked.hostname:
        return reason, f"Pass base_url={leads_to!r}."
    return (
        reason,
        f"It leads to another host, to which nothing was sent; if you trust it, pass base_url={leads_to!r}.",
    )


def _own_id(text: str) -> str:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    names = (body.get("id"), body.get("request_id")) if isinstance(body, dict) else ()
    return next((one_line(own) for own in names if isinstance(own, str)), "")
