"""`localrank`: run a command, and turn whatever stops it into one line and an exit code."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence

from localrank._version import __version__
from localrank.contract.errors import MissingDependencyError, RerankError

try:
    import click
except ModuleNotFoundError:
    raise MissingDependencyError(
        "The command localrank needs click, rich and markdown-it-py: not installed here.",
        hint="Install them with: pip install click rich markdown-it-py",
    ) from None

from localrank.cli.group import CommandGroup
from localrank.cli.output import ExitCode, code_of
from localrank.cli.wording import command_of, in_options

__all__ = ["cli", "main"]


_HELP = """\
Rank documents by how well each answers a query.

Runs on this machine, with an embedded model: nothing is downloaded, nothing is sent.

\b
localrank demo                                      see what reranking does
localrank rerank "how do I reset it?" manual.txt    rank the lines of a file
localrank rerank -p "what did we decide?" notes/    ask a folder of notes
localrank doctor                                    check this installation
"""

_NO_ARGUMENTS: tuple[type[Exception], ...] = tuple(
    filter(None, [getattr(click.exceptions, "NoArgsIsHelpError", None)])  # since click 8.2
)


@click.command(
    help=_HELP,
    cls=CommandGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
)
@click.version_option(__version__, prog_name="localrank")
@click.pass_context
def cli(context: click.Context) -> None:
    """Show the help where no command is named."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Args:
        arguments: What follows the program's name; None takes `sys.argv`, and Ctrl-C then ends the process.
    """
    _show_steps()
    typed = sys.argv[1:] if arguments is None else arguments
    try:
        status = cli.main(args=arguments, prog_name="localrank", standalone_mode=False)
        return status if isinstance(status, int) else ExitCode.OK
    except (KeyboardInterrupt, click.Abort):
        return _interrupted(owns_process=arguments is None)
    except click.ClickException as error:
        if isinstance(
            error, _NO_ARGUMENTS
        ):  # of a group that another package brings; its message is the help
            click.echo(error.format_message(), err=True)
            return error.exit_code
        return _failed(_spoken(_line_of(error), typed), error.exit_code)
    except Exception as error:
        if os.environ.get("LOCALRANK_DEBUG"):
            traceback.print_exc()
        return _failed(_spoken(_line_of_any(error), typed), code_of(error))
    finally:
        if arguments is None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # the interpreter's end would answer with tracebacks


def _show_steps() -> None:
    """Let what a provider logs of long steps, such as writing a faster graph once, appear on standard error."""
    logger = logging.getLogger("localrank.steps")
    if not logger.handlers:
        handler = _StandardError()
        handler.setFormatter(logging.Formatter("localrank: %(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False


class _StandardError(logging.Handler):
    """Writes to what standard error is at the time."""

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError):
            click.echo(self.format(record), err=True)


def _line_of(error: click.ClickException) -> str:
    message = error.format_message()
    if not isinstance(error, click.UsageError) or error.ctx is None:
        return message
    end = "" if message.endswith((".", "?")) else "."
    return f"{message}{end} See '{error.ctx.command_path} --help'."


def _line_of_any(error: Exception) -> str:
    if isinstance(error, RerankError):
        return str(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}."
    what = f"unexpected {type(error).__name__}: {error}".rstrip(".: ")
    return f"{what}. Set LOCALRANK_DEBUG=1 to see where."


def _spoken(message: str, arguments: Sequence[str]) -> str:
    return in_options(message, command_of(cli, arguments), arguments)


def _failed(message: str, code: int) -> int:
    with contextlib.suppress(OSError):
        click.echo(f"localrank: {' '.join(message.split())}", err=True)
    return code


def _interrupted(*, owns_process: bool) -> int:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    if owns_process:  # threads that are still inside an engine would keep the interpreter from exiting
        os._exit(ExitCode.INTERRUPTED)
    return ExitCode.INTERRUPTED
