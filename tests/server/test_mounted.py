"""The application inside another one, below a prefix, with and without the lifespan of its own."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.routing import Mount

from localrank.server import create_app
from localrank.testing import LexicalReranker
from tests.support.serving import Client, serving

KEY = "correct-horse-battery"
BODY = {"query": "tomato soup", "documents": ["a", "tomato soup"]}


class PassingOn(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: Any) -> Any:
        request.state.request_id = "the outer application's own"
        return await call_next(request)


@pytest.fixture(scope="module")
def mounted() -> Iterator[Client]:
    inner = create_app({"words": LexicalReranker()}, api_keys=[KEY])
    outer = Starlette(
        routes=[Mount("/rank", inner), Mount("/health", inner)], middleware=[Middleware(PassingOn)]
    )
    with serving(outer) as served:
        yield served


def test_paths_begin_below_the_prefix(mounted: Client) -> None:
    reply = mounted.post("/rank/tei/rerank", {"query": "a", "texts": ["a"]}, Authorization=f"Bearer {KEY}")

    assert reply.status == 200
    assert reply.body[0].keys() == {"index", "score"}
    assert reply.headers["x-request-id"] != "the outer application's own"


@pytest.mark.parametrize(
    "path", ["/rank/v1/rerank", "/health/v1/rerank", "/health/health/rerank", "/rank/health/../rerank"]
)
def test_the_key_is_asked_for_below_any_prefix(mounted: Client, path: str) -> None:
    assert mounted.post(path, BODY).status == 401


def test_liveness_is_open_below_the_prefix(mounted: Client) -> None:
    assert mounted.get("/rank/health").status == mounted.get("/health/ping").status == 200
    assert mounted.get("/health/").status == 401


def test_the_page_is_there_below_the_prefix(mounted: Client) -> None:
    password = base64.b64encode(f"anyone:{KEY}".encode()).decode()

    assert mounted.get("/rank/", Authorization=f"Basic {password}").status == 200
    assert mounted.get("/rank/style.css", Authorization=f"Basic {password}").status == 200


@pytest.mark.anyio
async def test_a_websocket_is_turned_away() -> None:
    app, sent = create_app({"words": LexicalReranker()}, api_keys=[KEY]), []
    scope = {
        "type": "websocket", "path": "/v1/rerank", "root_path": "", "headers": [], "query_string": b"", "subprotocols": []
    }  # fmt: skip

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await app(scope, receive, send)

    assert sent == ["websocket.close"]


@pytest.mark.anyio
async def test_a_server_without_state_or_client_is_answered() -> None:
    app, sent = create_app({"words": LexicalReranker()}), []
    scope = {"type": "http", "method": "GET", "path": "/health", "headers": [], "query_string": b""}

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)

    assert sent[0]["status"] == 200
