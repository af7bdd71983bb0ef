"""One hop to a thread: the loop stays free, a cancelled task stops the work, the application's own threads are left alone."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from functools import partial

import anyio
import anyio.to_thread
import pytest

from localrank.contract.errors import InferenceError
from localrank.providers.worker import run_in_thread

pytestmark = pytest.mark.anyio


def nothing() -> None:
    """Stand in where the work needs no stopping."""


async def test_the_work_runs_in_another_thread_and_its_value_comes_back() -> None:
    assert await run_in_thread(threading.get_ident, stop=nothing) != threading.get_ident()


async def test_an_error_of_the_work_is_raised_as_it_is() -> None:
    error = ArithmeticError("no")

    def fail() -> None:
        raise error

    with pytest.raises(ArithmeticError) as caught:
        await run_in_thread(fail, stop=nothing)

    assert caught.value is error


async def test_the_event_loop_runs_on_meanwhile() -> None:
    release = threading.Event()
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while beats < 3:
            await anyio.sleep(0.001)
            beats += 1
        release.set()

    async with anyio.create_task_group() as group:
        group.start_soon(beat)
        assert await run_in_thread(lambda: release.wait(5), stop=nothing)

    assert beats == 3


async def test_a_cancelled_task_stops_the_work_and_waits_for_its_end() -> None:
    begun, stop, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        stop.wait(30)
        ended.set()

    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(partial(run_in_thread, work, stop=stop.set))
            while not begun.is_set():
                await anyio.sleep(0.001)
            scope.cancel()

    assert scope.cancelled_caught
    assert stop.is_set()
    assert ended.wait(10)


async def test_work_that_does_not_stop_is_left_behind() -> None:
    release = threading.Event()

    with anyio.fail_after(10), anyio.move_on_after(0.01) as scope:
        await run_in_thread(lambda: release.wait(30), stop=nothing)

    assert scope.cancelled_caught
    release.set()


async def test_the_loops_own_limiter_is_not_used() -> None:
    limiter = anyio.to_thread.current_default_thread_limiter()
    release = threading.Event()
    borrowed = []

    async def look() -> None:
        await anyio.sleep(0.005)
        borrowed.append(limiter.borrowed_tokens)
        release.set()

    async with anyio.create_task_group() as group:
        group.start_soon(look)
        await run_in_thread(lambda: release.wait(5), stop=nothing)

    assert borrowed == [0]


async def test_the_work_finds_the_context_variables_of_its_task() -> None:
    variable: ContextVar[str] = ContextVar("variable")
    variable.set("the task's")

    assert await run_in_thread(variable.get, stop=nothing) == "the task's"


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
async def test_what_ends_a_program_ends_the_work_only(error: type[BaseException]) -> None:
    def leave() -> None:
        raise error

    with pytest.raises(InferenceError, match=error.__name__):
        await run_in_thread(leave, stop=nothing)


async def test_more_work_than_places_all_ends() -> None:
    done: list[int] = []

    async def work(number: int) -> None:
        done.append(await run_in_thread(lambda: number, stop=nothing))

    async with anyio.create_task_group() as group:
        for number in range(300):
            group.start_soon(work, number)

    assert sorted(done) == list(range(300))
