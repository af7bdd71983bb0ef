"""How a command ends: the exit codes, and the one line that says why it failed."""

from __future__ import annotations

from enum import IntEnum

import click

from localrank.contract.errors import (
    MissingAPIKeyError,
    MissingDependencyError,
    ModelLoadError,
    RerankAbortedError,
    RerankError,
    RerankTimeoutError,
    RetryError,
    UnknownModelError,
)

__all__ = ["EXIT_CODES", "ExitCode", "InputError", "code_of"]


class ExitCode(IntEnum):
    """What the shell sees."""

    OK = 0
    FAILED = 1
    USAGE = 2
    INPUT = 3
    MODEL = 4
    TIMEOUT = 5
    INTERRUPTED = 130


EXIT_CODES: dict[ExitCode, str] = {
    ExitCode.OK: "done",
    ExitCode.FAILED: "the model, a remote service or a check failed",
    ExitCode.USAGE: "wrong option or argument",
    ExitCode.INPUT: "the documents cannot be read: missing, empty, not text, invalid JSON",
    ExitCode.MODEL: "the model is unknown or cannot be loaded",
    ExitCode.TIMEOUT: "--timeout passed",
    ExitCode.INTERRUPTED: "interrupted with Ctrl-C",
}
"""Every exit code with its meaning."""


class InputError(click.ClickException):
    """Documents that cannot be read; the message names file and line, and the mend."""

    exit_code = ExitCode.INPUT


def code_of(error: Exception) -> ExitCode:
    """Return the exit code of an error; several attempts have that of the last."""
    if isinstance(error, RetryError) and isinstance(error.last_error, RerankError):
        return code_of(error.last_error)
    if isinstance(error, UnknownModelError | ModelLoadError | MissingDependencyError | MissingAPIKeyError):
        return ExitCode.MODEL
    if isinstance(error, RerankTimeoutError):
        return ExitCode.TIMEOUT
    if isinstance(error, RerankAbortedError):
        return ExitCode.INTERRUPTED
    return ExitCode.FAILED
