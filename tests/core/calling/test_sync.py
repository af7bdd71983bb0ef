"""`rerank_sync`: from a script, a notebook's loop, many threads, a model's own code, and out of a process again."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import trio

from localrank import (
    DoRerankOptions,
    DoRerankResult,
    InferenceError,
    InvalidRequestError,
    RerankAbortedError,
    RerankTimeoutError,
    ScoredIndex,
    rerank,
    rerank_sync,
)
from localrank.testing import LexicalReranker, MockReranker

DOCUMENTS = ["pasta with basil", "paris in spring"]


def ranked() -> list[int]:
    return [hit.index for hit in rerank_sync(LexicalReranker(), "paris", DOCUMENTS)]


def test_it_has_the_arguments_of_rerank() -> None:
    assert inspect.signature(rerank_sync).parameters == inspect.signature(rerank).parameters


def test_it_ranks_in_plain_code() -> None:
    assert ranked() == [1, 0]


def test_it_ranks_while_an_asyncio_loop_runs_in_the_same_thread() -> None:
    async def cell() -> list[int]:
        return ranked()

    assert asyncio.run(cell()) == [1, 0]


def test_it_ranks_while_a_trio_loop_runs_in_the_same_thread() -> None:
    async def cell() -> list[int]:
        return ranked()

    assert trio.run(cell) == [1, 0]


def test_it_ranks_in_sixteen_threads_at_once() -> None:
    together = threading.Barrier(16)

    def work(number: int) -> list[int]:
        together.wait(5)
        return [ranked() for _ in range(5)][number % 5]

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(work, range(16))) == [[1, 0]] * 16


class Nesting:
    """Calls `rerank_sync` inside its own `do_rerank`, `depth` times."""

    model_id = "nesting"
    provider = "test"

    def __init__(self, depth: int) -> None:
        self.depth = depth

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        inner = Nesting(self.depth - 1) if self.depth else LexicalReranker()
        result = rerank_sync(inner, options.query, options.documents)
        return DoRerankResult([ScoredIndex(hit.index, hit.score) for hit in result])


class NestingInThread:
    model_id = "nesting"
    provider = "test"

    def do_rerank_sync(self, options: DoRerankOptions) -> DoRerankResult:
        result = rerank_sync(LexicalReranker(), options.query, options.documents)
        return DoRerankResult([ScoredIndex(hit.index, hit.score) for hit in result])


class NestingBoth(Nesting):
    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        result = rerank_sync(NestingInThread(), options.query, options.documents)
        return DoRerankResult([ScoredIndex(hit.index, hit.score) for hit in result])


@pytest.mark.parametrize("model", [Nesting(0), Nesting(2), NestingInThread(), NestingBoth(0)])
def test_a_model_may_call_it_from_inside_a_call(model: Nesting) -> None:
    assert [hit.index for hit in rerank_sync(model, "paris", DOCUMENTS, timeout=20)] == [1, 0]


def test_errors_are_those_of_rerank() -> None:
    error = InferenceError("no")

    with pytest.raises(InvalidRequestError):
        rerank_sync(MockReranker(), "q", "abc")
    with pytest.raises(InferenceError) as caught:
        rerank_sync(MockReranker([error]), "q", ["a"])
    with pytest.raises(RerankTimeoutError):
        rerank_sync(MockReranker(delay=60), "q", ["a"], timeout=0.02)

    assert caught.value is error


def test_a_token_set_by_another_thread_stops_it() -> None:
    token = threading.Event()
    timer = threading.Timer(0.02, token.set)
    timer.start()

    with pytest.raises(RerankAbortedError):
        rerank_sync(MockReranker(delay=60), "q", ["a"], abort_event=token)

    timer.join()


def run_script(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{PRELUDE}\n{textwrap.dedent(script)}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


PRELUDE = """
import os, signal, sys, threading, time
from localrank import DoRerankResult, ScoredIndex, rerank_sync
from localrank.testing import LexicalReranker, MockReranker

class Sync:
    model_id, provider = "sync", "test"
    def do_rerank_sync(self, options):
        return DoRerankResult([ScoredIndex(i, 0.5) for i in range(len(options.documents))])
"""


@pytest.mark.parametrize("model", ["LexicalReranker()", "Sync()"])
@pytest.mark.parametrize("ending", ["", "raise SystemExit(0)", "sys.exit()"])
def test_the_interpreter_exits_at_once_after_a_call(model: str, ending: str) -> None:
    done = run_script(f"print(len(rerank_sync({model}, 'q', ['a'])), flush=True)\n{ending}")

    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


@pytest.mark.parametrize("before", ["", "rerank_sync(LexicalReranker(), 'q', ['a'])"])
def test_a_thread_that_outlives_the_main_one_can_still_call(before: str) -> None:
    done = run_script(f"""
        def late():
            print(len(rerank_sync(MockReranker(delay=0.1), "q", ["a"])))
            time.sleep(0.05)
            print(len(rerank_sync(Sync(), "q", ["a", "b"])))
        threading.Thread(target=late).start()
        {before}
    """)

    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n2\n", "")


def test_a_daemon_threads_call_does_not_keep_the_interpreter() -> None:
    done = run_script("""
        slow = lambda: rerank_sync(MockReranker(delay=60), "q", ["a"])
        threading.Thread(target=slow, daemon=True).start()
        time.sleep(0.05)
        print(len(rerank_sync(Sync(), "q", ["a"])))
    """)

    assert (done.returncode, done.stdout) == (0, "1\n")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_gets_a_loop_of_its_own() -> None:
    done = run_script("""
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads, from Python 3.12
        rerank_sync(LexicalReranker(), "q", ["a"])
        child = os.fork()
        if child == 0:
            print("child", len(rerank_sync(LexicalReranker(), "q", ["a", "b"])), flush=True)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print("parent", len(rerank_sync(LexicalReranker(), "q", ["a"])), status)
    """)

    assert (done.returncode, done.stdout, done.stderr) == (0, "child 2\nparent 1 0\n", "")


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for a child on Windows")
def test_ctrl_c_cancels_the_call_and_ends_the_process() -> None:
    script = """
        import anyio
        class Slow:
            model_id, provider = "slow", "test"
            async def do_rerank(self, options):
                print("ready", flush=True)
                try:
                    await anyio.sleep(60)
                finally:
                    print("cancelled", flush=True)
        try:
            rerank_sync(Slow(), "q", ["a"])
        except KeyboardInterrupt:
            time.sleep(0.1)
            print(len(rerank_sync(LexicalReranker(), "q", ["a"])), "after")
            sys.exit(130)
    """
    child = subprocess.Popen(
        [sys.executable, "-c", f"{PRELUDE}\n{textwrap.dedent(script)}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGINT)
        output, errors = child.communicate(timeout=20)

    # the cancelled call and the next one end side by side
    assert (child.returncode, sorted(output.splitlines()), errors) == (130, ["1 after", "cancelled"], "")


def test_calls_share_one_loop() -> None:
    loops = set()

    class Looking(LexicalReranker):
        async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
            loops.add(id(asyncio.get_running_loop()))
            return await super().do_rerank(options)

    for _ in range(3):
        rerank_sync(Looking(), "q", ["a"])

    assert len(loops) == 1
