"""Scripts in a process of their own, whose forked children have a limit on time: what tests of forks and exits run."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Mapping
from os import environ

__all__ = ["run_script"]

LIMIT_S = 120

PRELUDE = """
import asyncio, os, signal, sys, threading, time, warnings
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)  # fork beside threads, from 3.12
from localrank import DoRerankResult, ScoredIndex, rerank, rerank_sync
from localrank.testing import LexicalReranker, MockReranker

def in_child(work, limit=60):
    '''Fork, run `work` in the child, and say "ok", "hang" or what it ended with.'''
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    last = time.monotonic() + limit
    while time.monotonic() < last:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return "ok" if status == 0 else f"exit {os.waitstatus_to_exitcode(status)}"
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "hang"
"""


def run_script(
    script: str, *flags: str, env: Mapping[str, str] | None = None, prelude: str = PRELUDE
) -> subprocess.CompletedProcess[str]:
    """Run `script` in a new interpreter where warnings are errors; with the usual prelude it may use `in_child`."""
    return subprocess.run(
        [sys.executable, "-W", "error", *flags, "-c", f"{prelude}\n{textwrap.dedent(script)}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
        env={**environ, **(env or {})},
    )
