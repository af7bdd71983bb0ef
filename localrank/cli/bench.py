"""`localrank bench`: how fast a model ranks the user's own documents on this machine, in a table or as JSON."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median

import anyio
import click

from localrank.cli.output import counted, print_json_lines
from localrank.cli.ranking import model_option
from localrank.cli.reading import Reading, read_documents
from localrank.cli.sources import named_once
from localrank.contract.model import AnyReranker, DoRerankOptions
from localrank.contract.types import RerankUsage
from localrank.providers.calls import call_model
from localrank.providers.cores import usable_cores
from localrank.providers.registry import make_model, resolve

__all__ = ["BenchRequest", "BenchResult", "BenchRow", "bench", "measure"]

SIZES = "5,10,20,50,100"
SHUFFLE_SEED = 7
KNOWN_MB = 1000
"""Room for what `--known` keeps: some twenty thousand passages of 120 tokens."""

_HELP = """\
Measure how fast a model ranks the lines of FILES for QUERY, for several numbers of documents.

A document is a line of a text file, or the text of an object in a .jsonl file; `-` is standard input. They are shuffled (always
the same way), and each call gets others. A time is one call from texts to a ranking, tokenization included; one untimed call
comes first. Close other programs: what they take of the CPU shows in the spread. With `--known` the model has read all
documents before, and is timed on what is left, beside a model that reads them, so that the part of the time that is saved is
seen: for models with late interaction, as the embedded ones are.
"""

_EPILOG = """\
Examples:

\b
  localrank bench "how do I reset it?" manual.txt
  localrank bench "how do I reset it?" manual.txt -m localrank-tiny --sizes 20,200
  localrank bench "how do I reset it?" manual.txt --known --json
"""


def _sizes(_context: click.Context, _option: click.Parameter, value: str) -> list[int]:
    try:
        sizes = sorted({int(part) for part in value.split(",")})
    except ValueError:
        raise click.BadParameter(f"{value!r} is no list of numbers such as {SIZES}.") from None
    if sizes[0] < 1:
        raise click.BadParameter("a size is at least 1.")
    return sizes


@click.command(help=_HELP, epilog=_EPILOG, short_help="Measure how fast a model ranks your own documents.")
@click.argument("query")
@click.argument("files", nargs=-1, required=True, type=click.Path(allow_dash=True), callback=named_once)
@model_option
@click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "fp16", "int8", "refined"]),
    help="What an ONNX model computes in: int8 is quickest, fp32 exact, refined int8 with the best again in fp32. "
    "[default: auto]",
)
@click.option(
    "-k", "--top-k", type=click.IntRange(min=1), metavar="N", help="As in rerank; refined needs it."
)
@click.option(
    "--sizes", default=SIZES, show_default=True, callback=_sizes, help="Numbers of documents, with commas."
)
@click.option(
    "--repetitions",
    type=click.IntRange(min=1),
    default=7,
    metavar="N",
    show_default=True,
    help="Timed calls of each size; the median counts.",
)
@click.option("--known", is_flag=True, help="Time documents that the model has read before.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def bench(
    *,
    query: str,
    files: tuple[str, ...],
    model: str,
    precision: str | None,
    top_k: int | None,
    sizes: list[int],
    repetitions: int,
    known: bool,
    as_json: bool,
) -> None:
    """Read, measure, print."""
    if not query.strip():
        raise click.UsageError("QUERY is blank. Write a text with words in it.")
    documents = [document.text for document in read_documents(files, Reading())]
    random.Random(SHUFFLE_SEED).shuffle(documents)  # noqa: S311 - an order, no secret
    settings = {"precision": precision, "document_cache_mb": KNOWN_MB if known else None}
    given = {name: value for name, value in settings.items() if value is not None}
    reranker = make_model(model, given) if given else resolve(model)
    reading = make_model(model, {"precision": precision} if precision else {}) if known else None
    fitting = [size for size in sizes if size <= len(documents)] or [len(documents)]
    request = BenchRequest(query, documents, repetitions, top_k, known=known)
    result = anyio.run(measure, reranker, request, fitting, reading)
    if as_json:
        print_json_lines([asdict(result)])
    else:
        click.echo(_table(result))


@dataclass(frozen=True, slots=True)
class BenchRequest:
    """What is asked, over and over.

    Attributes:
        query: For every call.
        documents: Repetition r takes the r-th slice of them, and starts again where they end.
        repetitions: Timed calls a size; an untimed one comes first.
        top_k: For every call.
        known: Whether the model reads all documents before the first timed call.
    """

    query: str
    documents: Sequence[str]
    repetitions: int
    top_k: int | None = None
    known: bool = False

    def options(self, size: int, repetition: int) -> DoRerankOptions:
        """Return the request of one call."""
        start = repetition * size % (len(self.documents) - size + 1)
        return DoRerankOptions(self.query, tuple(self.documents[start : start + size]), top_k=self.top_k)


@dataclass(frozen=True, slots=True)
class BenchRow:
    """One number of documents.

    Attributes:
        documents: How many.
        median_ms: Of the repetitions, a whole call.
        fastest_ms: The lowest.
        slowest_ms: The highest.
        tokens_per_s: Tokens that the model read in a second of the calls, None where it does not count them.
        cache_hits: Documents of the timed calls that the model did not read, since it knew them.
        read_ms: The median where another one of the model reads them each time; None where that was not asked for.
        saved: The part of that time that knowing them saves, 0 to 1; None likewise.
    """

    documents: int
    median_ms: float
    fastest_ms: float
    slowest_ms: float
    tokens_per_s: float | None
    cache_hits: int = 0
    read_ms: float | None = None
    saved: float | None = None


@dataclass(frozen=True, slots=True)
class BenchResult:
    """What was measured.

    Attributes:
        model_id: The model.
        cores: Cores that the process may use.
        repetitions: Timed calls a row.
        load_ms: Time until the first call could compute.
        rows: By number of documents.
        peak_memory_mb: Highest resident memory of the process, in 10⁶ bytes; None where the system does not say.
    """

    model_id: str
    cores: int
    repetitions: int
    load_ms: float
    rows: tuple[BenchRow, ...]
    peak_memory_mb: float | None


async def measure(
    model: AnyReranker, request: BenchRequest, sizes: Sequence[int], reading: AnyReranker | None = None
) -> BenchResult:
    """Rank slices of the documents and return the times.

    Args:
        model: What to measure.
        request: What to rank.
        sizes: Numbers of documents, none above what `request` has.
        reading: The same model without knowledge of documents, to be compared with; None for none.

    Raises:
        RerankError: What the model raises.
    """
    first = await call_model(model, request.options(1, 0))
    load_ms = first.usage.load_ms if first.usage else 0.0
    if request.known:
        await call_model(model, DoRerankOptions(request.query, tuple(request.documents)))
    rows = [await _row(model, request, size) for size in sizes]
    if reading is not None:
        rows = [_beside(row, await _row(reading, request, row.documents)) for row in rows]
    return BenchResult(
        model.model_id, usable_cores(), request.repetitions, load_ms, tuple(rows), _peak_memory_mb()
    )


async def _row(model: AnyReranker, request: BenchRequest, size: int) -> BenchRow:
    seconds: list[float] = []
    usages: list[RerankUsage] = []
    for repetition in range(request.repetitions + 1):
        options = request.options(size, repetition)
        started = time.perf_counter()
        answer = await call_model(model, options)
        seconds.append(time.perf_counter() - started)
        usages.append(answer.usage or RerankUsage())
    timed, used = seconds[1:], usages[1:]
    counted = [usage.input_tokens for usage in used if usage.input_tokens is not None]
    rate = sum(counted) / sum(timed) if len(counted) == len(timed) else None
    hits = sum(usage.cache_hits for usage in used)
    return BenchRow(size, median(timed) * 1000, min(timed) * 1000, max(timed) * 1000, rate, hits)


def _beside(row: BenchRow, read: BenchRow) -> BenchRow:
    saved = max(0.0, 1 - row.median_ms / read.median_ms)
    return replace(row, read_ms=read.median_ms, saved=saved)


def _peak_memory_mb() -> float | None:
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415 - not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def _table(result: BenchResult) -> str:
    compares = any(row.read_ms is not None for row in result.rows)
    lines = [
        f"{result.model_id} on {counted(result.cores, 'core')}, {counted(result.repetitions, 'call')} each; "
        f"loaded in {result.load_ms:.0f} ms.",
        "",
        f"{'documents':>9}  {'median ms':>9}  {'fastest':>8}  {'slowest':>8}  {'ms/doc':>7}  {'tokens/s':>9}"
        + (f"  {'read ms':>8}  {'saved':>6}" if compares else ""),
    ]
    for row in result.rows:
        rate = "–" if row.tokens_per_s is None else f"{row.tokens_per_s:,.0f}"
        lines.append(
            f"{row.documents:>9,}  {row.median_ms:>9.1f}  {row.fastest_ms:>8.1f}  {row.slowest_ms:>8.1f}  "
            f"{row.median_ms / row.documents:>7.2f}  {rate:>9}"
            + ("" if row.read_ms is None else f"  {row.read_ms:>8.1f}  {row.saved or 0:>6.1%}")
        )
    if result.peak_memory_mb is not None:
        lines += ["", f"Peak memory of the process: {result.peak_memory_mb:,.0f} MB."]
    return "\n".join(lines)
