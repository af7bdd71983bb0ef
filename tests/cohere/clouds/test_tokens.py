"""Tokens of the caller's: a text, a function that may block, an async one; asked at every request, and again after a 401."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from localrank import (
    AuthenticationError,
    ConnectionFailedError,
    InvalidRequestError,
    RerankAbortedError,
    rerank,
)
from localrank_cohere import AzureReranker, VertexReranker
from tests.support.cloud_answers import vertex
from tests.support.rerank_server import RerankServer, Turn

pytestmark = pytest.mark.anyio


def at(server: RerankServer, token: Any, **arguments: Any) -> VertexReranker:
    return VertexReranker(project="p", token=token, base_url=server.url, **arguments)


def counted(threads: list[int]) -> Callable[[], str]:
    def token() -> str:
        threads.append(threading.get_ident())
        return f"token-number-{len(threads)}"

    return token


async def test_a_function_is_asked_before_every_request_in_a_thread() -> None:
    threads: list[int] = []
    with RerankServer(choose=vertex) as server:
        async with at(server, counted(threads)) as reranker:
            for _ in range(2):
                await rerank(reranker, "q", ["a"])

    sent = [seen.headers["authorization"] for seen in server.requests]
    assert sent == ["Bearer token-number-1", "Bearer token-number-2"]
    assert threading.get_ident() not in threads


async def test_an_async_function_is_awaited() -> None:
    async def token() -> str:
        return "an-async-token"

    with RerankServer(choose=vertex) as server:
        async with at(server, token) as reranker:
            await rerank(reranker, "q", ["a"])

    assert server.requests[0].headers["authorization"] == "Bearer an-async-token"


async def test_after_a_401_a_new_token_is_tried_once() -> None:
    with RerankServer(choose=vertex) as server:
        server.script(Turn(status=401))
        async with at(server, counted([])) as reranker:
            await rerank(reranker, "q", ["a"], max_retries=0)

    assert len(server.requests) == 2


@pytest.mark.parametrize("token", ["the-same-token", lambda: "the-same-token"])
async def test_after_a_401_the_same_token_is_not_tried_again(token: Any) -> None:
    with RerankServer(choose=vertex) as server:
        server.script(Turn(status=401))
        async with at(server, token) as reranker:
            with pytest.raises(AuthenticationError):
                await rerank(reranker, "q", ["a"], max_retries=0)

    assert len(server.requests) == 1


@pytest.mark.parametrize("token", ["", "two words", None])
async def test_what_is_no_token_is_refused(token: Any) -> None:
    with RerankServer(choose=vertex) as server:
        async with at(server, lambda: token) as reranker:
            with pytest.raises(InvalidRequestError, match="token holds no key"):
                await rerank(reranker, "q", ["a"])


async def test_a_function_that_hangs_is_left_at_the_timeout() -> None:
    released = threading.Event()
    with RerankServer(choose=vertex) as server:
        async with at(server, lambda: released.wait(30) and "late", timeout=0.1) as reranker:
            with pytest.raises(ConnectionFailedError, match="No credentials for vertex came"):
                await rerank(reranker, "q", ["a"], max_retries=0)
            released.set()

    assert server.requests == []


async def test_an_abort_does_not_wait_for_a_token() -> None:
    asked, released, stop = threading.Event(), threading.Event(), threading.Event()

    def token() -> str:
        asked.set()
        released.wait(30)
        return "late"

    async def abort() -> None:
        while not asked.is_set():
            await anyio.sleep(0.002)
        stop.set()

    with RerankServer(choose=vertex) as server:
        async with at(server, token) as reranker, anyio.create_task_group() as group:
            group.start_soon(abort)
            with pytest.raises(RerankAbortedError):
                await rerank(reranker, "q", ["a"], abort_event=stop)
            assert not released.is_set()
            released.set()

    assert server.requests == []


def test_a_token_is_not_pickled() -> None:
    with pytest.raises(TypeError, match="token="):
        pickle.dumps(AzureReranker("https://a.services.ai.azure.com", token="t0ken-t0ken"))
