"""`localrank models optimize`: faster graphs of a folder's own weights, with figures of how well they agree."""

from __future__ import annotations

from pathlib import Path

import click

from localrank.contract.errors import RerankError

__all__ = ["optimize_model"]

_HELP = """\
Write faster ONNX graphs of the weights in FOLDER.

The last layer is computed for the first token only (exact), attention needs no mask, and an int8 graph is added whose
agreement with float32 is measured. BERT, MiniLM, TinyBERT, ELECTRA, RoBERTa and XLM-R cross-encoders with a model.safetensors.

\b
  localrank models optimize ./my-reranker --calibrate candidates.jsonl --out ./my-reranker-fast
  localrank rerank "QUERY" notes.txt --model ./my-reranker-fast
"""


@click.command("optimize", help=_HELP, short_help="Write faster graphs of a model's own weights.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to write; FOLDER itself when left out.",
)
@click.option(
    "--calibrate",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='JSON Lines of {"query": "…", "documents": ["…", …]}: half calibrates int8, half measures it. '
    "A few hundred lists of the kind that will be ranked.",
)
def optimize_model(*, folder: Path, out: Path | None, calibrate: Path | None) -> None:
    """Write the graphs and print the agreement."""
    from localrank_transformers.optimizing.optimize import optimize, read_candidates  # noqa: PLC0415  # numpy

    try:
        agreement = optimize(
            folder,
            out or folder,
            candidates=read_candidates(calibrate) if calibrate else [],
            on_step=lambda step: click.echo(f"… {step}", err=True),
        )
    except RerankError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"wrote {out or folder}")
    if agreement is None:
        click.echo(
            "int8: not smoothed and not measured; pass --calibrate with at least four lists.", err=True
        )
        return
    click.echo(
        f"int8 against float32 over {agreement.lists} lists: Spearman {agreement.spearman:.3f}, same first "
        f"{agreement.same_first:.0%}, best five shared {agreement.top_5_overlap:.0%}, "
        f"a logit moves by {agreement.mean_change:.3f}"
    )
