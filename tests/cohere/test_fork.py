"""A remote model in a forked child: connections of its own, and a client of the caller's is not shared."""

from __future__ import annotations

import os

import pytest

from tests.support.children import run_script
from tests.support.rerank_server import RerankServer

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")


def said(server: RerankServer, script: str) -> str:
    done = run_script(f"""
import httpx2, trio
from localrank import InvalidRequestError
from localrank_cohere import CohereReranker
def make(**settings):
    return CohereReranker("m", api_key="k", base_url={server.url!r}, **settings)
{script}""")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_child_and_its_parent_go_on_side_by_side() -> None:
    with RerankServer("cohere") as server:
        assert (
            said(
                server,
                """
model = make()
ask = lambda: rerank_sync(model, "q", ["a", "b"])
ask()
ways = [ask, lambda: asyncio.run(rerank(model, "q", ["a"])), lambda: trio.run(rerank, model, "q", ["a"])]
for way in ways:
    print(in_child(way), len(ask()))
""",
            )
            == "ok 2\n" * 3
        )


def test_a_child_of_a_parent_that_waits_for_an_answer_asks_by_itself() -> None:
    with RerankServer("cohere", latency=0.3) as server:
        assert (
            said(
                server,
                """
model = make()
threads = [threading.Thread(target=rerank_sync, args=(model, "q", ["a"])) for _ in range(4)]
for thread in threads:
    thread.start()
time.sleep(0.2)
print(in_child(lambda: rerank_sync(model, "q", ["a"])))
for thread in threads:
    thread.join()
""",
            )
            == "ok\n"
        )


def test_a_client_that_its_parent_used_is_refused() -> None:
    with RerankServer("cohere") as server:
        assert (
            said(
                server,
                """
loop = asyncio.new_event_loop()
model = make(http_client=httpx2.AsyncClient())
loop.run_until_complete(rerank(model, "q", ["a"]))
def child():
    try:
        rerank_sync(model, "q", ["a"])
    except InvalidRequestError as error:
        assert "http_client" in str(error)
    else:
        os._exit(1)
print(in_child(child))
os._exit(0 if print(flush=True) is None else 1)
""",
            )
            == "ok\n\n"
        )


def test_a_client_that_only_the_child_uses_is_used() -> None:
    with RerankServer("cohere") as server:
        assert (
            said(
                server,
                """
model = make(http_client=httpx2.AsyncClient())
print(in_child(lambda: asyncio.run(rerank(model, "q", ["a"]))))
os._exit(0 if print(flush=True) is None else 1)
""",
            )
            == "ok\n\n"
        )
