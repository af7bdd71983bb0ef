"""Connections: pooled for each event loop, closed in time, and every way a line can break is one error."""

from __future__ import annotations

import gc
import subprocess
import sys

import anyio
import httpx2
import pytest

from localrank import (
    APICallError,
    ConnectionFailedError,
    InvalidRequestError,
    RerankAbortedError,
    RerankTimeoutError,
    rerank,
    rerank_sync,
)
from localrank_cohere import CohereReranker
from tests.cohere.conftest import KEY
from tests.support.rerank_server import RerankServer, Turn

pytestmark = pytest.mark.anyio
FOREVER = 30.0


@pytest.mark.parametrize("where", ["headers", "body"])
async def test_a_reset_connection_is_a_retryable_error(
    server: RerankServer, reranker: CohereReranker, where: str
) -> None:
    server.script(Turn(reset=where))  # type: ignore[arg-type]
    with pytest.raises(ConnectionFailedError) as caught:
        await rerank(reranker, "q", ["a"], max_retries=0)

    assert caught.value.is_retryable
    assert caught.value.url == f"{server.url}/v2/rerank"


async def test_a_refused_connection_is_a_retryable_error() -> None:
    with RerankServer() as gone:
        url = gone.url
    async with CohereReranker("m", base_url=url) as reranker:
        with pytest.raises(ConnectionFailedError) as caught:
            await rerank(reranker, "q", ["a"], max_retries=0)

    assert caught.value.is_retryable


@pytest.mark.parametrize(
    "turn", [Turn(before_headers=FOREVER), Turn(before_body=FOREVER)], ids=["headers", "body"]
)
async def test_a_slow_answer_ends_at_the_rerankers_timeout(server: RerankServer, turn: Turn) -> None:
    server.script(turn)
    async with CohereReranker("m", base_url=server.url, timeout=0.05) as reranker:
        with pytest.raises(ConnectionFailedError, match=r"within timeout=0\.05 s") as caught:
            await rerank(reranker, "q", ["a"], max_retries=0)

    assert caught.value.is_retryable
    assert server.wait_until(lambda: len(server.disconnects) == 1)


@pytest.mark.parametrize(
    "turn", [Turn(before_headers=FOREVER), Turn(before_body=FOREVER)], ids=["headers", "body"]
)
async def test_the_calls_timeout_closes_the_connection(
    server: RerankServer, reranker: CohereReranker, turn: Turn
) -> None:
    server.script(turn)
    with pytest.raises(RerankTimeoutError):
        await rerank(reranker, "q", ["a"], timeout=0.05)

    assert server.wait_until(lambda: len(server.disconnects) == 1)


class SetOnArrival:
    """A token that is set once the server has the request."""

    def __init__(self, server: RerankServer) -> None:
        self._server = server

    def is_set(self) -> bool:
        return len(self._server.requests) > 0


async def test_an_abort_closes_the_connection(server: RerankServer, reranker: CohereReranker) -> None:
    server.script(Turn(before_headers=FOREVER))
    with pytest.raises(RerankAbortedError) as caught:
        await rerank(reranker, "q", ["a"], abort_event=SetOnArrival(server))

    assert caught.value.phase == "in_call"
    assert server.wait_until(lambda: len(server.disconnects) == 1)


async def test_an_abort_stops_every_request_of_a_split_call(server: RerankServer) -> None:
    server.script(*[Turn(before_headers=FOREVER)] * 4)
    async with CohereReranker("m", base_url=server.url, max_documents_per_call=1) as reranker:
        with pytest.raises(RerankAbortedError):
            await rerank(reranker, "q", ["a", "b", "c", "d"], abort_event=SetOnArrival(server))

    assert server.wait_until(lambda: len(server.disconnects) == len(server.requests))


async def test_a_cancelled_task_closes_the_connection(server: RerankServer, reranker: CohereReranker) -> None:
    server.script(Turn(before_headers=FOREVER))
    async with anyio.create_task_group() as group:
        group.start_soon(rerank, reranker, "q", ["a"])
        while not server.requests:
            await anyio.sleep(0.002)
        group.cancel_scope.cancel()

    assert server.wait_until(lambda: len(server.disconnects) == 1)


async def test_the_reranker_works_after_an_abort(server: RerankServer, reranker: CohereReranker) -> None:
    server.script(Turn(before_headers=FOREVER))
    with pytest.raises(RerankAbortedError):
        await rerank(reranker, "q", ["a"], abort_event=SetOnArrival(server))

    assert len(await rerank(reranker, "q", ["a"])) == 1


async def test_calls_share_a_connection(server: RerankServer, reranker: CohereReranker) -> None:
    for _ in range(3):
        await rerank(reranker, "q", ["a"])

    assert (server.connections, len(server.requests)) == (1, 3)


async def test_closing_closes_the_connections_and_a_later_call_opens_new_ones(
    server: RerankServer, reranker: CohereReranker
) -> None:
    await rerank(reranker, "q", ["a"])
    await reranker.aclose()

    assert server.wait_until(lambda: server.open == 0)
    assert len(await rerank(reranker, "q", ["a"])) == 1
    assert server.connections == 2


def test_an_unclosed_reranker_is_closed_when_its_event_loop_ends(
    server: RerankServer, anyio_backend: str
) -> None:
    reranker = CohereReranker("m", base_url=server.url)
    for _ in range(2):
        anyio.run(rerank, reranker, "q", ["a"], backend=anyio_backend)
        assert server.wait_until(lambda: server.open == 0)
    gc.collect()

    assert server.connections == 2


async def test_a_reranker_for_every_call_still_shares_a_connection(server: RerankServer) -> None:
    for _ in range(3):
        await rerank(CohereReranker("m", base_url=server.url), "q", ["a"])
        gc.collect()

    assert server.connections == 1


async def test_closing_one_reranker_leaves_anothers_connection_open(
    server: RerankServer, reranker: CohereReranker
) -> None:
    await rerank(reranker, "q", ["a"])
    async with CohereReranker("m", base_url=server.url) as other:
        await rerank(other, "q", ["a"])
    await rerank(reranker, "q", ["a"])

    assert server.connections == 1


async def test_rerankers_that_share_connections_share_no_cookies(
    server: RerankServer, reranker: CohereReranker
) -> None:
    server.script(Turn(headers={"set-cookie": "session=mine; Path=/"}))
    for _ in range(2):
        await rerank(reranker, "q", ["a"])

    assert "cookie" not in server.requests[1].headers


def test_sync_calls_share_a_connection(server: RerankServer) -> None:
    reranker = CohereReranker("m", base_url=server.url)
    for _ in range(3):
        assert len(rerank_sync(reranker, "q", ["a"])) == 1

    assert server.connections == 1


@pytest.mark.parametrize("ending", ["", "raise SystemExit(0)", "del reranker; import gc; gc.collect()"])
def test_a_script_with_sync_calls_ends_in_silence(server: RerankServer, ending: str) -> None:
    code = (
        "from localrank import rerank_sync\n"
        "from localrank_cohere import CohereReranker\n"
        f"reranker = CohereReranker('m', base_url={server.url!r})\n"
        "print(len(rerank_sync(reranker, 'q', ['a'])))\n" + ending
    )
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stdout) == (0, "1\n")
    assert [line for line in done.stderr.splitlines() if "took" not in line] == []  # asyncio's debug mode
    assert server.wait_until(lambda: server.open == 0)


async def test_one_reranker_serves_two_loops_at_once(server: RerankServer, reranker: CohereReranker) -> None:
    await rerank(reranker, "q", ["a"])
    await anyio.to_thread.run_sync(rerank_sync, reranker, "q", ["a"])
    await rerank(reranker, "q", ["a"])

    assert server.connections == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(
    server: RerankServer, reranker: CohereReranker, status: int
) -> None:
    with RerankServer() as other:
        server.script(Turn(status=status, headers={"location": f"{other.url}/v2/rerank"}))
        with pytest.raises(APICallError, match="redirect") as caught:
            await rerank(reranker, "q", ["a"])

    assert (caught.value.status, caught.value.is_retryable) == (status, False)
    assert other.requests == []


async def test_a_client_of_ones_own_is_used_and_left_open(server: RerankServer) -> None:
    async with httpx2.AsyncClient(headers={"x-mine": "1"}, follow_redirects=True) as client:
        async with CohereReranker("m", base_url=server.url, api_key=KEY, http_client=client) as reranker:
            await rerank(reranker, "q", ["a"])
            server.script(Turn(status=307, headers={"location": f"{server.url}/elsewhere"}))
            with pytest.raises(APICallError, match="redirect"):
                await rerank(reranker, "q", ["a"])
        assert not client.is_closed

    assert server.requests[0].headers["x-mine"] == "1"
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert len(server.requests) == 2


async def test_what_a_client_of_ones_own_has_read_already_is_taken_from_it(server: RerankServer) -> None:
    async def read(response: httpx2.Response) -> None:
        await response.aread()

    ranking = {"results": [{"index": 0, "relevance_score": 0.5}]}
    instead = httpx2.MockTransport(lambda request: httpx2.Response(200, json=ranking))
    for options in ({"event_hooks": {"response": [read]}}, {"transport": instead}):
        async with httpx2.AsyncClient(**options) as client:  # type: ignore[arg-type]
            reranker = CohereReranker("m", base_url=server.url, http_client=client)
            assert len(await rerank(reranker, "q", ["a"])) == 1


async def test_a_closed_client_of_ones_own_is_refused(server: RerankServer) -> None:
    async with httpx2.AsyncClient() as client:
        reranker = CohereReranker("m", base_url=server.url, http_client=client)
    with pytest.raises(InvalidRequestError, match="http_client is closed"):
        await rerank(reranker, "q", ["a"])


@pytest.mark.parametrize("host", ["no-such-host.invalid", "127.0.0.1:1", "[::1]:1"])
async def test_a_host_that_is_not_there_is_a_failed_connection(host: str) -> None:
    async with CohereReranker("m", base_url=f"http://{host}") as reranker:
        with pytest.raises(ConnectionFailedError):
            await rerank(reranker, "q", ["a"], max_retries=0)


async def test_ten_thousand_documents_arrive_in_parts_of_a_thousand(
    server: RerankServer, reranker: CohereReranker
) -> None:
    documents = [f"document {number}" for number in range(10_000)]
    documents[7_123] = "the answer"
    result = await rerank(reranker, "the answer", documents, top_k=3)

    assert result[0].index == 7_123
    assert [len(seen.body["documents"]) for seen in server.requests] == [1_000] * 10
    assert server.most_in_flight <= 4
    assert (result.usage.api_calls, result.usage.search_units) == (10, 100.0)


async def test_ten_thousand_documents_fit_into_one_request(server: RerankServer) -> None:
    documents = [f"document {number}" for number in range(10_000)]
    async with CohereReranker("m", base_url=server.url, max_documents_per_call=10_000) as reranker:
        result = await rerank(reranker, "document 5", documents)

    assert len(result) == 10_000
    assert len(server.requests) == 1


def test_importing_the_package_loads_no_http_client() -> None:
    code = "import sys, localrank_cohere; print({'httpx', 'httpx2', 'httpcore2', 'numpy'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout == "set()\n"


def test_without_httpx2_the_error_names_the_install_command() -> None:
    code = (
        "import sys; sys.modules['httpx2'] = None\n"
        "from localrank import rerank_sync, MissingDependencyError\n"
        "from localrank_cohere import TEIReranker\n"
        "try: rerank_sync(TEIReranker('http://127.0.0.1:9'), 'q', ['a'])\n"
        "except MissingDependencyError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert 'pip install "localrank[cohere]"' in done.stdout


async def test_what_cannot_be_sent_is_a_bad_request_and_shows_nothing() -> None:
    async with CohereReranker("m", base_url="http://127.0.0.1:1", headers={"x-a": "b"}) as reranker:
        with pytest.raises(InvalidRequestError) as caught:
            await rerank(reranker, "q", ["a"], headers={"authorization": "secret\r\nx: y"})

    assert "secret" not in str(caught.value)
