"""The key of a remote service: where it comes from, and which host may see it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from localrank.contract.errors import InvalidRequestError, MissingAPIKeyError
from localrank_cohere.dialects.endpoints import belongs_to_vendor
from localrank_cohere.dialects.table import Dialect

__all__ = ["Secret", "checked_key", "key_for"]


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A key that no repr shows and no pickle takes along."""

    value: str

    def __repr__(self) -> str:
        return "Secret('***')"

    def __reduce__(self) -> str:
        raise TypeError(
            "A reranker with api_key= is not pickled, since the pickle would hold the key. "
            "Put the key into the provider's environment variable instead."
        )


def checked_key(value: object, source: str) -> Secret:
    """Return the key, without white space around it.

    Raises:
        InvalidRequestError: It is no printable ASCII text; the value is not shown.
    """
    text = value.strip() if isinstance(value, str) else ""
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise InvalidRequestError(
            f"{source} holds no key.", hint="A key is one word of printable ASCII characters."
        )
    return Secret(text)


def key_for(dialect: Dialect, url: str, given: Secret | None) -> Secret | None:
    """Return the key for a request to `url`, read now: an explicit key, or the vendor's variable for the vendor's host.

    Raises:
        MissingAPIKeyError: The vendor's host, and no key.
    """
    if given is not None or not belongs_to_vendor(dialect, url):
        return given
    for variable in dialect.key_variables:
        value = os.environ.get(variable, "")
        if value.strip():
            return checked_key(value, variable)
    raise MissingAPIKeyError(
        f"There is no key for {dialect.provider}.",
        hint=f"Set {dialect.key_variables[0]}, or pass api_key=.",
    )
