from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from benchmarks.common.machine import CpuWatch, describe, peak_rss, process_seconds, rss, wait_until_still

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

BURN = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\nprint(flush=True)\ninput()"


def burning() -> subprocess.Popen[bytes]:
    """A process that takes 0.3 s of CPU, says so, and waits."""
    process = subprocess.Popen([sys.executable, "-c", BURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    return process


def test_a_process_that_is_counted_as_ours_takes_nothing_from_others() -> None:
    with burning() as known, burning() as unknown:
        watch = CpuWatch()
        watch.add(known.pid)
        for process in (known, unknown):
            process.stdout.readline()
        counted = watch.others()
        watch.add(unknown.pid)
        assert watch.others() < counted
        for process in (known, unknown):
            process.kill()


def test_a_process_that_has_ended_stays_ours() -> None:
    watch = CpuWatch()
    with burning() as process:
        watch.add(process.pid)
        process.stdout.readline()
        before = watch.others()
        watch.drop(process.pid, process_seconds(process.pid))
        process.kill()
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


def test_it_waits_for_a_process_that_computes() -> None:
    spinning = [sys.executable, "-c", f"print(flush=True)\n{BURN}"]
    with subprocess.Popen(spinning, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        wait_until_still([process.pid], most_s=30)
        assert process_seconds(process.pid) >= 0.25
        process.kill()


def test_it_waits_no_longer_than_asked() -> None:
    endless = [sys.executable, "-c", "print(flush=True)\nwhile True: pass"]
    with subprocess.Popen(endless, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        started = time.monotonic()
        wait_until_still([process.pid], most_s=0.3)
        assert 0.3 <= time.monotonic() - started < 5
        process.kill()
