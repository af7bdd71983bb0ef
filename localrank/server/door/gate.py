"""What every request passes first: an id, the host, the key, the state of the server; and what is written of it afterwards."""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from localrank.server.dialects.cohere import refuse_in_every_shape
from localrank.server.dialects.shape import Dialect
from localrank.server.dialects.wire import RefusedError
from localrank.server.door.bodies import declared_length, too_large
from localrank.server.door.state import State

__all__ = [
    "LIVENESS",
    "Course",
    "Gate",
    "access_log",
    "course_of",
    "path_of",
    "refused_response",
]

LIVENESS = ("/health", "/ping")
"""Paths that need no key: they say only that the process answers."""

access_log = logging.getLogger("localrank.server.access")
"""One JSON object a request: id, path, status, milliseconds; never a text, a key or a query string."""

_BROWSERS_WORD = 'Basic realm="localrank (any name, the API key as password)", charset="UTF-8"'
"""A browser cannot send a bearer key; it asks for a password."""

_COURSE = "localrank.course"
"""A key of our own in the scope: `scope["state"]` belongs to whoever mounts the application, and some servers share it."""

_ID = re.compile(r"[A-Za-z0-9._:-]{1,80}")


@dataclass(slots=True)
class Course:
    """How far one request came, for its answer, the metrics and the log.

    Attributes:
        request_id: The client's own, or one made here.
        dialect: What it speaks; None for a request that ranks nothing.
        model: The name of the model that it reached.
        outcome: `ok`, `cancelled` (the client went away) or the kind of its refusal.
        ranking: What became of the ranking, where there is one; see `RerankOutcome.kind`.
    """

    request_id: str
    dialect: Dialect | None = None
    model: str = "none"
    outcome: str = "ok"
    ranking: str = ""


class Gate:
    """ASGI middleware around the whole application.

    Args:
        app: What answers.
        state: The keys, and how much a request may say that it brings; what it brings without saying, `app` bounds.
    """

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in or refuse it, and log how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0
        headers = Headers(scope=scope)
        course = scope[_COURSE] = Course(_request_id(headers))

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = course.request_id
            await send(message)

        try:
            refused = self._refusal(path_of(scope), headers)
            if refused is None:
                await self._app(scope, receive, send_with_id)
            else:
                await refused_response(refused, course.request_id)(scope, receive, send_with_id)
        finally:
            _log(scope, course, status, time.perf_counter() - began)

    def _refusal(self, path: str, headers: Headers) -> RefusedError | None:
        if path in LIVENESS:
            return None
        elsewhere = self._state.hosts.refusal(headers.get("host", ""))
        if elsewhere is not None:
            return elsewhere
        if not self._state.keys.open_for(headers):
            return RefusedError(
                401,
                "This server wants an API key: send it as 'Authorization: Bearer KEY'.",
                "unauthorized",
                {"WWW-Authenticate": _BROWSERS_WORD if _is_browser(headers) else "Bearer"},
            )
        most = self._state.limits.max_body_bytes
        return too_large(most) if declared_length(headers) > most else None


def _is_browser(headers: Headers) -> bool:
    return "text/html" in headers.get("accept", "")


def path_of(scope: Scope) -> str:
    """Return the path below the place where the application is mounted."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "").rstrip("/")
    return path[len(root) :] if path.startswith(f"{root}/") else path


def course_of(scope: Scope) -> Course:
    """Return what the gate keeps of the request of `scope`."""
    course: Course = scope[_COURSE]
    return course


def refused_response(refused: RefusedError, request_id: str) -> JSONResponse:
    """Return a refusal in the shape that every dialect's clients find their message in."""
    return JSONResponse(
        refuse_in_every_shape(refused, request_id), status_code=refused.status, headers=refused.headers
    )


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _ID.fullmatch(given) else uuid.uuid4().hex


def _log(scope: Scope, course: Course, status: int, seconds: float) -> None:
    if not access_log.isEnabledFor(logging.INFO):
        return
    client = scope.get("client")
    record: dict[str, Any] = {
        "id": course.request_id,
        "client": client[0] if client else None,
        "method": scope["method"],
        "path": scope["path"][:200],
        "status": status or 499,
        "ms": round(seconds * 1000, 1),
    }
    if course.dialect is not None:
        record |= {"dialect": course.dialect.name, "model": course.model, "outcome": course.outcome}
    if course.ranking:
        record["ranking"] = course.ranking
    access_log.info(json.dumps(record))
