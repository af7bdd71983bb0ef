from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks.common import machine
from benchmarks.common.machine import CpuWatch, describe, peak_rss, process_seconds, rss, wait_until_still

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

BURN = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\nprint(flush=True)\ninput()"
"""Takes 0.3 s of CPU, says so, and waits."""


@contextmanager
def running(code: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is gone afterwards, whatever the test found."""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def heard(process: subprocess.Popen[bytes]) -> None:
    """Wait for a line of the process."""
    assert process.stdout is not None
    process.stdout.readline()


def test_a_process_that_is_counted_as_ours_takes_nothing_from_others() -> None:
    with running(BURN) as known, running(BURN) as unknown:
        watch = CpuWatch()
        watch.add(known.pid)
        for process in (known, unknown):
            heard(process)
        counted = watch.others()
        watch.add(unknown.pid)
        assert watch.others() < counted


def test_a_process_that_has_ended_stays_ours() -> None:
    watch = CpuWatch()
    with running(BURN) as process:
        watch.add(process.pid)
        heard(process)
        before = watch.others()
        watch.drop(process.pid, process_seconds(process.pid))
    assert watch.others() == pytest.approx(before, abs=0.25)


def test_the_cpu_time_of_a_process_is_read() -> None:
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass
    assert process_seconds(os.getpid()) == pytest.approx(time.process_time(), abs=0.1)


def test_the_peak_is_never_below_what_is_resident() -> None:
    resident = rss()
    assert peak_rss() >= resident > 0


def test_a_process_that_is_gone_has_no_memory() -> None:
    assert rss(2**22 + 1) == 0


def test_the_machine_is_described() -> None:
    assert describe()["cores"] == len(os.sched_getaffinity(0))


def test_it_waits_until_a_process_takes_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([0.0, 0.1, 0.2, 0.2, 9.9])
    monkeypatch.setattr(machine, "process_seconds", lambda _pid: next(readings))
    monkeypatch.setattr(machine, "_STILL_S", 0.0)
    wait_until_still([1], most_s=60)
    assert next(readings) == 9.9


def test_it_waits_no_longer_than_asked() -> None:
    with running("print(flush=True)\nwhile True: pass") as process:
        heard(process)
        started = time.monotonic()
        wait_until_still([process.pid], most_s=0.3)
        assert 0.3 <= time.monotonic() - started < 30
