"""What every request passes first: an id, the key, the state of the server; and what is written of it afterwards."""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from localrank.server.keys import Keys
from localrank.server.wire import RefusedError

__all__ = ["LIVENESS", "Gate", "State", "access_log", "path_of", "refused_response", "too_large"]

LIVENESS = ("/health", "/ping")
"""Paths that need no key: they say only that the process answers."""

access_log = logging.getLogger("localrank.server.access")
"""One JSON object a request: id, path, status, milliseconds; never a text, a key or a query string."""

_BROWSERS_WORD = 'Basic realm="localrank (any name, the API key as password)", charset="UTF-8"'
"""A browser cannot send a bearer key; it asks for a password."""

_ID = re.compile(r"[A-Za-z0-9._:-]{1,80}")


@dataclass(slots=True)
class State:
    """What can change while the server runs.

    Attributes:
        keys: Who may come in.
        draining: Whether new work is refused, since the server is about to end.
    """

    keys: Keys = field(default_factory=Keys)
    draining: bool = False


class Gate:
    """ASGI middleware around the whole application.

    Args:
        app: What answers.
        state: Keys, and whether the server is ending.
        max_body_bytes: What a request may say that it brings; what it brings without saying, `app` bounds.
    """

    def __init__(self, app: ASGIApp, state: State, *, max_body_bytes: int) -> None:
        self._app = app
        self._state = state
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in or refuse it, and log how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0
        headers = Headers(scope=scope)
        request_id = scope.setdefault("state", {})["request_id"] = _request_id(headers)

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        try:
            refused = self._refusal(path_of(scope), headers)
            if refused is None:
                await self._app(scope, receive, send_with_id)
            else:
                await refused_response(refused, request_id)(scope, receive, send_with_id)
        finally:
            _log(scope, request_id, status, time.perf_counter() - began)

    def _refusal(self, path: str, headers: Headers) -> RefusedError | None:
        if path in LIVENESS:
            return None
        if not self._state.keys.open_for(headers):
            return RefusedError(
                401,
                "This server wants an API key: send it as 'Authorization: Bearer KEY'.",
                "unauthorized",
                {"WWW-Authenticate": _BROWSERS_WORD if _is_browser(headers) else "Bearer"},
            )
        declared = headers.get("content-length", "")
        if declared.isascii() and declared.isdigit() and int(declared[:20]) > self._max_body_bytes:
            return too_large(self._max_body_bytes)
        return None


def _is_browser(headers: Headers) -> bool:
    return "text/html" in headers.get("accept", "")


def path_of(scope: Scope) -> str:
    """Return the path below the place where the application is mounted."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def too_large(most: int) -> RefusedError:
    """Return the refusal of a body beyond `most` bytes."""
    return RefusedError(413, f"The body is larger than {most:,} bytes (--max-body-bytes raises it).", "limit")


def refused_response(refused: RefusedError, request_id: str) -> JSONResponse:
    """Return a refusal in the shape that every dialect's clients find their message in."""
    from localrank.server.dialects.cohere import refuse_in_every_shape  # noqa: PLC0415

    return JSONResponse(
        refuse_in_every_shape(refused, request_id), status_code=refused.status, headers=refused.headers
    )


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _ID.fullmatch(given) else uuid.uuid4().hex


def _log(scope: Scope, request_id: str, status: int, seconds: float) -> None:
    if not access_log.isEnabledFor(logging.INFO):
        return
    client = scope.get("client")
    record: dict[str, Any] = {
        "id": request_id,
        "client": client[0] if client else None,
        "method": scope["method"],
        "path": scope["path"][:200],
        "status": status or 499,
        "ms": round(seconds * 1000, 1),
        **scope["state"].get("ranked", {}),
    }
    access_log.info(json.dumps(record))
