"""`localrank models export`: a model's ONNX graph, made here, with the proof that it scores as torch does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from localrank_transformers.exporting.targets import TARGETS
from localrank_transformers.families.generative.templates import TEMPLATES

if TYPE_CHECKING:
    from localrank_transformers.exporting.export import Difference, ExportPrecision

__all__ = ["convert_model", "export_model"]

_HELP = """\
Write ONNX graphs of the reranker NAME to a folder that --model takes, and compare their logits with torch's.

NAME is a folder, an alias or a hub id of a cross-encoder, a causal yes/no reranker or a late-interaction model.
Needs: pip install "localrank[export]"

\b
  localrank models export ettin-17m --to onnx --out ./ettin-17m-onnx
  localrank models export qwen3-0.6b --to onnx --precision int8 --cpu vnni --out ./qwen3-onnx
  localrank rerank "QUERY" notes.txt --model ./ettin-17m-onnx
"""


@click.command("export", help=_HELP, short_help="Write a model's ONNX graph, checked against torch.")
@click.argument("name")
@click.option(
    "--to",
    type=click.Choice(["onnx"]),
    default="onnx",
    show_default=True,
    help="The format.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The folder to write.",
)
@click.option(
    "--precision",
    type=click.Choice(["fp32", "fp16", "int8"]),
    default="fp32",
    show_default=True,
    help="fp16 and int8 add a smaller graph to the float32 one.",
)
@click.option(
    "--cpu",
    type=click.Choice(list(TARGETS)),
    help="The kind of processor that an int8 graph is for. [default: this one]",
)
@click.option(
    "--template",
    type=click.Choice(list(TEMPLATES)),
    help="The prompt of a causal reranker whose files do not tell it.",
)
@click.option("--revision", metavar="COMMIT", help="The commit, branch or tag of a hub model.")
def export_model(
    *,
    name: str,
    to: str,  # noqa: ARG001  # there is one format so far
    out: Path,
    precision: ExportPrecision,
    cpu: str | None,
    template: str | None,
    revision: str | None,
) -> None:
    """Write the graph and print the comparison."""
    from localrank_transformers.exporting.export import export_onnx  # noqa: PLC0415  # numpy comes with it

    rows = export_onnx(
        name,
        out,
        precision=precision,
        cpu=cpu,
        template=template,
        revision=revision,
        on_step=lambda step: click.echo(f"… {step}", err=True),
    )
    _print(rows, precision)
    click.echo(f"wrote {out}")


def _print(rows: Sequence[Difference], precision: ExportPrecision) -> None:
    has_reduced = precision != "fp32"
    click.echo(
        f"{'torch':>11} {'onnx':>11} {'apart':>9}{_cells(precision, 'apart') if has_reduced else ''}  text"
    )
    for row in rows:
        reduced = (
            "" if row.reduced is None else _cells(f"{row.reduced:.6f}", f"{row.reduced - row.torch:.1e}")
        )
        click.echo(f"{row.torch:11.6f} {row.onnx:11.6f} {row.onnx - row.torch:9.1e}{reduced}  {row.text}")
    apart = max(abs(row.onnx - row.torch) for row in rows)
    of_reduced = [abs(row.reduced - row.torch) for row in rows if row.reduced is not None]
    click.echo(
        f"largest difference: fp32 {apart:.1e}"
        + (f", {precision} {max(of_reduced):.1e}" if of_reduced else "")
    )


def _cells(logit: str, apart: str) -> str:
    return f" {logit:>11} {apart:>9}"


_HELP = """\
Write the model in FOLDER, whose weights are pickled (pytorch_model.bin), to a new folder with safetensors.

Tensors are read and nothing else: a pickle that asks for code is refused. A SentencePiece tokenizer becomes tokenizer.json.
Needs: pip install "localrank[torch]"

\b
  hf download castorini/monot5-base-msmarco --local-dir ./monot5-pickled
  localrank models convert ./monot5-pickled --out ./monot5
"""


@click.command("convert", help=_HELP, short_help="Write pickled weights as safetensors.")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The folder to make; it must be new or empty.",
)
def convert_model(*, folder: Path, out: Path) -> None:
    """Convert, and say what was written."""
    from localrank_transformers.exporting.convert import convert  # noqa: PLC0415  # tokenizers come with it

    done = convert(folder, out, on_step=lambda step: click.echo(f"… {step}", err=True))
    click.echo(f"wrote {out}: {done.tensors} tensors, {', '.join(done.files)}")
