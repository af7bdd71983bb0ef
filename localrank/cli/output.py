"""Data on standard output, one JSON object a line; everything else on standard error."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

import click

from localrank.contract.types import RerankResult

__all__ = [
    "note",
    "print_json_lines",
    "reader_may_leave",
    "stdin_is_terminal",
    "stdout_is_terminal",
    "warn_of",
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


def note(message: str) -> None:
    """Tell the person something that is no data."""
    click.echo(f"localrank: {message}", err=True)


def warn_of(result: RerankResult[Any]) -> None:
    """Print the result's warnings."""
    for warning in result.warnings:
        note(f"warning: {warning.message}")


def print_json_lines(records: Iterable[Mapping[str, Any]]) -> None:
    """Print each record as one line of JSON in UTF-8, whatever the locale."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a lone surrogate, which JSON can hold and UTF-8 cannot, comes out as the JSON escape it came in as
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
    with reader_may_leave():
        for record in records:
            sys.stdout.write(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n")


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """End the command quietly when whoever reads standard output has had enough, as `head` does.

    Raises:
        ClickException: Standard output cannot be written for another reason, such as a full disk.
    """
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        # the interpreter flushes once more when it exits
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise click.exceptions.Exit(0) from None
        raise click.ClickException(f"Standard output cannot be written: {error.strerror}.") from None
