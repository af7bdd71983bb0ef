"""A request's body: read within bounds, told which dialect it speaks, decoded into that dialect's shape."""

from __future__ import annotations

import anyio
import msgspec
from starlette.requests import Request

from localrank.server.dialects.shape import Body, Dialect
from localrank.server.dialects.table import recognize
from localrank.server.dialects.wire import RefusedError
from localrank.server.door.bodies import HeldBody, declared_length
from localrank.server.door.clock import Clock
from localrank.server.door.gate import path_of

__all__ = ["decoded", "dialect_of", "read_body"]


async def read_body(request: Request, clock: Clock, held: HeldBody) -> bytes:
    """Return the body, within the bounds that `held` keeps.

    Raises:
        RefusedError: It is too large, packed, not there in time, or one too many.
        ClientDisconnect: The client went away before it was whole.
    """
    packed = request.headers.get("content-encoding", "identity").lower()
    if packed != "identity":
        raise RefusedError(
            415, "The body is compressed; this server takes it as it is, without Content-Encoding.", "limit"
        )
    held.expect(declared_length(request.headers))
    parts = []
    try:
        with anyio.fail_after(clock.left):
            async for part in request.stream():
                held.take(len(part))
                parts.append(part)
    except TimeoutError:
        raise clock.over() from None
    return b"".join(parts)


def dialect_of(request: Request, body: bytes) -> Dialect:
    """Return what `body` speaks.

    Raises:
        RefusedError: It is no JSON object.
    """
    try:
        keys = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise RefusedError(400, f"The body is no JSON object: {_reason(error)}.", "malformed") from None
    return recognize(path_of(request.scope), request.headers, keys)


def decoded(body: bytes, dialect: Dialect) -> Body:
    """Return the body in the dialect's shape.

    Raises:
        RefusedError: It has another.
    """
    try:
        # some applications write true and numbers as texts (RAGFlow's Xinference: "return_documents": "true")
        return msgspec.json.decode(body, type=dialect.body, strict=False)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise RefusedError(
            dialect.invalid, f"The body does not fit: {_reason(error)}.", "invalid_request"
        ) from None


def _reason(error: Exception) -> str:
    """Return why a body could not be read; msgspec names the place and the types, never the value.

    Up to 0.22 it lets Python's own error through for bytes that are not UTF-8; the words are those of 0.23.
    """
    return "Invalid UTF-8 encoded string" if isinstance(error, UnicodeDecodeError) else str(error)
