"""`localrank models convert`: pickled weights into safetensors, without running what is in the pickle."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["convert_model"]

_HELP = """\
Write the model in FOLDER, whose weights are pickled (pytorch_model.bin), to a new folder with safetensors.

Tensors are read and nothing else: a pickle that asks for code is refused. A SentencePiece tokenizer becomes tokenizer.json.
Needs: pip install "localrank[torch]"

\b
  hf download castorini/monot5-base-msmarco --local-dir ./monot5-pickled
  localrank models convert ./monot5-pickled --out ./monot5
"""


@click.command("convert", help=_HELP, short_help="Write pickled weights as safetensors.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The folder to make; it must be new or empty.",
)
def convert_model(*, folder: Path, out: Path) -> None:
    """Convert, and say what was written."""
    from localrank_transformers.converting import convert  # noqa: PLC0415  # tokenizers come with it

    done = convert(folder, out, on_step=lambda step: click.echo(f"… {step}", err=True))
    click.echo(f"wrote {out}: {done.tensors} tensors, {', '.join(done.files)}")
