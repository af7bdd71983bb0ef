"""`localrank evaluate`: how well models rank your own documents, and what they take for it."""

from __future__ import annotations

from pathlib import Path

import click

from localrank.cli.evaluating import (
    EvaluationRequest,
    print_comparison,
    print_evaluation,
    read_collection,
    run_evaluation,
)
from localrank.cli.output import InputError, stdout_is_terminal
from localrank.cli.ranking import model_names
from localrank.contract.errors import InvalidRequestError
from localrank.evaluation.answers import FALSE_ACCEPT
from localrank.evaluation.compare import compare_evaluations
from localrank.evaluation.measures import DEFAULT_MEASURES
from localrank.evaluation.saved import load_evaluation
from localrank.providers.registry import DEFAULT_MODEL
from localrank.providers.typed import typed

__all__ = ["evaluate"]

DEFAULT_FOLDER = "localrank-evaluation"

_PATH = click.Path(path_type=Path)

_HELP = """\
Measure how well models rank the documents of DATA, beside the first stage whose candidates they rerank.

DATA is a folder in BEIR's layout (corpus.jsonl, queries.jsonl, qrels/test.tsv) or in the hub's, as NanoBEIR, HAKARI-Bench and
MTEB have it (folders corpus, queries and qrels, and perhaps candidates such as bm25); or a file that `localrank train` reads:

\b
  {"query": "how do I reset it?", "documents": ["Hold the button …", "Press …"], "relevant": [0]}
  {"query": "how do I reset it?", "positive": "Hold the button …", "negatives": ["Press …"]}
  {"query": "how do I reset it?", "document": "Hold the button …", "label": 1}

Without DATA, --queries-file, --documents and --qrels name three files in TREC's forms.

On a terminal you get a table, else JSON Lines, one a system. The folder of --output gets report.html, report.md, results.json,
qrels.txt, TREC runs, and a journal: the same command goes on where it was stopped. Needs the extra `eval`.
"""

_EPILOG = """\
Examples:

\b
  localrank evaluate faq.jsonl
  localrank evaluate scifact/ -m localrank-mini -m mini --first-stage bm25 --queries 100
  localrank evaluate scifact/ -m cohere:rerank-v3.5 --first-stage dense.run --candidates 30 -o out/
  localrank evaluate --queries-file topics.tsv --documents docs.tsv --qrels qrels.txt --first-stage my.run
  localrank evaluate NanoBEIR-en/ --split NanoMSMARCO --first-stage bm25 --candidates 100
  localrank evaluate faq/ --unanswerable --false-accept 0.05
  localrank evaluate --compare before/results.json after/results.json
"""


@click.command(help=_HELP, epilog=_EPILOG, short_help="Measure models on your own data.")
@click.argument("data", required=False, type=_PATH)
@click.option(
    "-m",
    "--model",
    "models",
    metavar="NAME",
    multiple=True,
    shell_complete=model_names,
    help=f"A model to measure; may be given several times. [default: {DEFAULT_MODEL}]",
)
@click.option(
    "--first-stage",
    metavar="STAGE",
    help="bm25: as it came with the data, else computed; corpus: documents as they come; judged: each query's judged ones; "
    "another name of candidates that came with the data; or a TREC run. [default: bm25, or corpus where queries have their own "
    "documents]",
)
@click.option(
    "--candidates",
    type=click.IntRange(min=1),
    metavar="N",
    default=50,
    show_default=True,
    help="Documents of each query.",
)
@click.option(
    "--queries", type=click.IntRange(min=1), metavar="N", help="Draw N judged queries. [default: all]"
)
@click.option("--seed", type=int, metavar="N", default=0, show_default=True, help="What they are drawn with.")
@click.option(
    "--measures",
    metavar="A,B",
    default=",".join(DEFAULT_MEASURES),
    show_default=True,
    help="By ir-measures' names; reports compare by the first.",
)
@click.option(
    "--unanswerable",
    is_flag=True,
    help="Measure too how well the best score tells lists without their relevant documents, and fit a threshold.",
)
@click.option(
    "--false-accept",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    default=FALSE_ACCEPT,
    show_default=True,
    help="Of the lists without an answer, what the threshold of --unanswerable may let through.",
)
@click.option("--qrels", type=_PATH, metavar="FILE", help="Judgements, in BEIR's or TREC's columns.")
@click.option(
    "--split",
    metavar="NAME",
    help="Whose judgements of the folder. [default: test, dev, train, or the only one]",
)
@click.option("--queries-file", type=_PATH, metavar="FILE", help="Queries, without DATA: id, tab, text.")
@click.option("--documents", type=_PATH, metavar="FILE", help="Documents, without DATA: id, tab, text.")
@click.option("--instruction", metavar="TEXT", help='What "relevant" means here, for models that read it.')
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    default=DEFAULT_FOLDER,
    show_default=True,
    help="Where reports and runs go.",
)
@click.option(
    "--fresh", is_flag=True, help="Forget what an earlier run has ranked, rather than go on from it."
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask before calls to a remote model.")
@click.option(
    "--compare",
    "saved",
    type=_PATH,
    nargs=2,
    metavar="A B",
    help="Compare two results.json instead.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines on a terminal too.")
def evaluate(
    *,
    data: Path | None,
    models: tuple[str, ...],
    first_stage: str | None,
    candidates: int,
    queries: int | None,
    seed: int,
    measures: str,
    unanswerable: bool,
    false_accept: float,
    qrels: Path | None,
    split: str | None,
    queries_file: Path | None,
    documents: Path | None,
    instruction: str | None,
    output: Path,
    fresh: bool,
    yes: bool,
    saved: tuple[Path, Path] | None,
    as_json: bool,
) -> None:
    """Check the options, then evaluate or compare."""
    for_person = stdout_is_terminal() and not as_json
    context = click.get_current_context()
    if saved is not None:
        if set(typed(context)) - {"--compare", "--json"}:
            raise click.UsageError("--compare takes two results and nothing else.")
        _compare(saved, for_person=for_person)
        return
    if queries is None and typed(context, "seed"):
        raise click.UsageError("--seed is of the queries that are drawn: add --queries N.")
    if not unanswerable and typed(context, "false_accept"):
        raise click.UsageError("--false-accept is of a threshold: add --unanswerable.")
    collection = read_collection(data, split, queries_file, documents, qrels)
    request = EvaluationRequest(
        models=models or (DEFAULT_MODEL,),
        first_stage=first_stage,
        candidates=candidates,
        queries=queries,
        seed=seed,
        measures=tuple(name.strip() for name in measures.split(",")),
        instruction=instruction,
        output=output,
        fresh=fresh,
        yes=yes,
        false_accept=false_accept if unanswerable else None,
    )
    print_evaluation(run_evaluation(collection, request), output, for_person=for_person)


def _compare(paths: tuple[Path, Path], *, for_person: bool) -> None:
    first, second = map(str, paths)
    try:
        comparison = compare_evaluations(
            load_evaluation(paths[0]), load_evaluation(paths[1]), names=(first, second)
        )
    except InvalidRequestError as error:
        raise InputError(str(error)) from None
    print_comparison(comparison, for_person=for_person)
