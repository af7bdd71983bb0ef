"""Addresses: where a request goes, and whether that host belongs to the vendor. Pure."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit, urlunsplit

from localrank.contract.errors import InvalidRequestError
from localrank_cohere.dialects import Dialect

__all__ = ["belongs_to_vendor", "endpoint"]


def endpoint(dialect: Dialect, base_url: str | None) -> str:
    """Return the address to post to.

    A base may be the server's root, end in the first part of the path (`…/v1`), or be the whole address (`…/v1/rerank`).

    Raises:
        InvalidRequestError: The base is missing, or no http(s) address.
    """
    base = dialect.home if base_url is None else base_url
    if base is None:
        raise InvalidRequestError(
            f"The dialect {dialect.name!r} has no address of its own.",
            hint='Pass base_url=, such as "http://127.0.0.1:8080".',
        )
    parts = _split(base)
    have = [piece for piece in parts.path.split("/") if piece]
    want = [piece for piece in dialect.path.split("/") if piece]
    if have[-1:] != want[-1:]:
        shared = next(size for size in range(len(want), -1, -1) if have[len(have) - size :] == want[:size])
        have += want[shared:]
    return urlunsplit((parts.scheme, parts.netloc, "/" + "/".join(have), parts.query, ""))


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
