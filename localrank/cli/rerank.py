"""`localrank rerank`: documents from files or standard input, best first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import click

from localrank.cli.candidates import DEFAULT_CANDIDATES, LONG_LIST, best_by_words, every_document
from localrank.cli.compare import compare, two_models
from localrank.cli.contents import ERRORS, FORMATS, Decoding, Errors, Format, known_encoding
from localrank.cli.output import (
    ExitCode,
    exit_codes,
    note,
    stderr_is_terminal,
    stdin_is_terminal,
    stdout_is_terminal,
    warn_of,
    writing,
)
from localrank.cli.ranking import RankRequest, model_option, place_of, rank, record_of, spent
from localrank.cli.reading import InputDocument, Reading
from localrank.cli.sources import named_once
from localrank.cli.tables import OUTPUTS, Output, print_records
from localrank.cli.terminal import Row, console, show_rows
from localrank.contract.types import RerankResult
from localrank.providers.typed import typed
from localrank.providers.unscored import is_scored

__all__ = ["rerank"]

ROWS_ON_A_TERMINAL = 10
"""How many places a person sees who asked for no number."""

_HELP = """\
Rank documents by how well each answers QUERY, best first.

A document is a line of FILES, or of standard input where FILES is `-` or absent; blank lines are skipped. In .jsonl, .json,
.csv, .tsv and .parquet files a document is an object or a row, and all it holds is carried through; --format says so of other
files, and files packed by gzip, bzip2 or xz are unpacked. With --paragraphs a document is a paragraph of a text, Markdown or
reStructuredText file, and folders are searched for such files. --first-stage reads its sources twice and needs no more memory
for a million lines than for a few; what can be read only once is kept in a temporary file meanwhile.

On a terminal you get a table, else JSON Lines: `rank` from 1, `index` from 0, `score`, `text`, and where they apply `source`,
`line`, `heading`, the whole `document`, `truncated`, `scored`; and `outcome`: whether the model ranked all (`kind`), why not
(`reasons`), and who served (`served_by`). Everything that is no result goes to standard error.
"""

_EPILOG = """\
Examples:

\b
  localrank rerank "how do I reset the router?" manual.txt
  grep -i invoice mail.txt | localrank rerank "which one is overdue?" --top-k 3
  localrank rerank -p "what did we decide about pricing?" notes/ README.md
  localrank rerank "tomato soup" recipes.jsonl --text-key title --json | jq .document.id
  localrank rerank "late delivery" tickets.csv --text-column body --output csv > ranked.csv
  localrank rerank "late delivery" million_lines.txt --first-stage bm25 --candidates 200
  localrank rerank "who wrote it?" books.txt --threshold 0.5
  localrank rerank "who wrote it?" books.txt --compare localrank-mini,mini

""" + exit_codes(ExitCode.INPUT, ExitCode.TIMEOUT, ExitCode.INTERRUPTED)


@click.command(help=_HELP, epilog=_EPILOG, short_help="Rank lines, JSON Lines or paragraphs by a query.")
@click.argument("query")
@click.argument("files", nargs=-1, type=click.Path(allow_dash=True), callback=named_once)
@click.option(
    "-k",
    "--top-k",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"How many to print. [default: {ROWS_ON_A_TERMINAL} on a terminal, else all]",
)
@model_option
@click.option(
    "-p",
    "--paragraphs",
    is_flag=True,
    help="A document is a paragraph; folders are searched for .md, .rst and .txt files.",
)
@click.option(
    "--text-key",
    "--text-column",
    "text_key",
    metavar="KEY",
    help="Where an object or a row has its text: a key, a column, or a path such as payload.text. A file whose name tells no "
    "format is then JSON Lines. [default: text, page_content or content]",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    help="What the files hold. [default: what their names say, else lines]",
)
@click.option(
    "--encoding",
    metavar="NAME",
    default="utf-8",
    show_default=True,
    callback=known_encoding,
    help="Of files without a byte order mark.",
)
@click.option(
    "--errors",
    type=click.Choice(ERRORS),
    default="replace",
    show_default=True,
    help="What a line that is not in the encoding costs: its wrong bytes, itself, or the command.",
)
@click.option(
    "--first-stage",
    type=click.Choice(["bm25"]),
    help="Rank only the documents that share most words with QUERY, of a list of any length.",
)
@click.option(
    "--candidates",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"How many documents the first stage keeps. [default: {DEFAULT_CANDIDATES}]",
)
@click.option("--threshold", type=float, metavar="SCORE", help="Print only what scores at least SCORE.")
@click.option("--instruction", metavar="TEXT", help='What "relevant" means here, for models that read it.')
@click.option("--compare", "models", metavar="A,B", help="Print the ranks of two models side by side.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines on a terminal too: --output jsonl.")
@click.option(
    "--output",
    type=click.Choice(OUTPUTS),
    help="Print this, on a terminal too. [default: a table, in a pipe jsonl]",
)
@click.option(
    "--deadline",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Print the best ranking so far after SECONDS; what is not scored comes last.",
)
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="Fail after SECONDS."
)
def rerank(
    *,
    query: str,
    files: tuple[str, ...],
    top_k: int | None,
    model: str,
    paragraphs: bool,
    text_key: str | None,
    kind: Format | None,
    encoding: str,
    errors: Errors,
    first_stage: str | None,
    candidates: int | None,
    threshold: float | None,
    instruction: str | None,
    models: str | None,
    as_json: bool,
    output: Output | None,
    deadline: float | None,
    timeout: float | None,
) -> None:
    """Check the options, read, rank, print."""
    _refuse_together(
        {
            ("--paragraphs", "--text-key"): paragraphs and text_key is not None,
            ("--paragraphs", f"--format {kind}"): paragraphs and kind is not None,
            ("--text-key", "--format lines"): text_key is not None and kind == "lines",
            ("--json", f"--output {output}"): as_json and output not in {None, "jsonl"},
        }
    )
    if candidates is not None and first_stage is None:
        raise click.UsageError("--candidates is of the first stage: add --first-stage bm25.")
    if not files and stdin_is_terminal() and Path(query).exists():
        raise click.UsageError(f"There is no QUERY before {query!r}, which is a file or a folder.")
    names = None if models is None else two_models(models)
    if names is not None and typed(click.get_current_context(), "model"):
        raise click.UsageError("--compare names both models: leave --model out.")
    if threshold is not None and not math.isfinite(threshold):
        raise click.UsageError(
            f"--threshold {threshold} is no score. Give a number, or leave it out to print all."
        )
    for_person = stdout_is_terminal() and not as_json and output is None
    reading = Reading(paragraphs, kind, text_key, Decoding(encoding, errors))
    documents, places = _candidates(query, files, reading, first_stage=first_stage, candidates=candidates)
    request = RankRequest(
        query=query,
        documents=documents,
        places=places,
        top_k=top_k or (ROWS_ON_A_TERMINAL if for_person else None),
        threshold=threshold,
        instruction=instruction,
        timeout=timeout,
        deadline=deadline,
    )
    if names is not None:
        compare(names, request, output=None if for_person else output or "jsonl")
        return
    result = rank(model, request)
    warn_of(result)
    if for_person:
        _show(result, request)
    else:
        print_records((record_of(ranked, request, result.outcome) for ranked in result), output or "jsonl")


def _candidates(
    query: str, files: tuple[str, ...], reading: Reading, *, first_stage: str | None, candidates: int | None
) -> tuple[tuple[InputDocument, ...], tuple[int, ...] | None]:
    """Return what is ranked; with a first stage, its best and their places among all."""
    if first_stage is not None:
        return best_by_words(query, files, reading, candidates or DEFAULT_CANDIDATES)
    documents = every_document(files, reading)
    if len(documents) >= LONG_LIST and stderr_is_terminal():
        note(
            f"{len(documents):,} documents; --first-stage bm25 --candidates {DEFAULT_CANDIDATES} ranks only those that share "
            "most words with the query."
        )
    return documents, None


def _refuse_together(given: Mapping[tuple[str, str], bool]) -> None:
    for (one, other), both in given.items():
        if both:
            raise click.UsageError(f"{one} and {other} exclude each other.")


def _show(result: RerankResult[InputDocument], request: RankRequest) -> None:
    rows = [
        Row(
            (str(ranked.rank),),
            ranked.score if is_scored(ranked) else None,
            ranked.document.text,
            place_of(ranked.document),
        )
        for ranked in result
    ]
    with writing():
        show_rows(console(), request.query, rows, result.score_kind)
    total = len(request.documents)
    more = "" if len(result) == total else f"{len(result)} of "
    count = f"{more}{total:,} document{'' if total == 1 else 's'}"
    note(f"{count}, ranked by {result.response.model_id} in {spent(result)}.")
    if result.outcome.kind != "ranked":
        note(f"outcome: {result.outcome}.")
