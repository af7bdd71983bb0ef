"""One caller cannot stop the others: what ends programs, calls within calls, threads and file descriptors that run out."""

from __future__ import annotations

import asyncio
import resource
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from anyio.from_thread import run_sync

from localrank import DoRerankOptions, DoRerankResult, InferenceError, ScoredIndex, rerank_sync
from localrank.calling import sync
from localrank.testing import LexicalReranker, MockReranker
from tests.support.children import run_script


class Raising:
    """Raises what ends a program, in a thread or on the loop."""

    model_id, provider = "raising", "test"

    def __init__(self, error: type[BaseException]) -> None:
        self.error = error


class RaisingInThread(Raising):
    def do_rerank_sync(self, options: DoRerankOptions) -> DoRerankResult:
        raise self.error


class RaisingOnLoop(Raising):
    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        raise self.error


class Nesting:
    """Calls `rerank_sync` in its own thread, once all others do too, or in a thread that it begins."""

    model_id, provider = "nesting", "test"

    def __init__(self, count: int, *, beside: bool) -> None:
        self.all_here = threading.Barrier(count)
        self.beside = beside

    def do_rerank_sync(self, options: DoRerankOptions) -> DoRerankResult:
        self.all_here.wait(30)
        if not self.beside:
            return _inner(options)
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(_inner, options).result()


class Sleeping:
    model_id, provider = "sleeping", "test"

    def do_rerank_sync(self, options: DoRerankOptions) -> DoRerankResult:
        time.sleep(0.001)
        return DoRerankResult([ScoredIndex(0, 0.5)])


def _inner(options: DoRerankOptions) -> DoRerankResult:
    ranked = rerank_sync(Sleeping(), options.query, options.documents)
    return DoRerankResult([ScoredIndex(hit.index, hit.score) for hit in ranked])


def beside_others(call: Callable[[], object]) -> Future[object]:
    """Make `call` while twenty others run, which must all succeed, and hand back how it ended."""
    others = MockReranker(delay=0.05)
    with ThreadPoolExecutor(21) as pool:
        calls = [pool.submit(rerank_sync, others, "q", ["a"]) for _ in range(20)]
        own = pool.submit(call)
        assert [len(one.result(30)) for one in calls] == [1] * 20
    assert len(rerank_sync(others, "q", ["a"])) == 1
    return own


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("kind", [RaisingInThread, RaisingOnLoop])
def test_a_model_that_ends_programs_ends_its_call(kind: type[Raising], error: type[BaseException]) -> None:
    ended = beside_others(lambda: rerank_sync(kind(error), "q", ["a"]))  # type: ignore[arg-type]

    with pytest.raises(InferenceError, match=error.__name__):
        ended.result()


@pytest.mark.parametrize("error", [GeneratorExit, asyncio.CancelledError])
def test_nor_does_one_that_pretends_to_be_cancelled(error: type[BaseException]) -> None:
    ended = beside_others(lambda: rerank_sync(RaisingInThread(error), "q", ["a"]))

    with pytest.raises(InferenceError, match=error.__name__):
        ended.result()


@pytest.mark.parametrize("hook", ["on_start", "on_progress", "on_end"])
def test_a_hook_that_ends_programs_is_logged_like_any_other_that_fails(
    hook: str, caplog: pytest.LogCaptureFixture
) -> None:
    def leave(event: object) -> None:
        raise SystemExit(3)

    ended = beside_others(lambda: rerank_sync(LexicalReranker(), "q", ["a"] * 20, **{hook: leave}))  # type: ignore[arg-type]

    assert len(ended.result()) == 20  # type: ignore[arg-type]
    assert "A hook for" in caplog.text


def test_a_token_that_ends_programs_ends_its_call() -> None:
    class Token:
        looks = 0

        def is_set(self) -> bool:
            self.looks += 1
            if self.looks > 2:
                raise SystemExit
            return False

    ended = beside_others(lambda: rerank_sync(MockReranker(delay=5), "q", ["a"], abort_event=Token()))

    with pytest.raises(InferenceError, match="SystemExit"):
        ended.result()


def test_a_text_function_that_ends_programs_raises_in_its_callers_thread() -> None:
    def leave(document: object) -> str:
        raise SystemExit(3)

    ended = beside_others(lambda: rerank_sync(MockReranker(), "q", [1], text=leave))

    with pytest.raises(SystemExit):
        ended.result()


@pytest.mark.parametrize("beside", [False, True])
def test_more_nested_calls_than_places_all_end(beside: bool) -> None:
    count, model = 150, Nesting(50, beside=beside)
    with ThreadPoolExecutor(count) as pool:
        calls = [pool.submit(rerank_sync, model, "q", ["a"]) for _ in range(count)]
        assert [len(call.result(60)) for call in calls] == [1] * count


@pytest.mark.parametrize("allowed", [0, 1])
def test_threads_that_run_out_are_an_error_until_they_come_back(allowed: int) -> None:
    done = run_script(f"""
        from localrank import InferenceError
        class Sync:
            model_id, provider = "sync", "test"
            def do_rerank_sync(self, options):
                return DoRerankResult([ScoredIndex(0, 0.5)])
        real, left = threading._start_new_thread, [{allowed}]
        def start(*given):
            if not left[0]:
                raise RuntimeError("can't start new thread")
            left[0] -= 1
            return real(*given)
        threading._start_new_thread = start
        for _ in range(2):
            try:
                rerank_sync(Sync(), "q", ["a"])
            except InferenceError as error:
                print("No thread" in str(error), "memory" in str(error))
        threading._start_new_thread = real
        print(len(rerank_sync(Sync(), "q", ["a"])))
    """)

    assert (done.returncode, done.stdout) == (0, "True True\nTrue True\n1\n")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts the open files of Linux")
def test_file_descriptors_that_run_out_are_an_error_until_they_come_back() -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    done = run_script(f"""
        import resource
        from localrank import InferenceError
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        rerank  # imported: what is left to open is the loop
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) - 1, hard))
        for _ in range(2):
            try:
                rerank_sync(LexicalReranker(), "q", ["a"])
            except InferenceError as error:
                print("No event loop" in str(error))
        resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, hard))
        print(len(rerank_sync(LexicalReranker(), "q", ["a"])))
    """)

    assert (done.returncode, done.stdout) == (0, "True\nTrue\n1\n")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts the open files of Linux")
def test_a_name_that_nothing_is_left_to_look_up_is_an_error_until_files_can_be_opened() -> None:
    done = run_script("""
        import resource
        from localrank import InferenceError
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        rerank_sync(LexicalReranker(), "q", ["a"])  # the loop is there
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) - 1, limits[1]))
        for name in ("onnx:localrank-tiny", "no-such-model"):
            try:
                rerank_sync(name, "q", ["a"])
            except InferenceError as error:
                print("too many files are open. Raise the limit" in str(error))
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        print(len(rerank_sync("identity:x", "q", ["a"])))
    """)

    assert (done.returncode, done.stdout, done.stderr) == (0, "True\nTrue\n1\n", "")


def test_a_loop_that_is_ended_beneath_its_callers_releases_them() -> None:
    class Detached:
        model_id, provider = "detached", "test"

        async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
            async def leave() -> None:
                raise SystemExit

            self.task = asyncio.get_running_loop().create_task(leave())
            await asyncio.sleep(30)
            raise AssertionError

    with ThreadPoolExecutor(5) as pool:
        calls = [pool.submit(rerank_sync, MockReranker(delay=30), "q", ["a"]) for _ in range(4)]
        time.sleep(0.05)
        calls.append(pool.submit(rerank_sync, Detached(), "q", ["a"]))
        for call in calls:
            with pytest.raises(InferenceError, match="Call again"):
                call.result(20)
    assert len(rerank_sync(MockReranker(), "q", ["a"])) == 1


def test_a_call_that_the_loop_s_end_overtakes_runs_on_another() -> None:
    rerank_sync(MockReranker(), "q", ["a"])
    loop = sync._shared_loop()
    assert loop is not None
    running, held, released = loop._running.result(), threading.Event(), threading.Event()

    def end() -> None:
        held.set()
        released.wait(20)
        running.group.cancel_scope.cancel()

    with ThreadPoolExecutor(2) as pool:
        pool.submit(run_sync, end, token=running.token)
        assert held.wait(20)
        call = pool.submit(rerank_sync, MockReranker(), "q", ["a"])
        while not loop._calls:
            time.sleep(0.001)
        time.sleep(0.05)
        released.set()
        assert len(call.result(20)) == 1
