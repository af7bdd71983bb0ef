"""Entries of the catalogue as text for people: a table of several, or all that is known of one."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import click

from localrank.providers.columns import GAP, cut, padded, shown_columns, width_of
from localrank.providers.prices import Price, known_prices
from localrank_transformers.models.catalogue.entries import CatalogueEntry
from localrank_transformers.models.catalogue.selection import common_quality, size_mb

__all__ = ["facts", "list_prices", "print_table"]

_HEADER = ("NAME", "SIZE", "WEIGHTS", "LANGUAGES", "TOKENS", "QUALITY", "LICENCE", "ENGINES", "FAMILY")

_RIGHT = frozenset({"SIZE", "WEIGHTS", "TOKENS", "QUALITY"})
_EXPENDABLE = ("FAMILY", "WEIGHTS", "TOKENS", "ENGINES", "LICENCE", "LANGUAGES")
"""What a narrow terminal leaves out, the first first."""

_LICENCE_LEAST = 18
"""Cells in which a licence is still told from another."""


def print_table(entries: Sequence[CatalogueEntry]) -> None:
    """Print one line an entry; on a terminal, only the columns that it has room for, and which ones are missing."""
    rows = list(map(_cells, entries))
    if not sys.stdout.isatty():
        _print_rows(_HEADER, rows)
        return
    room = shutil.get_terminal_size().columns
    shown = shown_columns(_HEADER, rows, room, expendable=_EXPENDABLE, least={"LICENCE": _LICENCE_LEAST})
    _print_rows([_HEADER[at] for at in shown], [[row[at] for at in shown] for row in rows], room)
    if len(shown) < len(_HEADER):
        absent = ", ".join(name for at, name in enumerate(_HEADER) if at not in shown)
        click.echo(f"No room here for {absent}: a wider terminal, or --json, has them.", err=True)
    if any(row[_HEADER.index("QUALITY")] for row in rows):
        click.echo("QUALITY: published mean nDCG@10 on MTEB(eng, v2) retrieval.", err=True)


def _print_rows(header: Sequence[str], rows: Sequence[Sequence[str]], room: int | None = None) -> None:
    right = [name in _RIGHT for name in header]
    rows = rows if room is None else [_narrowed(header, rows, row, room) for row in rows]
    for number, line in enumerate(_aligned([header, *rows], right)):
        click.secho(line if room is None else cut(line, room), bold=number == 0)


def _narrowed(
    header: Sequence[str], rows: Sequence[Sequence[str]], row: Sequence[str], room: int
) -> Sequence[str]:
    """Return a row whose licence is as long as the other columns leave room for."""
    if "LICENCE" not in header:
        return row
    widest = [max(map(width_of, column)) for column in zip(header, *rows, strict=True)]
    at = header.index("LICENCE")
    free = room - sum(widest) - GAP * (len(header) - 1) + widest[at]
    return [cut(cell, max(free, _LICENCE_LEAST)) if place == at else cell for place, cell in enumerate(row)]


def _aligned(rows: Sequence[Sequence[str]], right: Sequence[bool]) -> Iterator[str]:
    """Yield each row with its cells in columns, those of numbers to the right."""
    widths = [max(map(width_of, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, widths, right, strict=True)
        yield (
            (" " * GAP).join(padded(cell, width, right=is_right) for cell, width, is_right in cells).rstrip()
        )


_VERIFIED = {
    "reference": "scores compared with the reference implementation",
    "derivation": "scores compared with the published formulas, written out apart",
    "no": "scores not yet compared with a reference",
}

_OWN = "a model of our own: `localrank doctor` compares its bits with the recorded ones"


def facts(entry: CatalogueEntry) -> Iterator[tuple[str, str]]:
    """Yield label and text of all that the catalogue says of a model; a text may be empty."""
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
    for figure in entry.quality:
        yield "quality", f"{figure.value:g} {figure.metric} on {figure.benchmark} ({figure.source})"
    yield "verified", _OWN if entry.bundled else _VERIFIED[entry.verified]
    yield "notes", entry.notes


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


def list_prices(*, as_json: bool) -> None:
    """Print one line a remote model with a known price."""
    prices = known_prices()
    if as_json:
        for price in prices:
            click.echo(json.dumps(asdict(price), ensure_ascii=False))
        return
    for line in _aligned(list(map(_price_cells, prices)), [False] * 4):
        click.echo(line)
    click.echo(
        "List prices; a vendor may have changed them. Any other model of a provider works too.", err=True
    )


def _price_cells(price: Price) -> tuple[str, ...]:
    name = f"{price.provider}:{price.model_id}"
    return name, f"${price.dollars:.2f} per {price.unit}", f"read {price.read_on}", price.source
