"""Addresses: where a request goes, and whether that host belongs to the vendor. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

from localrank.contract.errors import InvalidRequestError
from localrank_cohere.dialects.decisions import DECISION_SERVICES
from localrank_cohere.dialects.table import DIALECTS, Dialect

__all__ = ["Endpoint", "belongs_to_vendor", "endpoint", "plain_address", "without_query"]

_VERSION = re.compile(r"v[0-9]{1,4}(?:(?:alpha|beta)[0-9]{0,4})?", re.IGNORECASE)

_PREFIXES = frozenset(
    {"api", "gateway", "infinity", "litellm", "openai", "providers", "proxy"}
    | {dialect.provider for dialect in (*DIALECTS, *DECISION_SERVICES)}
)
"""Last words of a base that stand before an API and are no endpoint: of gateways, and of what stands behind them."""

_ENDPOINTS = frozenset({"rerank", "reranking", "reranks", "rerankings", "systemone", "decisions"})


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """Where requests go.

    Attributes:
        url: The address to post to.
        others: Where the same server may listen instead, the likeliest first; none for a vendor's own address.
        second: That of the others which is asked where the first answers 404 or 405: the base could mean either.
    """

    url: str
    others: tuple[str, ...] = ()
    second: str | None = None


def endpoint(dialect: Dialect, base_url: str | None, model: str | None = None) -> Endpoint:
    """Return the address to post to, and where else the server may listen.

    A base without a path is the server's root. One that ends in a version (`…/v1`, `…/v3`), in a word for what stands before
    an API (`…/proxy`, `…/cohere`) or as the dialect's own path begins (`…/inference`) is a prefix. Any other is the whole
    endpoint, whatever its last word, and kept as it is. A query is kept.

    Args:
        dialect: Says at which path it listens.
        base_url: The caller's address; where None, the vendor's own, or where a server of the dialect listens.
        model: The model's name, where it stands in the path.

    Raises:
        InvalidRequestError: The base is missing, or no http(s) address.
    """
    base = base_url if base_url is not None else dialect.home or dialect.listens_at
    if base is None:
        raise InvalidRequestError(
            f"The dialect {dialect.name!r} has no address of its own.",
            hint=f'Pass base_url="http://127.0.0.1:8080", or write "{dialect.name}:MODEL@http://127.0.0.1:8080".',
        )
    parts = _split(base)
    pieces = [piece for piece in parts.path.split("/") if piece]
    own = _own_pieces(dialect, model)
    shared = _shared(pieces, own)
    if not pieces or shared or _is_version(pieces) or pieces[-1].lower() in _PREFIXES:
        paths = [_path(path) for path in _completed(pieces, own, shared)]
        may_be_either = dialect.also_short
    else:
        before = pieces[:-1] if pieces[-1] == own[-1] else pieces
        other = before[:-1] + own[-1:] if _is_version(before) else before + own
        slash = parts.path.rstrip("/") if parts.path.endswith("/") else f"{parts.path}/"
        paths = [parts.path, _path(other), slash]
        may_be_either = not _ENDPOINTS & {*pieces}
    urls = dict.fromkeys(urlunsplit((parts.scheme, parts.netloc, path, parts.query, "")) for path in paths)
    first, *others = urls
    if base == dialect.home or not others:
        return Endpoint(first)
    return Endpoint(first, tuple(others), others[0] if may_be_either else None)


def belongs_to_vendor(dialect: Dialect, url: str) -> bool:
    """Return whether `url` is an encrypted address of the vendor: the only kind that gets a key from the environment."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    return parts.scheme == "https" and any(host == own or host.endswith(f".{own}") for own in dialect.hosts)


def _split(base: str) -> SplitResult:
    try:
        parts = urlsplit(base)
        (parts.hostname or "").encode("idna")  # what the resolver will do, and raise, later
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except (ValueError, TypeError, AttributeError):
        usable = False
    if not usable or parts.username is not None or parts.password is not None or parts.fragment:
        raise InvalidRequestError(
            "base_url is no plain http or https address.",
            hint='Pass one such as "http://127.0.0.1:8080"; a key belongs into api_key=, not into the address.',
        )
    return parts


def plain_address(url: str) -> str:
    """Return a whole endpoint as it is.

    Raises:
        InvalidRequestError: It is no http(s) address.
    """
    _split(url)
    return url


def without_query(url: str) -> str:
    """Return an address as it may be shown: a query may hold a key."""
    return url.partition("?")[0]


def _is_version(pieces: list[str]) -> bool:
    """Return whether a path ends in a version before an endpoint, and not in that of one (`…/rerank/v2`)."""
    return bool(pieces) and _VERSION.fullmatch(pieces[-1]) is not None and not _ENDPOINTS & {*pieces}


def _completed(pieces: list[str], own: list[str], shared: int) -> tuple[list[str], list[str]]:
    """Return the path of the endpoint behind a prefix, and the one with or without a version where it may be instead."""
    after = _after_version(own)
    if shared:
        return pieces + own[shared:], pieces[:-shared] + after
    if _is_version(pieces):
        return pieces + after, pieces[:-1] + after
    return pieces + own, pieces + (after if after != own else ["v1", *own])


def _own_pieces(dialect: Dialect, model: str | None) -> list[str]:
    named = quote(dialect.path_model(model or ""), safe="/@:")
    return [piece for piece in dialect.path.replace("{model}", named).split("/") if piece]


def _shared(pieces: list[str], own: list[str]) -> int:
    """Return with how many pieces of the dialect's own path a base ends: the rest of it is to follow."""
    most = min(len(pieces), len(own) - 1)
    return next((count for count in range(most, 0, -1) if pieces[-count:] == own[:count]), 0)


def _after_version(own: list[str]) -> list[str]:
    return next((own[at + 1 :] for at, piece in enumerate(own) if _VERSION.fullmatch(piece)), own)


def _path(pieces: list[str]) -> str:
    return "/" + "/".join(pieces)
