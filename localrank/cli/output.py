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
    "discard_output",
    "note",
    "print_json_lines",
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
