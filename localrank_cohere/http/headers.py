"""Headers of a request, and what of them must never show: in no error, no log, no answer that echoes them."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from urllib.parse import parse_qsl, urlsplit

from localrank._version import __version__
from localrank.contract.errors import InvalidRequestError
from localrank_cohere.dialects.keys import Secret, key_for
from localrank_cohere.dialects.table import Dialect

__all__ = ["answer_headers", "checked_headers", "is_secret", "request_headers", "secrets_in"]

_SECRET_NAME = re.compile(r"auth|key|token|secret|password|cookie|sig|credential", re.IGNORECASE)
"""Headers whose values are treated as keys; a name too many costs nothing but three stars."""

_SECRET_ANSWERS = frozenset({"set-cookie", "authorization", "proxy-authorization"})
"""Headers of an answer that are never passed on; `x-compute-tokens` and the like are."""

_LONG_VALUE = 20
"""A value of a query from this length on is taken for a key, whatever its name."""

_SIGNED_BY = re.compile(r"(?:Credential|Signature)=([^/,\s]+)")
"""What is secret in a signature of AWS (SigV4): the key's id and the signature; the words around them are not."""

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def checked_headers(headers: Mapping[str, str] | None) -> dict[str, str]:
    """Return the headers by lower-case name.

    Raises:
        InvalidRequestError: A name or value that HTTP does not allow; the value is not shown.
    """
    for name, value in (headers or {}).items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InvalidRequestError(
                "headers has a name that HTTP does not allow.", hint="Pass a plain word."
            )
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            raise InvalidRequestError(
                f"The value of the header {name!r} is not allowed in HTTP.",
                hint="Pass one line of Latin-1 text.",
            )
    return {name.lower(): value.strip() for name, value in (headers or {}).items()}


def request_headers(
    url: str,
    dialect: Dialect,
    key: Secret | None,
    own: Mapping[str, str],
    given: Mapping[str, str] | None,
    *,
    is_signed: bool = False,
) -> dict[str, str]:
    """Return the headers of one request.

    Args:
        url: The address; says whether the vendor's variable is read.
        dialect: Names the key's header.
        key: The key that the caller gave.
        own: The reranker's own further headers.
        given: Those of this call; they win.
        is_signed: No key is wanted, since credentials give their own headers.

    Raises:
        MissingAPIKeyError: The vendor's host, and no key.
        InvalidRequestError: A header that HTTP does not allow.
    """
    further = {**own, **checked_headers(given)} if given else own
    headers = {
        "content-type": "application/json",
        "accept": "application/json",
        "user-agent": f"localrank/{__version__}",
        **{name.lower(): value for name, value in dialect.headers.items()},
    }
    name = dialect.key_header.lower()
    if name not in further and not is_signed:
        found = key_for(dialect, url, key)
        if found is not None:
            headers[name] = f"Bearer {found.value}" if name == "authorization" else found.value
    return {**headers, **further}


def is_secret(name: str) -> bool:
    """Return whether the header `name` holds what must not show."""
    return _SECRET_NAME.search(name) is not None


def secrets_in(headers: Mapping[str, str], url: str = "") -> tuple[str, ...]:
    """Return what must not show of a request: the credentials in its headers, and the keys in its address."""
    secrets = [
        part for name, value in headers.items() if is_secret(name) for part in _credentials(name, value)
    ]
    for name, value in parse_qsl(urlsplit(url).query):
        if is_secret(name) or len(value) >= _LONG_VALUE:
            secrets.append(value)
    return tuple(dict.fromkeys(secrets))


def _credentials(name: str, value: str) -> Iterator[str]:
    """Yield the secret parts of a header's value, without the words around them."""
    if name == "cookie":
        yield from (pair.partition("=")[2].strip() for pair in value.split(";"))
        return
    scheme, _, rest = value.partition(" ")
    if scheme.startswith("AWS4-"):
        yield from _SIGNED_BY.findall(rest)
        return
    yield rest.strip() or value
    if scheme.lower() == "basic":
        with suppress(ValueError):
            user_and_password = b64decode(rest).decode()
            yield user_and_password.partition(":")[2]


def answer_headers(headers: Mapping[str, str], clean: Callable[[str], str]) -> dict[str, str]:
    """Return the headers of an answer with nothing secret in them."""
    joined = "\n".join(f"{name}: {value}" for name, value in headers.items())
    if clean(joined) == joined:  # one look at all of them, as nearly always nothing is there
        return {name: "***" if name in _SECRET_ANSWERS else value for name, value in headers.items()}
    return {
        clean(name): "***" if name in _SECRET_ANSWERS else clean(value) for name, value in headers.items()
    }
