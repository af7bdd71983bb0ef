"""`localrank train`: a reranker of the user's own, from files of questions and texts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from localrank.providers.typed import typed
from localrank_transformers.models import bundled
from localrank_transformers.training.request import (
    Device,
    Dtype,
    Loss,
    MiningSettings,
    StudentShape,
    TrainRequest,
    TrainSettings,
    has_run,
)

if TYPE_CHECKING:
    from localrank_transformers.training.request import Progress, TrainResult


__all__ = ["train"]

INTERRUPTED = 130

_HELP = """\
Train a reranker on DATA and write it to a folder that --model takes.

DATA are what `localrank evaluate` reads: JSON Lines (.jsonl, .jsonl.gz) or Parquet, one object a line, and folders in BEIR's
layout (corpus.jsonl, queries.jsonl, qrels/train.tsv) or the hub's:

\b
  {"query": "how do I reset it?", "positive": "Hold the button …", "negatives": ["Press …"]}
  {"query": "how do I reset it?", "document": "Hold the button …", "label": 1}
  {"query": "how do I reset it?", "documents": ["…", "…"], "relevant": [0]}
  {"query": "how do I reset it?", "documents": ["…", "…"], "labels": [1, 0], "scores": [7.1, -2.3]}

Negatives may be left out: BM25 finds texts of the same data that look like an answer. Scores are a teacher's logits. A part of
the queries is kept apart to measure on, and the best state by that measure is written.

\b
  localrank train faq.jsonl --out ./my-reranker
  localrank train faq.jsonl --out ./my-reranker --dev judged.jsonl --epochs 3
  localrank train faq.jsonl --out ./small --teacher ./my-reranker --layers 2 --hidden 128
  localrank train --resume ./my-reranker

Ctrl-C saves and says how to resume. Needs: pip install "localrank[train]"
"""

_SETTINGS = (
    *("loss", "hard", "bce", "temperature", "epochs", "steps", "batch_size", "list_size", "max_length"),
    *("learning_rate", "measure_every", "seed", "device", "dtype"),
)
"""Options that are named as in `TrainSettings`."""

_PATH = click.Path(path_type=Path)


@click.command(help=_HELP, short_help="Train a reranker on your own data.")
@click.argument("data", nargs=-1, type=_PATH)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="The folder to write.")
@click.option(
    "--resume",
    "resumed",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="OUT",
    help="Go on with the run in this folder, with its own settings.",
)
@click.option(
    "--base",
    default=bundled.DEFAULT_MODEL,
    show_default=True,
    metavar="NAME",
    help="Weights to start from: an embedded model, a folder, an alias or a hub id. A late-interaction model stays one; a "
    "bi-encoder becomes a cross-encoder with a new head.",
)
@click.option(
    "--dev", multiple=True, type=_PATH, help="Labelled lists to measure on; without it a part of DATA."
)
@click.option(
    "--dev-share", default=0.1, show_default=True, type=click.FloatRange(0.01, 0.9), help="That part."
)
@click.option(
    "--loss",
    default="mix",
    show_default=True,
    type=click.Choice(get_args(Loss)),
    help="listwise-ce: a list's labels against each other; distill: a teacher's scores; mix: both, plus a little bce; bce: "
    "each pair by itself; lambda: LambdaLoss, for graded labels.",
)
@click.option(
    "--hard",
    default=0.7,
    show_default=True,
    help="mix: the label's share of the target; the scores have the rest.",
)
@click.option("--bce", default=0.3, show_default=True, help="mix: weight of the binary cross-entropy.")
@click.option(
    "--temperature", default=1.0, show_default=True, help="Scores are divided by it before their softmax."
)
@click.option(
    "--teacher", metavar="NAME", help="A model whose scores are learnt, in any form that rerank takes."
)
@click.option("--layers", type=click.IntRange(min=1), help="Make a model of so many layers out of the base.")
@click.option("--hidden", type=click.IntRange(min=16), help="Make a model of this width out of the base.")
@click.option(
    "--negatives",
    default="bm25",
    show_default=True,
    metavar="NAME",
    help="What finds negatives: bm25, or a bi-encoder's folder or hub id.",
)
@click.option(
    "--negatives-count", default=15, show_default=True, type=click.IntRange(min=1), help="How many a query."
)
@click.option(
    "--skip-first",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="Best ranks that are no negatives: there unmarked answers are most likely.",
)
@click.option(
    "--epochs",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0.0, min_open=True),
    help="How often every list is learnt from.",
)
@click.option("--steps", type=click.IntRange(min=1), help="Instead of --epochs.")
@click.option("--batch-size", default=8, show_default=True, type=click.IntRange(min=1), help="Lists a step.")
@click.option(
    "--list-size",
    default=8,
    show_default=True,
    type=click.IntRange(min=2),
    help="Documents of a list at a time.",
)
@click.option(
    "--max-length", type=click.IntRange(min=16), help="Tokens of a pair, or of each text. [default: 256]"
)
@click.option(
    "--learning-rate",
    default=5e-5,
    show_default=True,
    type=click.FloatRange(min=0.0, min_open=True),
    help="The highest, reached after a tenth of the steps.",
)
@click.option(
    "--measure-every",
    type=click.IntRange(min=1),
    metavar="STEPS",
    help="Steps between two measurements. [default: ten times in the run]",
)
@click.option(
    "--patience",
    default=4,
    show_default=True,
    type=click.IntRange(min=0),
    help="Measurements without a gain that end the run; 0 for never.",
)
@click.option(
    "--seed", default=12, show_default=True, help="What chance begins with: the order of lists, new weights."
)
@click.option(
    "--device",
    default="auto",
    show_default=True,
    type=click.Choice(get_args(Device)),
    help="Where to compute; auto takes a GPU where there is one.",
)
@click.option(
    "--dtype",
    default="auto",
    show_default=True,
    type=click.Choice(get_args(Dtype)),
    help="Of the arithmetic; weights stay in float32.",
)
@click.option(
    "--keep-checkpoints", is_flag=True, help="Keep the folder run in OUT when the model is written."
)
@click.pass_context
def train(context: click.Context, /, **options: Any) -> None:
    """Read the options, run, print what came of it."""
    from localrank_transformers import training as runs  # noqa: PLC0415  # so that --help loads no torch

    resumed: Path | None = options["resumed"]
    if resumed is not None and (others := set(typed(context)) - {"--resume"}):
        raise click.UsageError(
            f"--resume goes on with the settings of its run: leave out {', '.join(sorted(others))}."
        )
    request = _request(options) if resumed is None else None
    try:
        with _shown() as (on_step, on_progress):
            if request is not None:
                result = runs.train(request, on_step=on_step, on_progress=on_progress)
            else:
                result = runs.resume(options["resumed"], on_step=on_step, on_progress=on_progress)
    except KeyboardInterrupt:
        _say_how_to_go_on(options["out"] if resumed is None else resumed)
        raise
    _report(result)
    if not result.finished:
        context.exit(INTERRUPTED)


def _request(options: dict[str, Any]) -> TrainRequest:
    if not options["data"] or options["out"] is None:
        raise click.UsageError("Name DATA and --out, or --resume.")
    named = {name: options[name] for name in _SETTINGS}
    return TrainRequest(
        data=options["data"],
        out=options["out"],
        base=options["base"],
        dev=options["dev"],
        dev_share=options["dev_share"],
        teacher=options["teacher"],
        student=StudentShape(options["layers"], options["hidden"]),
        negatives=options["negatives"],
        mining=MiningSettings(
            count=options["negatives_count"],
            skip_first=options["skip_first"],
            depth=max(60, options["skip_first"] + 3 * options["negatives_count"]),
        ),
        settings=TrainSettings(patience=options["patience"] or None, **named),
        keep_checkpoints=options["keep_checkpoints"],
    )


def _say_how_to_go_on(out: Path) -> None:
    if has_run(out):
        click.echo(f"Stopped. Go on with: localrank train --resume {out}", err=True)
    else:
        click.echo("Stopped before the first step; the same command begins again.", err=True)


def _report(result: TrainResult) -> None:
    if not result.finished:
        click.echo(
            f"Stopped after step {result.steps} of {result.total}; saved. Go on with: localrank train --resume {result.out}",
            err=True,
        )
        return
    click.echo(
        f"wrote {result.out}: nDCG@10 {result.after:.4f} (base {result.before:.4f}, first stage {result.first_stage:.4f})"
    )


@contextmanager
def _shown() -> Iterator[tuple[Callable[[str], None], Callable[[Progress], None]]]:
    """Show steps and progress on standard error: a bar for a person, lines for a file."""
    if not sys.stderr.isatty():
        yield _print_step, _print_progress
        return
    from rich.console import Console  # noqa: PLC0415  # slow to import
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("train", total=None, visible=False)

        def on_progress(progress: Progress) -> None:
            described = None if progress.loss is None else f"loss {progress.loss:.4f}"
            bar.update(
                task, completed=progress.step, total=progress.total, visible=True, description=described
            )
            if progress.development is not None:
                bar.console.print(f"  step {progress.step:,}: nDCG@10 {progress.development:.4f}")

        yield lambda step: bar.console.print(f"… {step}", markup=False), on_progress


def _print_step(step: str) -> None:
    click.echo(f"… {step}", err=True)


def _print_progress(progress: Progress) -> None:
    if progress.loss is not None:
        click.echo(f"  step {progress.step}/{progress.total}  loss {progress.loss:.4f}", err=True)
    if progress.development is not None:
        click.echo(f"  step {progress.step}/{progress.total}  nDCG@10 {progress.development:.4f}", err=True)
