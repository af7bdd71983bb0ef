"""Run the command line as a person does: in a process of its own, with pipes or with a real terminal."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass

import pytest

from localrank.cli.main import main

LEXICAL = ("--model", "lexical:default")
"""A model without weights, for tests that are not about models."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


def localrank(*arguments: str, stdin: bytes = b"", **environment: str) -> Outcome:
    """Run `python -m localrank` with pipes."""
    done = subprocess.run(
        [sys.executable, "-m", "localrank", *arguments],
        input=stdin,
        capture_output=True,
        env=_environment(environment),
        timeout=60,
        check=False,
    )
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())


def models(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run `localrank models` in this process; return exit code, output and errors."""
    code = main(["models", *arguments])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def in_terminal(
    command: list[str], *, columns: int = 80, typed: bytes = b"", **environment: str
) -> tuple[int, str]:
    """Run `command` on a pseudo-terminal, with `typed` at its keyboard; return exit code and what it showed."""
    import fcntl
    import pty
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        command,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=_environment({"TERM": "xterm-256color", "COLUMNS": "", **environment}),
    )
    os.close(follower)
    os.write(leader, typed)
    shown = bytearray()
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        shown += piece
    os.close(leader)
    return process.wait(60), shown.decode().replace("\r\n", "\n")


def plain(shown: str) -> str:
    """Return what a terminal was sent without styles and movements of the cursor."""
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", shown)


def _environment(extra: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "LOCALRANK_MODEL"}}
    return {name: value for name, value in {**kept, **extra}.items() if value}
