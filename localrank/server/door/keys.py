"""API keys: every route but liveness asks for one where any is set."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from pathlib import Path

from localrank.contract.errors import InvalidRequestError

__all__ = ["KEYS_VARIABLE", "Keys", "read_keys"]

KEYS_VARIABLE = "LOCALRANK_API_KEYS"
"""Keys separated by commas or white space."""

_SHORTEST = 8

_HOW_TO_MAKE_ONE = 'Make one with: python -c "import secrets; print(secrets.token_urlsafe(32))"'


class Keys:
    """The keys that open the server, kept as digests; without any, it is open.

    Args:
        keys: Each at least eight characters.

    Raises:
        InvalidRequestError: A key that is too short, or holds white space or letters beyond ASCII.
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        keys = tuple(keys)
        if any(len(key) < _SHORTEST for key in keys):
            raise InvalidRequestError(
                f"An API key has fewer than {_SHORTEST} characters.",
                hint=_HOW_TO_MAKE_ONE,
            )
        if not all(key.isascii() and key.isprintable() and " " not in key for key in keys):
            raise InvalidRequestError(
                "An API key holds white space or a letter beyond ASCII, which no header carries unchanged.",
                hint=_HOW_TO_MAKE_ONE,
            )
        self._digests = tuple(_digest(key) for key in keys)

    def __len__(self) -> int:
        return len(self._digests)

    def open_for(self, headers: Mapping[str, str]) -> bool:
        """Return whether a request with `headers` may come in.

        A key comes as `Authorization: Bearer KEY`, as most clients send it, as `Api-Key` (Pinecone's) or `X-API-Key`, or as
        the password of `Authorization: Basic`, for which a browser asks. Every key is compared, each in constant time.
        """
        if not self._digests:
            return True
        given = _digest(_key_of(headers))
        return any([hmac.compare_digest(given, digest) for digest in self._digests])  # noqa: C419  # all of them


def read_keys(path: Path | None, environment: Mapping[str, str]) -> Keys:
    """Return the keys of a file, one a line (`#` begins a comment), and of `LOCALRANK_API_KEYS`.

    Raises:
        InvalidRequestError: A file that cannot be read or holds no key, or a key that is too short.
    """
    keys = environment.get(KEYS_VARIABLE, "").replace(",", " ").split()
    if path is not None:
        try:
            lines = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidRequestError(
                f"The key file {str(path)!r} cannot be read: {getattr(error, 'strerror', None) or 'it is no UTF-8 text'}."
            ) from None
        found = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
        if not found:
            raise InvalidRequestError(
                f"The key file {str(path)!r} holds no key.", hint="Write one a line, or leave the option out."
            )
        keys += found
    return Keys(keys)


def _key_of(headers: Mapping[str, str]) -> str:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    if scheme.lower() == "basic":
        return _password(value.strip())
    return headers.get("api-key") or headers.get("x-api-key") or ""


def _password(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode("utf-8").partition(":")[2]
    except ValueError:
        return ""


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
