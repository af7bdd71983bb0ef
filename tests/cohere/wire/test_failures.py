"""Each failure is the one error it means, says what the server said, and never shows the key."""

from __future__ import annotations

import datetime
import time
import traceback
from email.utils import format_datetime

import anyio
import pytest

from localrank import (
    APICallError,
    AuthenticationError,
    RateLimitError,
    RetryError,
    RetryPolicy,
    ServerError,
    rerank,
)
from localrank_cohere import CohereReranker
from localrank_cohere.dialects.table import DIALECTS
from localrank_cohere.wire.failures import failure
from tests.cohere.conftest import KEY
from tests.support.rerank_server import RerankServer, Turn, faulty

pytestmark = pytest.mark.anyio


async def refused(server: RerankServer, reranker: CohereReranker, turn: Turn) -> APICallError:
    server.script(turn)
    with pytest.raises(APICallError) as caught:
        await rerank(reranker, "q", ["a"], max_retries=0)
    return caught.value


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, APICallError, False),
        (401, AuthenticationError, False),
        (402, APICallError, False),
        (403, AuthenticationError, False),
        (404, APICallError, False),
        (408, APICallError, True),
        (409, APICallError, True),
        (413, APICallError, False),
        (422, APICallError, False),
        (429, RateLimitError, True),
        (498, APICallError, False),
        (499, APICallError, False),
        (500, ServerError, True),
        (501, ServerError, True),
        (503, ServerError, True),
        (504, ServerError, True),
        (529, ServerError, True),
    ],
)
async def test_each_status_is_its_error(
    server: RerankServer, reranker: CohereReranker, status: int, kind: type[APICallError], retryable: bool
) -> None:
    error = await refused(server, reranker, Turn(status=status))

    assert type(error) is kind
    assert (error.status, error.is_retryable) == (status, retryable)
    assert (error.request_id, error.url) == ("req-1", f"{server.url}/v2/rerank")
    assert f"the scripted answer {status}" in str(error)


@pytest.mark.parametrize("name", [dialect.name for dialect in DIALECTS])
async def test_the_servers_message_is_found_in_every_dialect(name: str) -> None:
    with RerankServer(name) as server:
        async with CohereReranker("m", dialect=name, base_url=server.url) as reranker:
            error = await refused(server, reranker, Turn(status=422))

    assert "the scripted answer 422" in str(error)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<html><head><title>502 Bad Gateway</title></head></html>", "502 Bad Gateway"),
        (
            '{"detail":[{"loc":["body","query"],"msg":"Field required","input":"secret"}]}',
            "query: Field required",
        ),
        ('{"error":{"error":"deep"}}', "deep"),
        ('"plain"', "plain"),
        ("", "no reason given"),
        ("[]", "no reason given"),
        ('{"message":{"a":1}}', "no reason given"),
        ("<html>no title</html>", "no title"),
    ],
)
def test_a_message_is_found_in_odd_bodies(text: str, said: str) -> None:
    error = failure("cohere", "http://h/rerank", 502, {}, text)

    assert said in str(error)
    assert "secret" not in str(error)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"message": "m", "id": "a"}', "a"),
        ('{"code": "c", "message": "m", "request_id": "b"}', "b"),
        ('{"id": 7, "request_id": "b"}', "b"),
        ('{"message": "m"}', None),
        ('["a"]', None),
    ],
)
def test_a_request_is_known_by_the_name_that_its_answer_gives_it(text: str, expected: str | None) -> None:
    assert failure("a server", "http://h/rerank", 400, {}, text).request_id == expected


def test_a_long_message_is_cut() -> None:
    error = failure("cohere", "http://h/rerank", 400, {}, '{"message": "' + "word " * 10_000 + '"}')

    assert len(str(error)) < 400
    assert len(error.body or "") <= 4_000


def _in_an_hour() -> str:
    return format_datetime(datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1), usegmt=True)


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"retry-after-ms": "1500"}, 1.5, 1.5),
        ({"Retry-After": "7"}, 7, 7),
        ({"Retry-After": _in_an_hour()}, 1, 3600),
        ({"X-RateLimit-Reset": str(time.time() + 3600)}, 1, 3600),
        ({"retry-after-ms": "20", "Retry-After": "7"}, 0.02, 0.02),
    ],
)
async def test_the_wait_is_read_from_each_header(
    server: RerankServer, reranker: CohereReranker, headers: dict[str, str], low: float, high: float
) -> None:
    error = await refused(server, reranker, Turn(status=429, headers=headers))

    assert error.retry_after is not None
    assert low <= error.retry_after <= high


async def test_a_storm_of_429_is_ridden_out_with_the_servers_waits(
    server: RerankServer, reranker: CohereReranker
) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    server.script(
        Turn(status=429, headers={"retry-after-ms": "250"}),
        Turn(status=429, headers={"Retry-After": "3"}),
        Turn(status=429, headers={"Retry-After": "3600"}),
        Turn(status=503),
    )
    result = await rerank(reranker, "q", ["a"], retry=RetryPolicy(max_retries=4, sleep=sleep))

    assert len(result) == 1
    assert waits == [0.25, 3.0, 8.0, 16.0]  # an hour is not waited for; without a header the wait doubles


async def test_a_storm_that_does_not_end_is_a_retry_error(
    server: RerankServer, reranker: CohereReranker
) -> None:
    server.script(*[Turn(status=429, headers={"retry-after-ms": "1"})] * 3)
    with pytest.raises(RetryError) as caught:
        await rerank(reranker, "q", ["a"])

    assert [type(error) for error in caught.value.errors] == [RateLimitError] * 3
    assert len(server.requests) == 3


async def test_a_final_error_is_not_repeated(server: RerankServer, reranker: CohereReranker) -> None:
    server.script(Turn(status=401))
    with pytest.raises(AuthenticationError):
        await rerank(reranker, "q", ["a"])

    assert len(server.requests) == 1


@pytest.mark.parametrize("form", [KEY, KEY.replace("/", "\\/"), "co-0123456789%2Fabcdef%2BXYZ"])
async def test_an_echoed_key_never_shows(server: RerankServer, reranker: CohereReranker, form: str) -> None:
    body = f'{{"message": "bad key {form} of Bearer {form}"}}'.encode()
    error = await refused(server, reranker, Turn(status=401, headers={"x-debug": f"key={form}"}, body=body))
    shown = f"{error!r} {error} {error.body} {error.headers} {error.__dict__}"
    shown += "".join(traceback.format_exception(error))

    assert "bad key ***" in str(error)
    assert form not in shown


async def test_a_key_echoed_in_a_good_answer_never_shows(
    server: RerankServer, reranker: CohereReranker
) -> None:
    server.script(
        Turn(headers={"x-key": KEY}, body=lambda good: {**good, "meta": {"warnings": [KEY], "k": KEY}})
    )
    result = await rerank(reranker, "q", ["a"])

    assert KEY not in f"{result.response.headers} {result.provider_metadata} {result.warnings}"


async def test_no_exception_in_the_chain_holds_the_request(
    server: RerankServer, reranker: CohereReranker
) -> None:
    server.script(Turn(reset="headers"))
    with pytest.raises(APICallError) as caught:
        await rerank(reranker, "q", ["a"], max_retries=0)
    chain: list[BaseException] = [caught.value]
    while (inner := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(inner)

    assert [type(error).__module__ for error in chain] == ["localrank.contract.errors"] * len(chain)


async def test_under_faults_every_call_ends_and_sends_what_the_policy_allows() -> None:
    endings: list[object] = []
    attempts = 0

    async def call(reranker: CohereReranker) -> None:
        nonlocal attempts
        waits: list[float] = []

        async def sleep(seconds: float) -> None:
            waits.append(seconds)
            await anyio.sleep(0.001)

        try:
            ending: object = await rerank(
                reranker, "q", ["a", "b"], retry=RetryPolicy(sleep=sleep), timeout=20
            )
        except RetryError as error:
            ending = error
        endings.append(ending)
        attempts += len(waits) + 1
        assert len(waits) <= 2

    with RerankServer(choose=faulty(0.3, seed=3)) as server:
        async with CohereReranker("m", base_url=server.url) as reranker, anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(call, reranker)
        assert server.wait_until(lambda: server.open == 0)

    failed = [ending for ending in endings if isinstance(ending, RetryError)]
    assert len(endings) == 100
    assert len(server.requests) == attempts > 100
    assert all(isinstance(one, APICallError) for ending in failed for one in ending.errors)
