"""`localrank store`: what a store of documents holds; a collection read ahead; room given back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import get_args

import anyio
import click

from localrank.contract.errors import InvalidDataError
from localrank.contract.model import DoRerankOptions
from localrank.providers.calls import call_model
from localrank.providers.data.folders import corpus_files
from localrank.providers.data.rows import is_records, joined_text, records
from localrank.providers.lines import fault
from localrank_transformers.families.late.known.keeping import DocumentStore, Setting
from localrank_transformers.rerankers.onnx import OnnxReranker

__all__ = ["store", "texts_of"]

_AT_ONCE = 256
"""Texts between two reports."""

_HELP = """\
Look after a folder in which a model keeps what it read of documents: OnnxReranker(document_store=FOLDER).

\b
  localrank store warm FOLDER beir/scifact
  localrank store warm FOLDER NanoBEIR-en/
  localrank store warm FOLDER passages.jsonl --text-key body --model localrank-tiny
  localrank store info FOLDER
"""

_WARM_HELP = """\
Read a collection ahead, so that the first search finds its documents known.

SOURCES are JSON Lines (.jsonl; a `title`, if any, is put before the text with a space, as BEIR has it), Parquet (.parquet, with
pyarrow) and folders as `localrank evaluate` reads them: BEIR's layout and that of data sets of the hub, of which all
collections are read. What the store knows already is not read again: after an interruption, run the command
again. A document is found only if a search passes the very same text.
"""


def _examples(*commands: str) -> str:
    return "Examples:\n\n\b\n" + "".join(f"  {command}\n" for command in commands)


_folder = click.argument("folder", type=click.Path(path_type=Path, file_okay=False))


@click.group(help=_HELP, short_help="Keep what a model read of documents on disk.")
def store() -> None:
    """Hold the commands."""


@store.command(help="Print what a store holds.", epilog=_examples("localrank store info FOLDER --json"))
@_folder
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def info(*, folder: Path, as_json: bool) -> None:
    """Print the facts."""
    facts = DocumentStore(folder).facts()
    if as_json:
        click.echo(json.dumps(asdict(facts)))
        return
    click.echo(f"model      {facts.model or 'none yet'}")
    click.echo(f"documents  {facts.documents:,} of {facts.tokens:,} tokens")
    click.echo(f"vectors    {facts.vectors_mb:,.1f} MB, {facts.vectors}")
    click.echo(f"disk       {facts.disk_mb:,.1f} MB of {facts.max_mb:,}")


@store.command(
    help=_WARM_HELP,
    epilog=_examples(
        "localrank store warm FOLDER beir/scifact",
        "localrank store warm FOLDER passages.jsonl --text-key body --model localrank-tiny",
    ),
    short_help="Read a collection ahead.",
)
@_folder
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-m", "--model", help="An embedded model, a folder or a hub id. [default: localrank-mini]")
@click.option("--max-length", type=click.IntRange(min=1), help="The window, as the searches will have it.")
@click.option(
    "--max-mb",
    type=click.IntRange(min=8),
    help="Of the store on disk. [default: as it was made; 10,000 for a new one]",
)
@click.option(
    "--vectors",
    type=click.Choice(get_args(Setting)),
    help="How a new store keeps them: small takes an eighth. [default: full]",
)
@click.option("--text-key", default="text", show_default=True, help="The key or column with the text.")
def warm(
    *,
    folder: Path,
    sources: tuple[Path, ...],
    model: str | None,
    max_length: int | None,
    max_mb: int | None,
    vectors: Setting | None,
    text_key: str,
) -> None:
    """Rank all texts for a query that nobody asks."""
    for source in sources:
        if not source.exists():
            raise InvalidDataError(f"{source}: No such file or directory.")
    kept = DocumentStore(folder, max_mb=max_mb, vectors=vectors)
    texts = (text for source in sources for text in texts_of(source, text_key))
    with OnnxReranker(model, max_length=max_length, document_store=kept) as reranker:
        read = anyio.run(_read, reranker, texts, lambda text: click.echo(text, err=True))
    click.echo(f"{read:,} documents were read; the store has {kept.facts().documents:,}.")
    kept.close()  # so that it can be read where nothing can be written


async def _read(reranker: OnnxReranker, texts: Iterator[str], report: Callable[[str], object]) -> int:
    seen = read = 0
    while some := tuple(islice(texts, _AT_ONCE)):
        result = await call_model(reranker, DoRerankOptions("read ahead", some))
        known = result.usage.cache_hits if result.usage else 0
        seen, read = seen + len(some), read + len(some) - known
        report(f"{seen:,} documents, {seen - read:,} of them known before")
        for warning in result.warnings:
            if warning.type == "document_store":
                report(warning.message)
    return read


@store.command(
    help="Give back the room of files that are half empty. Processes may use the store meanwhile.",
    epilog=_examples("localrank store compact FOLDER"),
)
@_folder
def compact(*, folder: Path) -> None:
    """Compact, and print what it takes then."""
    kept = DocumentStore(folder)
    kept.compact()
    click.echo(f"{kept.facts().disk_mb:,.1f} MB")


@store.command(
    help="Remove all documents; any model may have the store then.",
    epilog=_examples("localrank store clear FOLDER"),
)
@_folder
def clear(*, folder: Path) -> None:
    """Clear."""
    DocumentStore(folder).clear()


def texts_of(source: Path, key: str) -> Iterator[str]:
    """Yield the texts of a JSON Lines or Parquet file, or of all collections in a folder that `localrank evaluate` reads.

    Args:
        source: The file or folder.
        key: Where a record has its text.

    Raises:
        InvalidDataError: It is none of these, or a record has no text there.
        MissingDependencyError: A Parquet file without pyarrow.
    """
    for path in corpus_files(source) if source.is_dir() else [source]:
        if not is_records(path):
            raise InvalidDataError(
                f"{path} is no collection.",
                hint="Pass a .jsonl or .parquet file, or a folder as `localrank evaluate` reads it: with corpus.jsonl, or with "
                "a folder corpus.",
            )
        for number, record in records(path):
            if key not in record:
                keys = ", ".join(map(repr, record))
                hint = f"The keys are {keys}. Say which has the text with --text-key."
                raise fault(path, number, f"there is no {key!r}.", hint=hint)
            yield joined_text(path, number, record, key)
