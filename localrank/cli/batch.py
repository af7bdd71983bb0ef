"""`localrank batch`: a file of many queries ranked into a folder, in parts that survive an interruption."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click

from localrank.batches.columns import Columns
from localrank.batches.files.texts import CollectionFiles
from localrank.batches.job import PART_DOCUMENTS, PART_DOCUMENTS_REMOTE, BatchJob, OutputFormat
from localrank.batches.planned import plan
from localrank.batches.running import check_price, forget, run_batch
from localrank.cli.batching import ask, leave, on_ray, ranked, show_plan, show_report
from localrank.cli.output import ExitCode, InputError, exit_codes
from localrank.cli.ranking import model_option
from localrank.contract.model import AnyReranker
from localrank.providers.registry import make_model, resolve
from localrank.providers.services import services_in

__all__ = ["batch"]

_HELP = """\
Rank the candidates of many queries in INPUT, and write its rows with rank and score into the folder OUTPUT.

INPUT is a .parquet or .jsonl file, the latter also packed (.gz, .zst). A row is a candidate, and the rows of a query stand
together; or a row is a query and its text column a list of candidates. With --collection, or --queries-file and --documents,
INPUT is a TREC run.

OUTPUT gets the same rows in the same kind of file, in parts of whole queries, and a manifest. The same command goes on after
whatever stopped it, a lost process too, and leaves the same bytes as a run without a stop; Ctrl-C finishes the part first. Rows
that cannot be ranked go to _rejects-*.jsonl, with their number from 1 and the reason.

Parquet and zstd need the extra batch.
"""

_EPILOG = """\
Examples:

\b
  localrank batch pairs.parquet ranked/
  localrank batch pairs.jsonl.gz ranked/ --query-column question --text-column passage --top-k 10
  localrank batch bm25.run ranked/ --collection scifact/ --top-k 100
  localrank batch catalogue.parquet ranked/ -m cohere:rerank-v3.5 --dry-run
  localrank batch catalogue.parquet ranked/ -m cohere:rerank-v3.5 --max-cost 20
  localrank batch pairs.parquet ranked/ && python -c "import pandas; print(pandas.read_parquet('ranked/'))"

""" + exit_codes(ExitCode.INPUT, ExitCode.COST, ExitCode.INTERRUPTED)

_PATH = click.Path(path_type=Path)


def _there(_context: click.Context, _parameter: click.Parameter, value: Path | None) -> Path | None:
    """Return what is to be read, looked at before a former job is deleted for it."""
    if value is not None and not value.exists():
        raise InputError(f"{value}: No such file or directory.")
    return value


@click.command(
    help=_HELP, epilog=_EPILOG, short_help="Rank a file of many queries; goes on after interruptions."
)
@click.argument("source", metavar="INPUT", type=_PATH, callback=_there)
@click.argument("output", type=click.Path(file_okay=False, path_type=Path))
@model_option
@click.option("--query-column", metavar="NAME", default="query", show_default=True, help="The query's text.")
@click.option(
    "--text-column",
    metavar="NAME",
    default="text",
    show_default=True,
    help="The candidate's text, or the list of the candidates' texts.",
)
@click.option(
    "--group-column",
    metavar="NAME",
    help="What the rows of one query share besides its text; for a TREC run, the query's id. [default: the text alone]",
)
@click.option("--id-column", metavar="NAME", help="The candidate's id, or their list; for a TREC run.")
@click.option("--rank-column", metavar="NAME", default="rank", show_default=True, help="Added: the rank.")
@click.option("--score-column", metavar="NAME", default="score", show_default=True, help="Added: the score.")
@click.option("--logit-column", metavar="NAME", help="Add the model's number before it was made a score.")
@click.option("--truncated-column", metavar="NAME", help="Add whether only the text's beginning was read.")
@click.option(
    "--chunk-column",
    metavar="NAME",
    help="Add the chunk that scored best, of a model such as 'chunked:(localrank-mini)'.",
)
@click.option(
    "--collection",
    type=_PATH,
    callback=_there,
    metavar="DIR",
    help="INPUT is a TREC run, and its texts are in this BEIR folder (corpus.jsonl, queries.jsonl).",
)
@click.option(
    "--queries-file",
    type=_PATH,
    callback=_there,
    metavar="FILE",
    help="INPUT is a TREC run, and its queries are here: JSON Lines, or id, tab, text.",
)
@click.option("--documents", type=_PATH, callback=_there, metavar="FILE", help="The same of its documents.")
@click.option(
    "--output-format",
    type=click.Choice(get_args(OutputFormat)),
    default="same",
    show_default=True,
    help="trec: a TREC run, by --group-column and --id-column. jsonl: of a TREC run, its lines as JSON.",
)
@click.option("-k", "--top-k", type=click.IntRange(min=1), metavar="N", help="Candidates of a query to keep.")
@click.option("--instruction", metavar="TEXT", help='What "relevant" means here, for models that read it.')
@click.option(
    "--part-documents",
    type=click.IntRange(min=1),
    metavar="N",
    help="Candidates after which a part ends, at the end of a query. What is lost by a lost process, and held in memory. "
    f"[default: {PART_DOCUMENTS:,}; of a remote model {PART_DOCUMENTS_REMOTE:,}]",
)
@click.option("--max-parallel", type=click.IntRange(min=1), metavar="N", help="Queries at once. [default: 8]")
@click.option("--max-retries", type=click.IntRange(min=0), metavar="N", help="Repetitions of a remote call.")
@click.option(
    "--max-cost",
    type=click.FloatRange(min=0, min_open=True),
    metavar="DOLLARS",
    help="Begin no part that would pass this, by the list price and over all runs of the job.",
)
@click.option(
    "--document-store",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Keep what the model reads of documents there; see localrank store.",
)
@click.option("--strict", is_flag=True, help="A row that cannot be ranked ends the job.")
@click.option("--fresh", is_flag=True, help="Delete what an earlier job left in OUTPUT, and begin anew.")
@click.option(
    "--dry-run", is_flag=True, help="Say what the job will take, on this machine, and write nothing."
)
@click.option("--yes", is_flag=True, help="Send to a remote model without asking.")
@click.option(
    "--ray",
    is_flag=False,
    flag_value="",
    metavar="[ADDRESS]",
    help="Rank by actors of Ray: of the cluster at this address, or, without one, of RAY_ADDRESS, of this machine, or one that "
    "lives as long as the job. Write it last, or with =.",
)
def batch(
    *,
    model: str,
    document_store: Path | None,
    fresh: bool,
    dry_run: bool,
    yes: bool,
    ray: str | None,
    **described: Any,
) -> None:
    """Plan, or ask, rank and report."""
    if ray is not None and document_store is not None:
        raise click.UsageError("--document-store is a folder of this machine, and --ray ranks on others.")
    if ray is not None and described["max_cost"] is not None:
        raise click.UsageError(
            "--max-cost cannot be held with --ray, which sends parts ahead of what they cost."
        )
    job = job_of(**described)
    reranker = resolve(model)
    check_price(job, reranker)
    if document_store is not None:
        reranker = _keeping(model, reranker, document_store)
    if dry_run:
        planned = plan(job, resolve(model))  # a store would keep what the sample reads
        show_plan(planned, reranker, on_cluster=ray is not None)
        return
    if services_in(reranker) and not yes:
        ask(plan(job, reranker), reranker)
    if fresh:
        forget(job)
    report = ranked(job, reranker, run_batch if ray is None else on_ray(model, ray))
    show_report(report, job)
    leave(report)


def _keeping(name: str, model: AnyReranker, store: Path) -> AnyReranker:
    """Return the model of a name with a store of what it reads."""
    if not getattr(model, "reads_documents_apart", False):
        raise click.UsageError(
            f"--document-store is for a model that reads documents apart from the query, and {model.provider}:{model.model_id} "
            "does not. Leave it out."
        )
    return make_model(name, {"document_store": store})


def job_of(
    *,
    source: Path,
    output: Path,
    query_column: str,
    text_column: str,
    group_column: str | None,
    id_column: str | None,
    rank_column: str,
    score_column: str,
    logit_column: str | None,
    truncated_column: str | None,
    chunk_column: str | None,
    collection: Path | None,
    queries_file: Path | None,
    documents: Path | None,
    **settings: Any,
) -> BatchJob:
    """Return the job that the command's arguments describe; what is not about columns or texts has the job's own names."""
    columns = Columns(
        query_column,
        text_column,
        group_column,
        rank_column,
        score_column,
        logit_column,
        truncated_column,
        chunk_column,
        id_column,
    )
    texts = _collection_of(collection, queries_file, documents)
    return BatchJob(input=source, output=output, columns=columns, collection=texts, **settings)


def _collection_of(
    folder: Path | None, queries: Path | None, documents: Path | None
) -> CollectionFiles | None:
    if folder is None and queries is None and documents is None:
        return None
    of_folder = None if folder is None else CollectionFiles.of_folder(folder)
    if of_folder is not None:
        return CollectionFiles(queries or of_folder.queries, documents or of_folder.documents)
    if queries is None or documents is None:
        raise click.UsageError("A TREC run needs both --queries-file and --documents, or --collection.")
    return CollectionFiles(queries, documents)
