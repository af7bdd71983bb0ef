"""Forks: they wait for work that must not be cut in two, and in the child what other threads held is open again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.children import run_script

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")


def said(script: str) -> str:
    done = run_script(script)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_lock_that_a_thread_of_the_parent_holds_is_open_in_the_child() -> None:
    assert (
        said("""
        from localrank.providers.forking import RenewedLock
        lock, held, leave = RenewedLock(), threading.Event(), threading.Event()
        def hold():
            with lock:
                held.set()
                leave.wait()
        threading.Thread(target=hold).start()
        held.wait()
        def child():
            assert lock.acquire(timeout=5)
        print(in_child(child), lock.acquire(blocking=False))
        leave.set()
    """)
        == "ok False\n"
    )


def test_the_thread_that_holds_a_lock_may_fork_and_give_it_back_in_the_child() -> None:
    assert (
        said("""
        from localrank.providers.forking import RenewedLock
        lock = RenewedLock()
        with lock:
            child = os.fork()
        if child == 0:
            os._exit(not lock.acquire(blocking=False))
        print(os.waitpid(child, 0)[1], lock.acquire(blocking=False))
    """)
        == "0 True\n"
    )


def test_a_fork_waits_for_work_that_must_not_be_cut_in_two() -> None:
    assert (
        said("""
        from localrank.providers.forking import hold_off_forks
        inside, events = threading.Event(), []
        def work():
            with hold_off_forks():
                inside.set()
                time.sleep(0.2)
                events.append("worked")
        thread = threading.Thread(target=work)
        thread.start()
        inside.wait()
        def child():
            assert events == ["worked"]
        print(in_child(child))
        thread.join()
    """)
        == "ok\n"
    )


def test_work_that_says_when_nothing_is_half_done_lets_a_fork_through() -> None:
    assert (
        said("""
        from localrank.providers.forking import hold_off_forks, let_forks_through
        inside, forked = threading.Event(), threading.Event()
        def work():
            with hold_off_forks():
                inside.set()
                while not forked.is_set():
                    let_forks_through()
        thread = threading.Thread(target=work)
        thread.start()
        inside.wait()
        print(in_child(lambda: None))
        forked.set()
        thread.join()
    """)
        == "ok\n"
    )


def test_the_thread_inside_may_fork_itself() -> None:
    assert (
        said("""
        from localrank.providers.forking import hold_off_forks, was_cut_short
        with hold_off_forks():
            print(in_child(lambda: os._exit(was_cut_short())))
    """)
        == "ok\n"
    )


def test_what_is_registered_is_renewed_for_as_long_as_it_lives() -> None:
    assert (
        said("""
        from localrank.providers.forking import renew_after_fork
        class Counter:
            count = 0
            def renew(self):
                self.count += 1
        kept, gone = Counter(), Counter()
        for one in (kept, gone):
            renew_after_fork(one, Counter.renew)
        del one, gone
        def child():
            assert kept.count == 1
        print(in_child(child), kept.count)
    """)
        == "ok 0\n"
    )


def test_a_load_that_the_parent_began_is_begun_again_in_the_child() -> None:
    assert (
        said("""
        from localrank.providers import forking
        from localrank.providers.loading import LoadOnce
        forking.LONGEST_WAIT_S = 0.05
        loading, go_on = threading.Event(), threading.Event()
        def load():
            loading.set()
            go_on.wait()
            return "value"
        once = LoadOnce(load)
        thread = threading.Thread(target=once.get)
        thread.start()
        loading.wait()
        def child():
            go_on.set()
            assert once.get()[0] == "value"
        print(in_child(child))
        go_on.set()
        thread.join()
    """)
        == "ok\n"
    )


def test_what_was_in_use_when_the_fork_could_wait_no_longer_is_loaded_again() -> None:
    assert (
        said("""
        from localrank.providers import forking
        from localrank.providers.loading import LoadOnce
        forking.LONGEST_WAIT_S = 0.05
        numbers = iter(range(9))
        once = LoadOnce(lambda: f"value {next(numbers)}")
        once.get()
        inside, go_on = threading.Event(), threading.Event()
        def compute():
            with forking.hold_off_forks():
                inside.set()
                go_on.wait()
        thread = threading.Thread(target=compute)
        thread.start()
        inside.wait()
        def child():
            assert once.get()[0] == "value 1"
        print(in_child(child), once.get()[0])
        go_on.set()
        thread.join()
    """)
        == "ok value 0\n"
    )


def test_an_import_that_a_fork_cut_short_is_an_error_and_no_wait(tmp_path: Path) -> None:
    (tmp_path / "slow_package.py").write_text("import hooks\nhooks.begun.set()\nhooks.go_on.wait()\n")

    assert (
        said(f"""
        import types
        from localrank import ModelLoadError
        from localrank.providers import forking
        from localrank.providers.loading import LoadOnce
        forking.LONGEST_WAIT_S = 0.05
        hooks = sys.modules["hooks"] = types.ModuleType("hooks")
        hooks.begun, hooks.go_on = threading.Event(), threading.Event()
        sys.path.insert(0, {str(tmp_path)!r})
        once = LoadOnce(lambda: __import__("slow_package"))
        thread = threading.Thread(target=once.get)
        thread.start()
        hooks.begun.wait()
        def child():
            try:
                once.get()
            except ModelLoadError as error:
                assert "slow_package" in str(error)
            else:
                os._exit(1)
        print(in_child(child, 5))
        hooks.go_on.set()
        thread.join()
    """)
        == "ok\n"
    )
