"""A forked child ranks, whatever the threads of its parent were doing."""

from __future__ import annotations

import os
import textwrap

import pytest

from tests.support.children import run_script

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")

MODELS = """
import trio
from localrank import Cached, Fallback, Limited, SQLiteStore

class Sync:
    model_id, provider = "sync", "test"
    def __init__(self):
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()
    def do_rerank_sync(self, options):
        self.begun.set()
        self.go_on.wait(20)
        return DoRerankResult([ScoredIndex(i, 0.5) for i in range(len(options.documents))])

def sync(model):
    assert len(rerank_sync(model, "q", ["a", "b"])) == 2
def on_asyncio(model):
    assert len(asyncio.run(rerank(model, "q", ["a", "b"]))) == 2
def on_trio(model):
    assert len(trio.run(rerank, model, "q", ["a", "b"])) == 2
"""


def said(script: str) -> str:
    done = run_script(MODELS + textwrap.dedent(script))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("way", ["sync", "on_asyncio", "on_trio"])
@pytest.mark.parametrize("before", ["sync", "on_asyncio", "on_trio"])
def test_after_calls_of_its_parent(before: str, way: str) -> None:
    assert (
        said(f"""
        model = Sync()
        {before}(model)
        print(in_child(lambda: {way}(model)))
        {before}(model)
    """)
        == "ok\n"
    )


@pytest.mark.parametrize("way", ["sync", "on_asyncio", "on_trio"])
@pytest.mark.parametrize(
    "wrapped",
    ["model", "Limited(model, concurrency=1)", "Fallback(model, LexicalReranker())", "Cached(model)"],
)
def test_while_its_parent_ranks(wrapped: str, way: str) -> None:
    assert (
        said(f"""
        model = Sync()
        wrapped = {wrapped}
        model.go_on.clear()
        thread = threading.Thread(target=sync, args=(wrapped,))
        thread.start()
        model.begun.wait()
        def child():
            model.go_on.set()
            {way}(wrapped)
        print(in_child(child))
        model.go_on.set()
        thread.join()
    """)
        == "ok\n"
    )


def test_by_name_while_a_thread_of_its_parent_looks_the_name_up() -> None:
    assert (
        said("""
        from localrank import register_provider
        looking, go_on = threading.Event(), threading.Event()
        def make(name):
            looking.set()
            go_on.wait(20)
            return LexicalReranker()
        register_provider("slow", make)
        from localrank.providers import forking
        forking.LONGEST_WAIT_S = 0.05
        thread = threading.Thread(target=sync, args=("slow:model",))
        thread.start()
        looking.wait()
        def child():
            go_on.set()
            sync("slow:model")
        print(in_child(child))
        go_on.set()
        thread.join()
    """)
        == "ok\n"
    )


def test_a_breakers_trial_call_of_the_parent_is_not_awaited() -> None:
    assert (
        said("""
        from localrank.compose.rules.breaker import Breaker
        breaker = Breaker(threshold=1, reset_after=0.0, now=time.monotonic)
        breaker.failed()
        assert breaker.lets_through() and not breaker.lets_through()
        def child():
            assert breaker.lets_through()
        print(in_child(child), breaker.lets_through())
    """)
        == "ok False\n"
    )


def test_a_child_that_ends_as_programs_do_leaves_its_parent_alone() -> None:
    assert (
        said("""
        model = Sync()
        sync(model)
        child = os.fork()
        if child == 0:
            sync(model)
            sys.exit(0)
        status = os.waitpid(child, 0)[1]
        sync(model)
        print(status)
    """)
        == "0\n"
    )


def test_children_of_children_rank() -> None:
    assert (
        said("""
        model = Sync()
        sync(model)
        def child():
            sync(model)
            if in_child(lambda: sync(model)) != "ok":
                os._exit(1)
        print(in_child(child))
    """)
        == "ok\n"
    )
