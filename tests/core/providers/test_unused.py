"""What an object held is closed once the object is gone: in another thread, and at the latest at the end of the process."""

from __future__ import annotations

import gc
import os
import threading

import pytest

from localrank.providers.unused import close_when_unused
from tests.support.children import run_script


class Owner:
    def __init__(self) -> None:
        self.itself = self
        self.closed_in: list[threading.Thread] = []
        self.closed = threading.Event()
        close_when_unused(self, close_of(self.closed_in, self.closed))


def close_of(closed_in: list[threading.Thread], closed: threading.Event):
    def close() -> None:
        closed_in.append(threading.current_thread())
        closed.set()

    return close


def test_it_is_closed_once_in_a_thread_that_did_not_collect_it() -> None:
    owner = Owner()
    closed_in, closed = owner.closed_in, owner.closed
    del owner
    gc.collect()

    assert closed.wait(30)
    assert threading.current_thread() not in closed_in
    assert len(closed_in) == 1


def test_who_collects_may_hold_what_closing_asks_for() -> None:
    lock, closed, owner = threading.Lock(), threading.Event(), Owner()

    def close() -> None:
        with lock:
            closed.set()

    close_when_unused(owner, close)
    with lock:
        del owner
        gc.collect()
        assert not closed.is_set()

    assert closed.wait(30)


def test_what_lives_is_closed_at_the_end_of_the_process_by_its_main_thread() -> None:
    done = run_script("""
        from localrank.providers.unused import close_when_unused

        class Owner: ...

        gone, kept = Owner(), Owner()
        closed = threading.Event()
        close_when_unused(gone, closed.set)
        close_when_unused(kept, lambda: print("closed in", threading.current_thread().name))
        del gone
        closed.wait(30)
    """)

    assert (done.returncode, done.stdout, done.stderr) == (0, "closed in MainThread\n", "")


def test_the_end_of_the_process_waits_for_what_is_being_closed() -> None:
    done = run_script("""
        from localrank.providers.unused import close_when_unused

        class Owner: ...

        began = threading.Event()

        def close():
            began.set()
            time.sleep(0.2)
            print("closed", flush=True)

        owner = Owner()
        close_when_unused(owner, close)
        del owner
        began.wait(30)
    """)

    assert (done.returncode, done.stdout, done.stderr) == (0, "closed\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_waits_for_nothing_that_its_parent_was_closing() -> None:
    done = run_script("""
        from localrank.providers import unused

        class Owner: ...

        began, go_on = threading.Event(), threading.Event()

        def close():
            began.set()
            go_on.wait(30)

        owner = Owner()
        unused.close_when_unused(owner, close)
        del owner
        began.wait(30)
        print(in_child(unused._close_all, limit=unused.EXIT_GRACE_S / 2))
        go_on.set()
    """)

    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")


def test_a_process_that_is_at_its_limit_of_threads_goes_on() -> None:
    done = run_script("""
        import gc
        from localrank.providers.unused import close_when_unused

        class Owner: ...

        def refuse(self):
            raise RuntimeError("can't start new thread")

        threading.Thread.start = refuse
        owner = Owner()
        close_when_unused(owner, lambda: print("closed"))
        del owner
        gc.collect()
        print("goes on")
    """)

    assert (done.returncode, done.stdout, done.stderr) == (0, "goes on\n", "")
