"""`localrank doctor`: what is installed, what would be used, and whether it works."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from localrank._version import __version__
from localrank.cli.demo import DEMO_DOCUMENTS, DEMO_QUERY
from localrank.cli.output import ExitCode, print_json_lines, writing
from localrank.cli.ranking import RankRequest, rank, spent, tested_model_option
from localrank.cli.reading import InputDocument
from localrank.cli.server_check import KEY_VARIABLE, check_server, read_key
from localrank.cli.terminal import console
from localrank.cli.wording import in_options
from localrank.contract.errors import RerankError
from localrank.providers.columns import padded, width_of, wrapped
from localrank.providers.diagnosis import Finding, Section, State, diagnoses
from localrank.providers.registry import ENTRY_POINT_GROUP as PROVIDERS
from localrank.providers.registry import resolve

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["doctor"]

TIMED_PAIRS = 50
"""Documents of the timed run: long enough to time, short enough to wait for."""

_SIGNS: dict[State, tuple[str, str]] = {"ok": ("✓", "green"), "note": ("!", "yellow"), "broken": ("✗", "red")}

_HELP = f"""\
Check this installation: versions, engines, processor, the model that would be used, and a timed run of it.

Ends with exit code {ExitCode.FAILED:d} when something is broken. Connects to nothing, except with --server.

With --server, nothing here is checked but the rerank server at URL: which dialect it speaks, by trying, and whether its scores
make sense, by three pairs of texts whose order is certain. Ends with {ExitCode.FAILED:d} when they are nonsense, with
{ExitCode.MODEL:d} when the server cannot be asked. --model is then the model's name at the server. The key is that of
--api-key-file, or of {KEY_VARIABLE}.
"""

_EPILOG = """\
Examples:

\b
  localrank doctor
  localrank doctor -m ./my-reranker --json
  localrank doctor --server http://127.0.0.1:8080
"""


@click.command(help=_HELP, epilog=_EPILOG, short_help="Check this installation and time a run.")
@tested_model_option
@click.option("--server", "url", metavar="URL", help="Check the rerank server at URL instead.")
@click.option(
    "--api-key-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help=f"The server's key. [environment: {KEY_VARIABLE}]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON Lines.")
@click.pass_context
def doctor(
    context: click.Context, *, model: str, url: str | None, api_key_file: Path | None, as_json: bool
) -> None:
    """Look, test, print."""
    if url is None:
        if api_key_file is not None:
            raise click.UsageError("--api-key-file is for --server.")
        _report([_installation(), _providers(), *diagnoses(), _self_test(model)], as_json=as_json)
        return
    is_named = context.get_parameter_source("model") is ParameterSource.COMMANDLINE
    check = check_server(url, model=model if is_named else None, api_key=read_key(api_key_file))
    _report(
        [_spoken(check.section, context.command)],
        as_json=as_json,
        failed=ExitCode.FAILED if check.is_asked else ExitCode.MODEL,
    )


def _spoken(section: Section, command: click.Command) -> Section:
    findings = (
        replace(
            one,
            value=in_options(one.value, command),
            hint=one.hint and in_options(one.hint, command),
        )
        for one in section.findings
    )
    return replace(section, findings=tuple(findings))


def _report(sections: Sequence[Section], *, as_json: bool, failed: ExitCode = ExitCode.FAILED) -> None:
    if as_json:
        print_json_lines(
            {
                "section": section.title,
                "name": finding.name,
                "value": finding.value,
                "state": finding.state,
                **({"hint": finding.hint} if finding.hint else {}),
            }
            for section in sections
            for finding in section.findings
        )
    else:
        _show(sections)
    if any(finding.state == "broken" for section in sections for finding in section.findings):
        raise click.exceptions.Exit(failed)


def _installation() -> Section:
    return Section(
        "Installation",
        (
            Finding("localrank", f"{__version__} in {Path(__file__).parents[1]}"),
            Finding("Python", f"{platform.python_version()} in {sys.prefix}"),
            Finding("system", f"{platform.system()} {platform.release()} on {platform.machine()}"),
        ),
    )


def _providers() -> Section:
    return Section("Providers", tuple(_provider_findings()))


def _provider_findings() -> Iterator[Finding]:
    available: list[str] = []
    for entry in sorted(entry_points(group=PROVIDERS), key=lambda entry: entry.name):
        try:
            entry.load()
        except ImportError as error:
            yield Finding(entry.name, f"not available: {error}", "note")
        except Exception as error:
            yield Finding(entry.name, f"{type(error).__name__}: {error}", "broken")
        else:
            available.append(entry.name)
    yield Finding("available", ", ".join(available))


def _self_test(model: str) -> Section:
    documents = tuple(InputDocument(text, line) for line, text in enumerate(DEMO_DOCUMENTS, 1))
    many = tuple(InputDocument(f"{DEMO_DOCUMENTS[at % 5]} ({at})", at) for at in range(TIMED_PAIRS))
    try:
        reranker = resolve(model)
        first = rank(model, RankRequest(DEMO_QUERY, documents))
        timed = rank(model, RankRequest(DEMO_QUERY, many))
    except RerankError as error:
        return Section("Self-test", (Finding(_said(model), error.message, "broken", error.hint),))
    except Exception as error:
        return Section("Self-test", (Finding(_said(model), f"{type(error).__name__}: {error}", "broken"),))
    best = {ranked.index for ranked in first[:2]} == {2, 4}
    seconds = (timed.usage.duration_ms or 0.0) / 1000
    rate = f", {TIMED_PAIRS / seconds:,.0f} pairs a second" if seconds else ""
    return Section(
        "Self-test",
        (
            Finding("model", f"{reranker.provider}:{reranker.model_id}"),
            Finding("first call", f"{len(documents)} documents in {spent(first)}"),
            Finding("next call", f"{TIMED_PAIRS} short documents in {spent(timed)}{rate}"),
            Finding("ranking", "both right texts first", "ok")
            if best
            else Finding("ranking", "a wrong text stands first", "note", "This model ranks the demo badly."),
        ),
    )


def _said(model: str) -> str:
    """Return the model's name, with the environment variable where it comes from there."""
    variable = "LOCALRANK_MODEL"
    return f"{variable}={model}" if os.environ.get(variable) == model else model


def _wrapped(out: Console, value: str, start: int) -> list[str]:
    """Return a value in the lines it takes beside its name; in a pipe, one."""
    return wrapped(value, out.width - start) if out.is_terminal else [value]


def _show(sections: Sequence[Section]) -> None:
    from rich.text import Text  # noqa: PLC0415 - so that --help needs no rich

    out = console()
    width = max(width_of(finding.name) for section in sections for finding in section.findings)
    with writing():
        for section in sections:
            out.print(f"{section.title}", style="bold")
            for finding in section.findings:
                sign, colour = _SIGNS[finding.state]
                head = Text(f"  {sign} ", style=colour) + Text(f"{padded(finding.name, width)}  ")
                start = Text(" " * (width + 6))
                for number, line in enumerate(_wrapped(out, finding.value, width + 6)):
                    out.print((start if number else head) + line, soft_wrap=True)
                if finding.hint:  # whole, to be copied
                    out.print(f"{start}{finding.hint}", style=colour, soft_wrap=True)
        broken = sum(finding.state == "broken" for section in sections for finding in section.findings)
        verdict = "Everything works." if not broken else f"{broken} thing{'s' if broken > 1 else ''} broken."
        out.print(f"\n{verdict}", style="green" if not broken else "red")
