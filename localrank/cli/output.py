"""How a command speaks to the shell: data on standard output, all else on standard error, and an exit code at the end."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, TextIO

import click

from localrank.cli.wording import in_options
from localrank.contract.errors import (
    InvalidDataError,
    InvalidRequestError,
    MissingAPIKeyError,
    MissingDependencyError,
    ModelLoadError,
    RerankAbortedError,
    RerankError,
    RerankTimeoutError,
    RetryError,
    UnknownModelError,
)
from localrank.contract.types import RerankResult

__all__ = [
    "EXIT_CODES",
    "ExitCode",
    "InputError",
    "code_of",
    "counted",
    "discard_output",
    "exit_codes",
    "note",
    "print_json_lines",
    "stderr_is_terminal",
    "stdin_is_terminal",
    "stdout_is_terminal",
    "warn_of",
    "writing",
]


def stdout_is_terminal() -> bool:
    """Return whether a person reads standard output.

    Raises:
        ClickException: Nobody can: it is closed.
    """
    out: TextIO | None = sys.stdout
    if out is None:
        raise click.ClickException("Standard output is closed.")
    return out.isatty()


def stdin_is_terminal() -> bool:
    """Return whether a person types at standard input."""
    typed: TextIO | None = sys.stdin
    return typed is not None and typed.isatty()


def stderr_is_terminal() -> bool:
    """Return whether a person reads standard error."""
    told: TextIO | None = sys.stderr
    return told is not None and told.isatty()


def note(message: str) -> None:
    """Tell the person something that is no data."""
    click.echo(f"localrank: {message}", err=True)


def counted(count: int, what: str, several: str | None = None) -> str:
    """Return `1 row`, `2 rows`; `several` where an s does not make it."""
    return f"{count:,} {what if count == 1 else several or f'{what}s'}"


def warn_of(result: RerankResult[Any]) -> None:
    """Print the result's warnings."""
    for warning in result.warnings:
        note(f"warning: {in_options(warning.message, click.get_current_context().command)}")


def print_json_lines(records: Iterable[Mapping[str, Any]]) -> None:
    """Print each record as one line of JSON in UTF-8, whatever the locale."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a lone surrogate, which JSON can hold and UTF-8 cannot, comes out as the JSON escape it came in as
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
    with writing():
        for record in records:
            sys.stdout.write(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n")


@contextmanager
def writing() -> Iterator[None]:
    """Write standard output inside.

    Raises:
        ClickException: It cannot be written, as on a full disk.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_output()
        raise click.ClickException(f"Standard output cannot be written: {error.strerror}.") from None


def discard_output() -> None:
    """Let what is still buffered go nowhere: the interpreter flushes once more when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class ExitCode(IntEnum):
    """What the shell sees."""

    OK = 0
    FAILED = 1
    USAGE = 2
    INPUT = 3
    MODEL = 4
    TIMEOUT = 5
    COST = 6
    INTERRUPTED = 130


EXIT_CODES: dict[ExitCode, str] = {
    ExitCode.OK: "done",
    ExitCode.FAILED: "the model, a remote service or a check failed",
    ExitCode.USAGE: "wrong option or argument",
    ExitCode.INPUT: "the documents cannot be read: missing, empty, not text, invalid JSON",
    ExitCode.MODEL: "the model is unknown or cannot be loaded",
    ExitCode.TIMEOUT: "--timeout passed",
    ExitCode.COST: "--max-cost is reached; the same command with more goes on",
    ExitCode.INTERRUPTED: "interrupted with Ctrl-C",
}
"""Every exit code with its meaning."""


def exit_codes(*codes: ExitCode) -> str:
    """Return what the help of a command says of how it ends, with the codes that it uses besides those of every command."""
    every = {ExitCode.OK, ExitCode.FAILED, ExitCode.USAGE, ExitCode.MODEL}
    used = (code for code in ExitCode if code in every.union(codes))
    return "Exit codes:\n\n\b\n" + "\n".join(f"  {code.value:>3}  {EXIT_CODES[code]}" for code in used)


class InputError(click.ClickException):
    """Documents that cannot be read; the message names file and line, and the mend."""

    exit_code = ExitCode.INPUT


_CODES: tuple[tuple[tuple[type[Exception], ...], ExitCode], ...] = (
    ((UnknownModelError, ModelLoadError, MissingDependencyError, MissingAPIKeyError), ExitCode.MODEL),
    ((InvalidDataError,), ExitCode.INPUT),
    ((InvalidRequestError,), ExitCode.USAGE),
    ((RerankTimeoutError,), ExitCode.TIMEOUT),
    ((RerankAbortedError,), ExitCode.INTERRUPTED),
)
"""The first kind that an error is of decides."""


def code_of(error: Exception) -> ExitCode:
    """Return the exit code of an error; several attempts have that of the last."""
    if isinstance(error, RetryError) and isinstance(error.last_error, RerankError):
        return code_of(error.last_error)
    return next((code for kinds, code in _CODES if isinstance(error, kinds)), ExitCode.FAILED)
