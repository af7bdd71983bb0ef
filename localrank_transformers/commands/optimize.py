"""`localrank models optimize`: faster graphs of a model's own weights, with figures of how well they agree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from localrank_transformers.optimizing.record import figures, parse_record, record_path

if TYPE_CHECKING:
    from localrank_transformers.optimizing.sample_texts import Candidates

__all__ = ["optimize_model"]

_HELP = """\
Write faster ONNX graphs of a model's weights: a folder, an alias or a hub id.

The last layer is computed for the first token only (exact), short documents share a run without padding, and an int8 graph is
added whose agreement with float32 is measured, on the engine that will run it on this machine. BERT, MiniLM, TinyBERT, ELECTRA,
RoBERTa and XLM-R cross-encoders, from model.safetensors or from an exported float32 graph; and late-interaction models of these
without a projection, of which all tokens are computed, from model.safetensors.

Graphs of a hub model go into the cache, where OnnxReranker finds them; it would make them itself at the first load. Those of a
FOLDER go into it, or into --out.

\b
  localrank models optimize mini
  localrank models optimize ./my-reranker --calibrate candidates.jsonl --out ./my-reranker-fast
  localrank rerank "QUERY" notes.txt --model ./my-reranker-fast
"""


@click.command("optimize", help=_HELP, short_help="Write faster graphs of a model's own weights.")
@click.argument("model")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to write; for a folder, itself when left out.",
)
@click.option(
    "--calibrate",
    type=click.Path(path_type=Path),
    metavar="DATA",
    help="Queries with documents, in any form that train reads: half calibrates int8, half measures it. A few hundred lists of "
    "the kind that will be ranked; built-in texts when left out.",
)
def optimize_model(*, model: str, out: Path | None, calibrate: Path | None) -> None:
    """Write the graphs and print the agreement."""
    from localrank_transformers.optimizing.making import LEAST_LISTS  # noqa: PLC0415  # numpy

    candidates = [] if calibrate is None else _lists_of(calibrate)
    folder = Path(model).expanduser()
    if folder.is_dir():
        _write(folder, out or folder, candidates)
    elif not _keep(model, out, candidates):
        return
    if len(candidates) < LEAST_LISTS:
        click.echo(
            "int8 was calibrated and measured on built-in texts; pass --calibrate with at least four lists of your own.",
            err=True,
        )


def _lists_of(data: Path) -> list[Candidates]:
    from localrank_transformers.training.data.calibration import calibration_lists  # noqa: PLC0415  # for a quick --help

    lists, there = calibration_lists(data)
    if len(lists) < there:
        _say(f"{len(lists):,} of the {there:,} lists, drawn at random")
    return lists


def _write(folder: Path, out: Path, candidates: list[Candidates]) -> None:
    from localrank_transformers.optimizing.optimize import INT8_NAME, optimize  # noqa: PLC0415

    optimize(folder, out, candidates=candidates, on_step=_say)
    click.echo(f"wrote {out}")
    record = parse_record(record_path(out / INT8_NAME).read_bytes())
    if record is not None:
        click.echo(f"int8 against float32: {figures(record)}")


def _keep(model: str, out: Path | None, candidates: list[Candidates]) -> bool:
    """Optimize a model of the hub, into the cache or into `out`; return whether anything was to be done."""
    from localrank_transformers.models.location import fetch_onnx, locate, read_files  # noqa: PLC0415
    from localrank_transformers.optimizing.kept.faster import make_ahead  # noqa: PLC0415  # for a quick --help

    location = locate(model)
    if location.hub is None:
        if out is not None:
            raise click.UsageError(
                f"{location.model_id} is embedded, in this form already: nothing is written to --out."
            )
        click.echo(f"localrank: {location.model_id} is embedded, in this form already.", err=True)
        return False
    ready = fetch_onnx(location, ("fp32",))
    if out is not None and ready.hub is not None:
        _write(ready.hub.store().folder(str(ready.hub.revision)), out, candidates)
        return True
    for record in make_ahead(read_files(ready, "fp32"), candidates, _say):
        click.echo(f"{record.precision} against the model's own float32: {figures(record)}")
    return True


def _say(step: str) -> None:
    click.echo(f"… {step}", err=True)
