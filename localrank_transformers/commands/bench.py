"""`localrank bench`: how fast a model ranks the user's own documents on this machine, in a table or as JSON."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import click

from localrank.contract.model import AnyReranker
from localrank.providers.registry import resolve
from localrank_transformers.models import bundled

if TYPE_CHECKING:
    from localrank_transformers.commands.bench_timing import BenchResult

__all__ = ["bench"]

SIZES = "5,10,20,50,100"
SHUFFLE_SEED = 7
_TEXT_KEYS = ("text", "page_content", "content")

_HELP = """\
Measure how fast a model ranks the lines of FILES for QUERY, for several numbers of documents.

A document is a line of a text file, or the text of an object in a .jsonl file; `-` is standard input. They are shuffled (always
the same way), and each call gets others. A time is one call from texts to a ranking, tokenization included; one untimed call
comes first. Close other programs: what they take of the CPU shows in the spread.
"""


def _sizes(_context: click.Context, _option: click.Parameter, value: str) -> list[int]:
    try:
        sizes = sorted({int(part) for part in value.split(",")})
    except ValueError:
        raise click.BadParameter(f"{value!r} is no list of numbers such as {SIZES}.") from None
    if sizes[0] < 1:
        raise click.BadParameter("a size is at least 1.")
    return sizes


@click.command(help=_HELP, short_help="Measure how fast a model ranks your own documents.")
@click.argument("query")
@click.argument("files", nargs=-1, required=True, type=click.Path(allow_dash=True))
@click.option(
    "-m",
    "--model",
    metavar="NAME",
    envvar="LOCALRANK_MODEL",
    show_envvar=True,
    help=f"provider:model-id, an alias or a folder. [default: {bundled.DEFAULT_MODEL}]",
)
@click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "fp16", "int8", "refined"]),
    help="Of an ONNX model. [default: auto]",
)
@click.option(
    "-k", "--top-k", type=click.IntRange(min=1), metavar="N", help="As in rerank; refined needs it."
)
@click.option(
    "--sizes", default=SIZES, show_default=True, callback=_sizes, help="Numbers of documents, with commas."
)
@click.option("--repetitions", type=click.IntRange(min=1), default=7, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def bench(
    *,
    query: str,
    files: tuple[str, ...],
    model: str | None,
    precision: str | None,
    top_k: int | None,
    sizes: list[int],
    repetitions: int,
    as_json: bool,
) -> None:
    """Read, measure, print."""
    from localrank_transformers.commands.bench_timing import BenchRequest, measure  # noqa: PLC0415 - so that --help loads no engine

    documents = [text for name in files for text in _read(name)]
    if not documents:
        raise _InputError(f"there are no documents in {', '.join(files)}.")
    random.Random(SHUFFLE_SEED).shuffle(documents)  # noqa: S311 - an order, no secret
    reranker = _reranker(model, precision)
    fitting = [size for size in sizes if size <= len(documents)] or [len(documents)]
    result = anyio.run(measure, reranker, BenchRequest(query, documents, repetitions, top_k), fitting)
    click.echo(json.dumps(asdict(result)) if as_json else table(result))


def _reranker(model: str | None, precision: str | None) -> AnyReranker:
    if precision is None:
        return resolve(model or bundled.DEFAULT_MODEL)
    from localrank_transformers.rerankers.onnx import OnnxReranker  # noqa: PLC0415 - so that --help loads no engine

    return OnnxReranker((model or bundled.DEFAULT_MODEL).removeprefix("onnx:"), precision=precision)


def table(result: BenchResult) -> str:
    """Return the result for a person."""
    lines = [
        f"{result.model_id} on {result.cores} cores, {result.repetitions} calls each; "
        f"loaded in {result.load_ms:.0f} ms.",
        "",
        f"{'documents':>9}  {'median ms':>9}  {'fastest':>8}  {'slowest':>8}  {'ms/doc':>7}  {'tokens/s':>9}",
    ]
    for row in result.rows:
        rate = "–" if row.tokens_per_s is None else f"{row.tokens_per_s:,.0f}"
        lines.append(
            f"{row.documents:>9,}  {row.median_ms:>9.1f}  {row.fastest_ms:>8.1f}  {row.slowest_ms:>8.1f}  "
            f"{row.median_ms / row.documents:>7.2f}  {rate:>9}"
        )
    if result.peak_memory_mb is not None:
        lines += ["", f"Peak memory of the process: {result.peak_memory_mb:,.0f} MB."]
    return "\n".join(lines)


def _read(name: str) -> Sequence[str]:
    try:
        content = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise _InputError(f"{name}: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise _InputError(f"{name}: not UTF-8 text.") from None
    lines = [(number, line.strip()) for number, line in enumerate(content.split("\n"), 1)]
    filled = [(number, line) for number, line in lines if line]
    if Path(name).suffix.lower() not in {".jsonl", ".ndjson"}:
        return [line for _, line in filled]
    return [_text_of(line, f"{name}:{number}") for number, line in filled]


def _text_of(line: str, place: str) -> str:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise _InputError(f"{place}: no valid JSON.") from None
    text = (
        next((record[key] for key in _TEXT_KEYS if key in record), None) if isinstance(record, dict) else None
    )
    if not isinstance(text, str):
        raise _InputError(f"{place}: no text under {', '.join(map(repr, _TEXT_KEYS))}.")
    return text


class _InputError(click.ClickException):
    exit_code = 3
