"""`localrank models export`: a model's ONNX graph, made here, with the proof that it scores as torch does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from localrank.contract.errors import RerankError

if TYPE_CHECKING:
    from localrank_transformers.exporting import ExportPrecision

__all__ = ["export_model"]

_HELP = """\
Write ONNX graphs of the cross-encoder NAME to a folder that --model takes, and compare their logits with torch's.

NAME is a folder, an alias or a hub id. Needs: pip install "localrank[export]"

\b
  localrank models export ettin-17m --out ./ettin-17m-onnx
  localrank rerank "QUERY" notes.txt --model ./ettin-17m-onnx
"""


@click.command("export", help=_HELP, short_help="Write a model's ONNX graph, checked against torch.")
@click.argument("name")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The folder to write.",
)
@click.option(
    "--precision",
    type=click.Choice(["fp32", "int8"]),
    default="fp32",
    show_default=True,
    help="int8 adds a smaller graph for this kind of processor.",
)
@click.option("--revision", metavar="COMMIT", help="The commit, branch or tag of a hub model.")
def export_model(*, name: str, out: Path, precision: ExportPrecision, revision: str | None) -> None:
    """Write the graph and print the comparison."""
    from localrank_transformers.exporting import export_onnx  # noqa: PLC0415  # numpy comes with it

    try:
        rows = export_onnx(
            name,
            out,
            precision=precision,
            revision=revision,
            on_step=lambda step: click.echo(f"… {step}", err=True),
        )
    except RerankError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{'torch':>12} {'onnx':>12} {'difference':>12} {'int8':>12}  text")
    for row in rows:
        int8 = "" if row.int8 is None else f"{row.int8:.6f}"
        click.echo(f"{row.torch:12.6f} {row.onnx:12.6f} {row.torch - row.onnx:12.1e} {int8:>12}  {row.text}")
    click.echo(f"wrote {out}")
