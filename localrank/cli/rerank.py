"""`localrank rerank`: documents from files or standard input, best first."""

from __future__ import annotations

import math
from pathlib import Path

import click

from localrank.cli.compare import compare, two_models
from localrank.cli.output import (
    EXIT_CODES,
    note,
    print_json_lines,
    stdin_is_terminal,
    stdout_is_terminal,
    warn_of,
    writing,
)
from localrank.cli.ranking import RankRequest, model_option, place_of, rank, record_of, spent
from localrank.cli.reading import InputDocument, read_documents
from localrank.cli.terminal import Row, console, show_rows
from localrank.contract.types import RerankResult
from localrank.providers.unscored import is_scored

__all__ = ["rerank"]

ROWS_ON_A_TERMINAL = 10
"""How many places a person sees who asked for no number."""

_HELP = """\
Rank documents by how well each answers QUERY, best first.

A document is a line of FILES, or of standard input where FILES is `-` or absent; blank lines are skipped. In .jsonl files, and
everywhere with --text-key, a line is a JSON object, and all its keys are carried through. With --paragraphs a document is a
paragraph of a text, Markdown or reStructuredText file, and folders are searched for such files.

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
  localrank rerank "who wrote it?" books.txt --threshold 0.5
  localrank rerank "who wrote it?" books.txt --compare localrank-mini,mini

Exit codes:

\b
""" + "\n".join(f"  {code.value:>3}  {meaning}" for code, meaning in EXIT_CODES.items())


@click.command(help=_HELP, epilog=_EPILOG, short_help="Rank lines, JSON Lines or paragraphs by a query.")
@click.argument("query")
@click.argument("files", nargs=-1, type=click.Path(allow_dash=True))
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
    metavar="KEY",
    help="Read JSON Lines; the document's text is under KEY. [default in .jsonl: text, page_content or content]",
)
@click.option("--threshold", type=float, metavar="SCORE", help="Print only what scores at least SCORE.")
@click.option("--instruction", metavar="TEXT", help='What "relevant" means here, for models that read it.')
@click.option("--compare", "models", metavar="A,B", help="Print the ranks of two models side by side.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines on a terminal too.")
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
    threshold: float | None,
    instruction: str | None,
    models: str | None,
    as_json: bool,
    deadline: float | None,
    timeout: float | None,
) -> None:
    """Check the options, read, rank, print."""
    if paragraphs and text_key is not None:
        raise click.UsageError("--paragraphs and --text-key exclude each other.")
    if not files and stdin_is_terminal() and Path(query).exists():
        raise click.UsageError(f"There is no QUERY before {query!r}, which is a file or a folder.")
    names = None if models is None else two_models(models)
    if threshold is not None and math.isnan(threshold):
        raise click.UsageError("--threshold nan is no score.")
    for_person = stdout_is_terminal() and not as_json
    documents = tuple(read_documents(files, paragraphs=paragraphs, text_key=text_key))
    request = RankRequest(
        query=query,
        documents=documents,
        top_k=top_k or (ROWS_ON_A_TERMINAL if for_person else None),
        threshold=threshold,
        instruction=instruction,
        timeout=timeout,
        deadline=deadline,
    )
    if names is not None:
        compare(names, request, for_person=for_person)
        return
    result = rank(model, request)
    warn_of(result)
    if for_person:
        _show(result, request)
    else:
        print_json_lines(record_of(ranked, result.outcome) for ranked in result)


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
