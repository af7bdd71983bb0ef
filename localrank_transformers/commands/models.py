"""`localrank models`: what models there are, what is known of each, and where their files lie."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, get_args

import click

from localrank.contract.errors import (
    InvalidRequestError,
    MissingDependencyError,
    ModelLoadError,
    UnknownModelError,
)
from localrank.providers.columns import GAP, wrapped
from localrank.providers.registry import unknown_model
from localrank.providers.typed import typed
from localrank_transformers.commands.catalogue_text import facts as catalogue_facts
from localrank_transformers.commands.catalogue_text import list_prices, print_table
from localrank_transformers.commands.export import convert_model, export_model
from localrank_transformers.commands.optimize import optimize_model
from localrank_transformers.commands.pull import check_holds_model, pull_models
from localrank_transformers.models import bundled
from localrank_transformers.models.catalogue.entries import CatalogueEntry, entries, known_names, lookup
from localrank_transformers.models.catalogue.language_names import language_code
from localrank_transformers.models.catalogue.selection import SortBy, parse_size, select
from localrank_transformers.models.folder.exported import FamilyName
from localrank_transformers.models.hub.store import is_commit
from localrank_transformers.optimizing.kept.store import graph_facts, known_graphs

__all__ = ["models"]

_GROUP_HELP = """\
List the known models, show one, fetch one, or print where its files lie.

\b
  localrank models --language german --max-size 600MB
  localrank models --commercial --sort quality
  localrank models show bge-v2-m3
  localrank models pull mini
  localrank models path localrank-mini
  localrank models --remote
"""

_LIST_EXAMPLES = """\
Examples:

\b
  localrank models list --language German --max-size 500MB
  localrank models list --commercial --sort quality --json
"""

_PATH_EXAMPLES = """\
Examples:

\b
  localrank models path mini
  ls "$(localrank models path localrank-mini)"
"""

_SHOW_EXAMPLES = """\
Examples:

\b
  localrank models show localrank-mini
  localrank models show bge-v2-m3 --json
"""


def _megabytes(_context: click.Context, _option: click.Parameter, value: str | None) -> float | None:
    try:
        return None if value is None else parse_size(value)
    except InvalidRequestError as error:
        raise click.BadParameter(str(error)) from None


def _language(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    try:
        return None if value is None else language_code(value)
    except InvalidRequestError as error:
        raise click.BadParameter(str(error)) from None


def _names(_context: click.Context, _parameter: click.Parameter, beginning: str) -> list[str]:
    """Return what a shell completes."""
    return [name for name in known_names() if name.startswith(beginning)]


_CHOICES = (  # by the names that `select` has for them
    click.option(
        "--language",
        callback=_language,
        metavar="LANGUAGE",
        help="Only models for this language, by its English name or its ISO 639-1 code (German, de).",
    ),
    click.option(
        "--max-size",
        "max_mb",
        callback=_megabytes,
        metavar="SIZE",
        help="Only models whose weights take at most SIZE (300MB, 2GB).",
    ),
    click.option("--commercial", is_flag=True, help="Only licences that clearly allow commercial use."),
    click.option("--family", type=click.Choice(get_args(FamilyName)), help="Only this family."),
    click.option(
        "--sort",
        type=click.Choice(get_args(SortBy)),
        default="catalogue",
        show_default=True,
        help="Best, smallest or first in the alphabet first.",
    ),
)


def _choosing(command: Callable[..., None]) -> Callable[..., None]:
    """Give `command` the options that choose among models."""
    for option in reversed(_CHOICES):
        command = option(command)
    return command


class _Models(click.Group):
    """The commands of `localrank models`; a model in the place of one brings the command that shows it."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that `args` begin with."""
        if self.get_command(ctx, args[0]) is None and lookup(args[0]) is not None:
            raise click.UsageError(
                f"No such command {args[0]!r}; `localrank models show {args[0]}` shows that model.", ctx
            )
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Models,
    help=_GROUP_HELP,
    short_help="List the known models, show one, fetch one.",
    invoke_without_command=True,
)
@click.option("--remote", is_flag=True, help="List the prices of remote models.")
@_choosing
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines.")
@click.pass_context
def models(context: click.Context, /, *, remote: bool, as_json: bool, **choice: Any) -> None:
    """List the models where no command is named."""
    if remote:
        if context.invoked_subcommand is not None or set(typed(context)) - {"--remote", "--json"}:
            raise click.UsageError("--remote lists prices of all remote models: leave out all but --json.")
        list_prices(as_json=as_json)
        context.exit()
    if context.invoked_subcommand is None:
        _list(choice, as_json=as_json)
    elif any(value not in {None, False, "catalogue"} for value in choice.values()):
        raise click.UsageError(f"Options that choose models go behind `{context.invoked_subcommand}`.")


models.add_command(convert_model)
models.add_command(export_model)
models.add_command(optimize_model)
models.add_command(pull_models)


@models.command("list", epilog=_LIST_EXAMPLES)
@_choosing
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines.")
def list_models(*, as_json: bool, **choice: Any) -> None:
    """List the known models.

    Quality is the published mean nDCG@10 on MTEB(eng, v2) retrieval, where there is one. A size is that of the smallest
    weights; ~ marks one computed from the number of parameters. Engines are those that can run a model here.
    """
    _list(choice, as_json=as_json)


def _list(choice: Mapping[str, Any], *, as_json: bool) -> None:
    chosen = select(entries(), **choice)
    if as_json:
        for entry in chosen:
            click.echo(json.dumps(_record(entry), ensure_ascii=False))
        return
    if not chosen:
        click.echo("localrank: no known model meets all of this.", err=True)
        return
    print_table(chosen)


@models.command("show", epilog=_SHOW_EXAMPLES, short_help="Show all that is known of one model.")
@click.argument("name", shell_complete=_names)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show_model(*, name: str, as_json: bool) -> None:
    """Show all that is known of one model, or of a model in a folder: also how far its graphs agree with float32."""
    path = Path(name).expanduser()
    entry = lookup(name)
    if entry is None and not path.is_dir():
        raise _unknown(name)
    if entry is None:
        check_holds_model(path)
    folder = path if entry is None else _folder(entry)
    if as_json:
        record = {} if entry is None else _record(entry)
        graphs = {} if folder is None else {"graphs": [asdict(graph) for graph in known_graphs(folder)]}
        click.echo(json.dumps(record | graphs, ensure_ascii=False, indent=2, default=str))
        return
    facts = [] if entry is None else catalogue_facts(entry)
    lines = [(label, text) for label, text in [*facts, *_place_facts(folder)] if text]
    width = max(len(label) for label, _ in lines)
    for label, text in lines:
        start = f"\n{' ' * (width + GAP)}"
        click.echo(f"{click.style(f'{label:<{width}}', bold=True)}  {start.join(_lines(text, width + GAP))}")


def _lines(text: str, start: int) -> list[str]:
    """Return a fact in the lines it takes beside its name; in a pipe, one."""
    if not sys.stdout.isatty():
        return [text]
    return wrapped(text, shutil.get_terminal_size().columns - start)


@models.command("path", epilog=_PATH_EXAMPLES)
@click.argument("name", shell_complete=_names)
def path_of_model(*, name: str) -> None:
    """Print the folder with a model's files, if it is on this machine."""
    entry = lookup(name)
    if entry is None and name.count("/") != 1:
        raise _unknown(name)
    folder = _cached(name) if entry is None else _folder(entry)
    if folder is None and entry is not None and entry.bundled is not None:
        bundled.sums(entry.name)  # says how to install it
    if folder is None:
        repository = entry.hub_id if entry else name
        raise ModelLoadError(
            f"The files of {repository} are not on this machine.",
            hint=f"Fetch them with `localrank models pull {name}`.",
        )
    click.echo(folder)


def _unknown(name: str) -> UnknownModelError:
    return unknown_model("model", name, known_names())


def _folder(entry: CatalogueEntry) -> Path | None:
    if entry.bundled is not None:
        return _installed(entry.name)
    repositories = filter(None, (entry.hub_id, *entry.other_ids))
    return next(filter(None, map(_cached, repositories)), None)


def _installed(name: str) -> Path | None:
    """Return the folder of an embedded model; None for one whose package is not installed."""
    try:
        return Path(str(bundled.model_folder(name)))
    except MissingDependencyError:
        return None


def _cached(repository: str) -> Path | None:
    from localrank_transformers.models.hub.repository import HubSource  # noqa: PLC0415 - so that --help is quick

    store = HubSource(repository).store()
    commit = store.recorded_commit or store.reference("main")
    return store.folder(commit) if commit is not None and store.has(commit, ["config.json"]) else None


def _record(entry: CatalogueEntry) -> dict[str, Any]:
    values = {field.name: getattr(entry, field.name) for field in fields(entry)}
    values["quality"] = [asdict(figure) for figure in entry.quality]
    plain = {key: dict(value) if isinstance(value, Mapping) else value for key, value in values.items()}
    return {key: value for key, value in plain.items() if value not in (None, "", (), {}, [])}


def _place_facts(folder: Path | None) -> Iterator[tuple[str, str]]:
    yield "on this machine", "no" if folder is None else str(folder)
    yield "commit", folder.name if folder is not None and is_commit(folder.name) else ""
    if folder is not None:
        yield from graph_facts(folder)
