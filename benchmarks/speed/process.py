"""The parent's end of one system's process: ask, wait, and stop it when it takes too much memory or time."""

from __future__ import annotations

import json
import os
import select
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common.machine import process_seconds, rss

__all__ = ["OFFLINE", "ROOT", "PeerFailed", "PeerProcess"]

ROOT = Path(__file__).resolve().parent.parent.parent
_POLL_S = 0.05
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "PYTHONUNBUFFERED": "1",
    "PYTHONWARNINGS": "ignore",
}


class PeerFailed(Exception):  # noqa: N818 - an outcome that the tables show
    """A system could not do what it was asked; the message is what the tables say."""


class PeerProcess:
    """A running worker.

    Args:
        python: The interpreter of its environment.
        memory_limit: Resident bytes at which it is killed, before the kernel picks a victim.
        time_limit: Seconds that one answer may take.
    """

    def __init__(self, python: Path, *, memory_limit: float, time_limit: float) -> None:
        self._memory_limit = memory_limit
        self._time_limit = time_limit
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._started = time.perf_counter()
        self._process = subprocess.Popen(
            [str(python), "-m", "benchmarks.speed.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=ROOT,
            # Installed code is byte-compiled, so that of a checkout should be, or a cold start would compile it each time.
            env={**os.environ, **OFFLINE, "PYTHONDONTWRITEBYTECODE": ""},
        )
        self.pid = self._process.pid
        self._buffer = b""

    def ask(self, do: str, **values: Any) -> dict[str, Any]:
        """Return the answer to one message.

        Raises:
            PeerFailed: It raised, died, or went over a limit.
        """
        stdin = self._process.stdin
        if stdin is None:
            raise PeerFailed("no pipe")
        try:
            stdin.write(json.dumps({"do": do, **values}).encode() + b"\n")
            stdin.flush()
        except OSError:
            raise PeerFailed(f"died ({self._last_words()})") from None
        answer: dict[str, Any] = json.loads(self._line())
        if "error" in answer:
            raise PeerFailed(answer["error"])
        return answer

    def _line(self) -> bytes:
        stdout = self._process.stdout
        if stdout is None:
            raise PeerFailed("no pipe")
        until = time.perf_counter() + self._time_limit
        while b"\n" not in self._buffer:
            if select.select([stdout], [], [], _POLL_S)[0]:
                chunk = os.read(stdout.fileno(), 1 << 16)
                if not chunk:
                    raise PeerFailed(f"died ({self._last_words()})")
                self._buffer += chunk
            elif rss(self.pid) > self._memory_limit:
                self._process.kill()
                raise PeerFailed(f"stopped above {self._memory_limit / 1e9:.0f} GB")
            elif time.perf_counter() > until:
                self._process.kill()
                raise PeerFailed(f"stopped after {self._time_limit:.0f} s")
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def elapsed(self) -> float:
        """Return the seconds since it was started."""
        return time.perf_counter() - self._started

    def rss(self) -> int:
        """Return its resident bytes now."""
        return rss(self.pid)

    def close(self) -> float:
        """End it and return the CPU seconds that it used."""
        seconds = process_seconds(self.pid)
        self._process.kill()
        self._process.communicate()
        self._errors.close()
        return seconds

    def _last_words(self) -> str:
        self._process.wait(timeout=5)
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else f"exit status {self._process.returncode}"
