"""Threads that do one piece of work after another and keep no program from ending."""

from __future__ import annotations

import ctypes
import threading
import time
from collections import deque

import pytest

from localrank.providers import worker
from localrank.providers.worker import run_soon


def ran_in() -> threading.Thread:
    """Run something, and return the thread once it is idle or gone."""
    done, found = threading.Event(), list[threading.Thread]()

    def work() -> None:
        found.append(threading.current_thread())
        done.set()

    run_soon(work)
    assert done.wait(10)
    return found[0]


def test_they_are_daemons() -> None:
    assert ran_in().daemon


def test_work_at_the_same_time_runs_in_threads_of_its_own() -> None:
    together, ended = threading.Barrier(20), threading.Semaphore(0)

    def work() -> None:
        together.wait(20)
        ended.release()

    for _ in range(20):
        run_soon(work)

    assert all(ended.acquire(timeout=20) for _ in range(20))


def test_one_that_is_idle_is_used_again() -> None:
    assert len({ran_in() for _ in range(50)}) < 50


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_work_that_wakes_one_into_which_an_error_was_thrown_runs_in_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "_idle", deque())
    thread = ran_in()
    while not worker._idle:
        time.sleep(0.001)
    assert thread.ident is not None
    # it comes to the thread when it wakes
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))

    assert ran_in() is not thread
    thread.join(20)
    assert not thread.is_alive()


def test_one_that_stays_idle_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "IDLE_S", 0.01)
    monkeypatch.setattr(worker, "_idle", deque())
    thread = ran_in()
    thread.join(20)

    assert not thread.is_alive()
    assert not worker._idle
