"""`localrank models`: what models there are, what is known of each, and where their files lie."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, get_args

import click

from localrank.contract.errors import InvalidRequestError, ModelLoadError, UnknownModelError
from localrank.providers.registry import unknown_model
from localrank_transformers.catalogue import CatalogueEntry, Family, entries, known_names, lookup
from localrank_transformers.convert_command import convert_model
from localrank_transformers.export_command import export_model
from localrank_transformers.graph_listing import graph_facts, known_graphs
from localrank_transformers.optimize_command import optimize_model
from localrank_transformers.prices_listing import list_prices
from localrank_transformers.pull_command import pull_models
from localrank_transformers.selection import SortBy, common_quality, parse_size, select, size_mb

__all__ = ["models"]

_GROUP_HELP = """\
List the known models, show one, fetch one, or print where its files lie.

\b
  localrank models list --language de --max-size 600MB
  localrank models list --commercial --sort quality
  localrank models show bge-v2-m3
  localrank models pull mini
  localrank models path localrank-mini
  localrank models --remote
"""


def _megabytes(_context: click.Context, _option: click.Parameter, value: str | None) -> float | None:
    try:
        return None if value is None else parse_size(value)
    except InvalidRequestError as error:
        raise click.BadParameter(str(error)) from None


@click.group(
    help=_GROUP_HELP,
    short_help="List the known models, show one, fetch one.",
    invoke_without_command=True,
)
@click.option("--remote", is_flag=True, help="List the prices of remote models.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines.")
@click.pass_context
def models(context: click.Context, *, remote: bool, as_json: bool) -> None:
    """List the models where no command is named."""
    if remote:
        list_prices(as_json=as_json)
        context.exit()
    if context.invoked_subcommand is None:
        context.invoke(list_models, as_json=as_json)


models.add_command(convert_model)
models.add_command(export_model)
models.add_command(optimize_model)
models.add_command(pull_models)


@models.command("list")
@click.option("--language", metavar="CODE", help="Only models for this language (ISO 639-1: en, de, zh …).")
@click.option(
    "--max-size",
    callback=_megabytes,
    metavar="SIZE",
    help="Only models whose weights take at most SIZE (300MB, 2GB).",
)
@click.option("--commercial", is_flag=True, help="Only licences that clearly allow commercial use.")
@click.option("--family", type=click.Choice(get_args(Family)), help="Only this family.")
@click.option(
    "--sort",
    type=click.Choice(get_args(SortBy)),
    default="catalogue",
    show_default=True,
    help="Best, smallest or first in the alphabet first.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines.")
def list_models(
    *,
    language: str | None,
    max_size: float | None,
    commercial: bool,
    family: Family | None,
    sort: SortBy,
    as_json: bool,
) -> None:
    """List the known models.

    Quality is the published mean nDCG@10 on MTEB(eng, v2) retrieval, where there is one. A size is that of the smallest
    weights; ~ marks one computed from the number of parameters. Engines are those that can run a model here.
    """
    chosen = select(
        entries(), language=language, max_mb=max_size, commercial=commercial, family=family, sort=sort
    )
    if as_json:
        for entry in chosen:
            click.echo(json.dumps(_record(entry), ensure_ascii=False))
        return
    if not chosen:
        click.echo("localrank: no known model meets all of this.", err=True)
        return
    _print_table([_cells(entry) for entry in chosen])


@models.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show_model(*, name: str, as_json: bool) -> None:
    """Show all that is known of one model, or of a model in a folder: also how far its graphs agree with float32."""
    place = Path(name).expanduser()
    entry = lookup(name)
    if entry is None and not place.is_dir():
        raise _unknown(name)
    folder = place if entry is None else _folder(entry)
    if as_json:
        record = {} if entry is None else _record(entry)
        graphs = {} if folder is None else {"graphs": [asdict(one) for one in known_graphs(folder)]}
        click.echo(json.dumps(record | graphs, ensure_ascii=False, indent=2, default=str))
        return
    facts = [] if entry is None else _facts(entry)
    lines = [(label, text) for label, text in [*facts, *_place_facts(folder)] if text]
    width = max(len(label) for label, _ in lines)
    for label, text in lines:
        click.echo(f"{click.style(f'{label:<{width}}', bold=True)}  {text}")


@models.command("path")
@click.argument("name")
def path_of_model(*, name: str) -> None:
    """Print the folder with a model's files, if it is on this machine."""
    entry = lookup(name)
    if entry is None and name.count("/") != 1:
        raise _unknown(name)
    folder = _cached(name) if entry is None else _folder(entry)
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
        return Path(__file__).parent / "bundled" / entry.bundled
    repositories = filter(None, (entry.hub_id, *entry.other_ids))
    return next(filter(None, map(_cached, repositories)), None)


def _cached(repository: str) -> Path | None:
    from localrank_transformers.hub_repository import HubSource  # noqa: PLC0415 - so that --help is quick

    store = HubSource(repository).store()
    commit = store.recorded_commit or store.reference("main")
    return store.folder(commit) if commit is not None and store.has(commit, ["config.json"]) else None


def _record(entry: CatalogueEntry) -> dict[str, Any]:
    values = {one.name: getattr(entry, one.name) for one in fields(entry)}
    values["quality"] = [asdict(one) for one in entry.quality]
    plain = {key: dict(value) if isinstance(value, Mapping) else value for key, value in values.items()}
    return {key: value for key, value in plain.items() if value not in (None, "", (), {}, [])}


_HEADER = ("NAME", "SIZE", "WEIGHTS", "LANGUAGES", "TOKENS", "QUALITY", "LICENCE", "ENGINES", "FAMILY")
_RIGHT = frozenset({"SIZE", "WEIGHTS", "TOKENS", "QUALITY"})


def _cells(entry: CatalogueEntry) -> tuple[str, ...]:
    quality = common_quality(entry)
    return (
        entry.name,
        _size(entry),
        _count(entry.parameters),
        _languages(entry),
        "" if entry.max_length is None else f"{entry.max_length}",
        "" if quality is None else f"{quality:.3f}",
        _licence(entry),
        " ".join(entry.engines) or "none yet",
        entry.family,
    )


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print columns; on a terminal, lines are cut where it ends rather than wrapped."""
    widths = [max(map(len, column)) for column in zip(_HEADER, *rows, strict=True)]
    end = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for number, row in enumerate((_HEADER, *rows)):
        cells = (
            f"{cell:>{width}}" if name in _RIGHT else f"{cell:<{width}}"
            for name, cell, width in zip(_HEADER, row, widths, strict=True)
        )
        click.secho("  ".join(cells).rstrip()[:end], bold=number == 0)


def _facts(entry: CatalogueEntry) -> Iterator[tuple[str, str]]:
    yield "name", entry.name
    yield "also", ", ".join(entry.aliases)
    yield "hub", ", ".join(filter(None, (entry.hub_id, *entry.other_ids)))
    yield "summary", entry.summary
    yield "family", entry.family
    yield "architecture", entry.architecture
    yield "weights", _count(entry.parameters)
    yield "languages", _languages(entry, limit=20)
    yield "window", _window(entry)
    yield "score", entry.activation or "none: it gives an order only"
    yield "template", entry.template or ""
    yield "instruction", "yes" if entry.instruction else ""
    yield "licence", _licence(entry)
    yield "size", ", ".join(f"{precision} {megabytes:g} MB" for precision, megabytes in entry.size_mb.items())
    yield "ONNX files", ", ".join(f"{precision}: {path}" for precision, path in entry.onnx_files.items())
    yield "engines", ", ".join(entry.engines) or "none yet"
    for engine, reason in entry.engine_notes.items():
        yield f"not {engine}", reason
    for one in entry.quality:
        yield "quality", f"{one.value:g} {one.metric} on {one.benchmark} ({one.source})"
    yield (
        "verified",
        {"no": "not yet compared with its reference"}.get(entry.verified, f"against the {entry.verified}"),
    )
    yield "notes", entry.notes


def _place_facts(folder: Path | None) -> Iterator[tuple[str, str]]:
    yield "on this machine", "no" if folder is None else str(folder)
    if folder is not None:
        yield from graph_facts(folder)


def _size(entry: CatalogueEntry) -> str:
    megabytes = size_mb(entry)
    if megabytes is None:
        return ""
    about = "" if entry.size_mb else "~"
    return f"{about}{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{about}{megabytes:.0f} MB"


def _count(parameters: int | None) -> str:
    if parameters is None:
        return ""
    return f"{parameters / 1e9:.1f} B" if parameters >= 1e9 else f"{parameters / 1e6:.1f} M"


def _languages(entry: CatalogueEntry, limit: int = 3) -> str:
    if len(entry.languages) > limit:
        return f"{len(entry.languages)} languages"
    return " ".join("many" if code == "multilingual" else code for code in entry.languages)


def _window(entry: CatalogueEntry) -> str:
    if entry.max_length is None:
        return ""
    default = f", {entry.default_length:,} unless asked for" if entry.default_length else ""
    return f"at most {entry.max_length:,} tokens{default}"


def _licence(entry: CatalogueEntry) -> str:
    if entry.licence is None:
        return "none declared"
    return f"{entry.licence} (non-commercial)" if entry.commercial is False else entry.licence
