"""Units run once, bounded, stoppable; short calls first; no thread is left behind."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from localrank import InferenceError
from localrank_transformers.call import scheduler as scheduler_module
from localrank_transformers.call.planner import Unit
from localrank_transformers.call.scheduler import OLDEST_EVERY, Scheduler, _Batch


def units(count: int, tokens: int = 10) -> list[Unit]:
    return [Unit((position,), tokens) for position in range(count)]


def run(scheduler: Scheduler, work: list[Unit], execute: Callable[[Unit], None]) -> bool:
    return scheduler.run(work, execute, should_stop=lambda: False, on_stop=lambda: None)


def test_every_unit_runs_once_and_nothing_of_the_call_is_kept() -> None:
    scheduler, seen = Scheduler(2), []
    assert run(scheduler, units(50), lambda unit: seen.append(unit.positions[0]))
    assert list(range(50)) == sorted(seen)
    assert scheduler._batches == []


def test_a_worker_that_waits_keeps_nothing_of_the_call_before() -> None:
    class Model:
        fails = False

        def execute(self, _: Unit) -> None:
            if self.fails:
                raise RuntimeError

    scheduler = Scheduler(1)
    with scheduler.lease():
        for fails in (False, True):
            model = Model()
            model.fails = fails
            gone = threading.Event()
            weakref.finalize(model, gone.set)
            with suppress(RuntimeError):
                run(scheduler, units(2), model.execute)
            del model
            gc.collect()  # an error and what it was raised in name each other
            assert gone.wait(10)
            assert len(scheduler._threads) == 1


def test_no_more_units_run_at_once_than_there_are_workers() -> None:
    running, most, lock, all_work = 0, 0, threading.Lock(), threading.Event()

    def execute(unit: Unit) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running == 3:
                all_work.set()
        assert all_work.wait(30)
        time.sleep(0.002)
        with lock:
            running -= 1

    scheduler = Scheduler(3)
    threads = [threading.Thread(target=run, args=(scheduler, units(10), execute)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 3


def test_at_once_bounds_one_call() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def execute(unit: Unit) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.002)
        with lock:
            running -= 1

    Scheduler(4).run(units(8), execute, should_stop=lambda: False, on_stop=lambda: None, at_once=1)
    assert most == 1


def test_the_first_error_is_raised_and_the_rest_dropped() -> None:
    seen: list[int] = []

    def execute(unit: Unit) -> None:
        seen.append(unit.positions[0])
        if unit.positions[0] == 3:
            raise RuntimeError("unit 3")

    with pytest.raises(RuntimeError, match="unit 3"):
        run(Scheduler(1), units(100), execute)
    assert seen == [0, 1, 2, 3]


def test_a_stop_ends_the_call_and_tells_the_running_unit() -> None:
    begun, told = threading.Event(), threading.Event()

    def execute(unit: Unit) -> None:
        begun.set()
        told.wait(10)
        raise RuntimeError("terminated")

    finished = Scheduler(1).run(units(5), execute, should_stop=begun.is_set, on_stop=told.set)
    assert (finished, told.is_set()) == (False, True)


def test_a_short_call_overtakes_a_long_one() -> None:
    scheduler, order = Scheduler(1), []
    begun, both_wait = threading.Event(), threading.Event()

    def execute(name: str) -> Callable[[Unit], None]:
        def one(unit: Unit) -> None:
            begun.set()
            assert both_wait.wait(10)
            order.append(name)

        return one

    long = threading.Thread(target=run, args=(scheduler, units(10, tokens=1_000), execute("long")))
    short = threading.Thread(target=run, args=(scheduler, units(2), execute("short")))
    long.start()
    assert begun.wait(10)
    short.start()
    while len(scheduler._batches) < 2:
        time.sleep(0.001)
    both_wait.set()
    long.join()
    short.join()
    assert order == ["long", "short", "short", *["long"] * 9]


def test_the_oldest_call_has_its_share_however_many_short_ones_come() -> None:
    scheduler = Scheduler(1)
    long, *short = (
        _Batch(units(9, tokens=tokens), lambda unit: None, lambda: None, 1) for tokens in (9_000, 10, 20, 30)
    )
    scheduler._batches = [long, *short]

    taken = [scheduler._next() for _ in range(3 * OLDEST_EVERY)]

    assert taken.count(long) == 3
    assert all(one in {long, short[0]} for one in taken)


def test_a_short_call_is_not_overtaken_by_a_long_one_however_long_that_waited() -> None:
    scheduler = Scheduler(1)
    long = _Batch(units(9, tokens=9_000), lambda unit: None, lambda: None, 1)
    scheduler._batches = [long]
    for _ in range(100):
        assert scheduler._next() is long
    short = _Batch(units(2, tokens=10), lambda unit: None, lambda: None, 1)
    scheduler._batches.append(short)

    assert [scheduler._next() for _ in range(OLDEST_EVERY)].count(short) == OLDEST_EVERY - 1


def test_threads_are_gone_after_the_last_lease() -> None:
    scheduler = Scheduler(2)
    before = threading.active_count()
    with scheduler.lease():
        run(scheduler, units(4), lambda unit: None)
        assert threading.active_count() > before
    assert before == threading.active_count()
    assert run(scheduler, units(4), lambda unit: None)
    assert before == threading.active_count()


def test_a_worker_that_is_busy_at_the_end_goes_although_leases_end_after_it() -> None:
    scheduler, began, go_on = Scheduler(1), threading.Event(), threading.Event()

    def execute(_unit: Unit) -> None:
        began.set()
        go_on.wait(30)

    scheduler.hold()
    call = threading.Thread(target=run, args=(scheduler, units(1), execute))
    call.start()
    began.wait(30)
    (worker,) = scheduler._threads
    scheduler.end(0.0)
    threading.Timer(0.1, go_on.set).start()
    scheduler.release()
    call.join(30)
    worker.join(5)
    assert not worker.is_alive()


def test_the_last_lease_waits_no_longer_once_another_is_taken() -> None:
    scheduler, joining, leave = Scheduler(1), threading.Event(), threading.Event()

    class Worker(threading.Thread):
        """One that does not see the end of the lease before the next begins."""

        def join(self, timeout: float | None = None) -> None:
            joining.set()
            super().join(timeout)

    worker = Worker(target=leave.wait, daemon=True)
    worker.start()
    scheduler._threads.add(worker)
    scheduler.hold()
    releasing = threading.Thread(target=scheduler.release, daemon=True)
    releasing.start()
    assert joining.wait(30)

    scheduler.hold()

    releasing.join(30)
    assert not releasing.is_alive()
    leave.set()


AT_EXIT = """
import atexit, threading
atexit.register(lambda: print([t.name for t in threading.enumerate() if t.name.startswith("localrank-worker")]))
from localrank import InferenceError
from localrank_transformers.call import scheduler as scheduler_module
from localrank_transformers.call.planner import Unit
from localrank_transformers.call.scheduler import shared_scheduler
began, stop = threading.Event(), threading.Event()

def execute(unit):
    began.set()
    stop.wait(30)

def call():
    shared_scheduler().run(UNITS, execute, should_stop=lambda: False, on_stop=stop.set)

UNITS = UNIT_LIST
threading.Thread(target=call, daemon=True).start()
began.wait(30)
"""


def test_no_worker_is_left_in_the_engine_when_the_process_ends() -> None:
    code = AT_EXIT.replace("UNIT_LIST", "[Unit((place,), 1) for place in range(100)]")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("[]\n", "", 0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_that_is_ended_from_outside_is_replaced() -> None:
    scheduler, seen, ended = Scheduler(1), list[int](), list[threading.Thread]()
    with scheduler.lease():
        for times in range(3):
            assert run(scheduler, units(2), lambda unit: seen.append(unit.positions[0]))
            (worker,) = scheduler._threads
            ended.append(worker)
            assert worker.ident is not None
            # it comes to the thread when it wakes for the next unit
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(worker.ident), ctypes.py_object(SystemExit)
            )
            assert len(seen) == 2 * times + 2
        assert run(scheduler, units(2), lambda unit: seen.append(unit.positions[0]))
    for worker in ended:
        worker.join(10)  # its error is told when it has ended
    assert seen == [0, 1] * 4
    assert scheduler._threads == set()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("place", ["_outcome", "_finish"])
def test_an_error_thrown_into_a_worker_beside_its_unit_ends_the_call_and_no_other(
    monkeypatch: pytest.MonkeyPatch, place: str, *, again: bool
) -> None:
    owner: Any = scheduler_module if place == "_outcome" else Scheduler
    original = getattr(owner, place)
    scheduler, errors = Scheduler(1), list[BaseException]()

    def thrown(*_: object) -> None:
        monkeypatch.setattr(owner, place, original)
        raise SystemExit

    def call() -> None:
        try:
            run(scheduler, units(3), lambda _: None)
        except InferenceError as error:
            errors.append(error)

    monkeypatch.setattr(owner, place, thrown)
    if again:
        monkeypatch.setattr(Scheduler, "_replace", thrown)
    calling = threading.Thread(target=call, daemon=True)
    calling.start()
    calling.join(20)
    assert not calling.is_alive()
    assert "thrown into its thread" in str(errors[0])
    seen: list[int] = []
    assert run(scheduler, units(2), lambda unit: seen.append(unit.positions[0]))
    assert seen == [0, 1]
    assert scheduler._batches == []
