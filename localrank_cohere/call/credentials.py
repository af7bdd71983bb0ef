"""Credentials: headers that are made for each request, where a key that stands still does not do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from localrank.contract.errors import APICallError
from localrank_cohere.http.transport import Connections

__all__ = ["Credentials", "Unsigned"]


@dataclass(frozen=True, slots=True, repr=False)
class Unsigned:
    """A POST that has no credentials yet.

    Attributes:
        url: The address.
        headers: With lower-case names.
        content: The body.
    """

    url: str
    headers: Mapping[str, str]
    content: bytes


class Credentials(Protocol):
    """A signer, or a source of tokens. It holds no event loop and no connection, so that any loop may use it."""

    async def headers(self, request: Unsigned, connections: Connections) -> Mapping[str, str]:
        """Return the headers that `request` needs, by lower-case name. What of them is secret shows in no error and no log.

        Args:
            request: What will be sent.
            connections: The way to a server that gives tokens.

        Raises:
            RerankError: There are none, or none could be had.
        """
        ...

    async def renewed(self, refusal: APICallError) -> bool:
        """Return whether, after `refusal`, `headers` will give others than before; the request is then sent once more."""
        ...
