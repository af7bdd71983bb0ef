"""A signer that the caller brings: a function from a request to the headers that sign it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from localrank.contract.errors import APICallError
from localrank_cohere.call.credentials import Unsigned
from localrank_cohere.clouds.tokens import asked_of_caller
from localrank_cohere.http.headers import checked_headers
from localrank_cohere.http.transport import Connections

__all__ = ["CallersSignature", "Signer"]

Signer: TypeAlias = Callable[
    [str, str, Mapping[str, str], bytes], Mapping[str, str] | Awaitable[Mapping[str, str]]
]
"""Called with the method, the address, the headers and the body of a request, returns the headers to add to it. It is called
before every request, an `async` one on the event loop and any other in a thread."""


class CallersSignature:
    """Asks the caller for a signature.

    Args:
        signer: Returns it.
    """

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    async def headers(self, request: Unsigned, connections: Connections) -> Mapping[str, str]:  # noqa: ARG002
        """Return the headers that the signer gives.

        Raises:
            AuthenticationError: The signer failed.
            InvalidRequestError: It gave what are no headers.
        """
        given = await asked_of_caller(
            self._signer, "signer", "POST", request.url, dict(request.headers), request.content
        )
        return checked_headers(given)

    async def renewed(self, refusal: APICallError) -> bool:  # noqa: ARG002
        """Return False: what expires is the signer's own business."""
        return False
