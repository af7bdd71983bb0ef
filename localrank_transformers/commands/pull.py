"""`localrank models pull`: fetch models of the hub now, so that the first call need not."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import click

from localrank.contract.errors import ModelLoadError
from localrank_transformers.models.catalogue.entries import CatalogueEntry, lookup
from localrank_transformers.models.graph_choice import Precision

__all__ = ["check_holds_model", "pull_models"]

Engine = Literal["onnx", "torch"]

_HELP = """\
Fetch models into the hub cache and print where each lies.

Only the files that one engine needs are fetched, all of one commit, which is recorded and kept to. What an earlier download
left is continued; what is here already costs no connection. HF_ENDPOINT, HF_TOKEN, HF_HOME and HF_HUB_OFFLINE count.

\b
  localrank models pull mini bge-base
  localrank models pull mini --precision fp32
  localrank models pull cross-encoder/ettin-reranker-17m-v1 --for torch
"""


@click.command("pull", help=_HELP, short_help="Fetch models, and print where each lies.")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--for",
    "engine",
    type=click.Choice(get_args(Engine)),
    help="The engine that is to run them. [default: onnx where it can, else torch]",
)
@click.option(
    "--precision",
    type=click.Choice(get_args(Precision)),
    default="auto",
    show_default=True,
    help="Which ONNX file; auto takes the int8 file for this processor where the catalogue knows one, else fp32.",
)
@click.option("--update", is_flag=True, help="Take the newest commit although one is recorded.")
def pull_models(*, names: tuple[str, ...], engine: Engine | None, precision: Precision, update: bool) -> None:
    """Fetch one model after another; the first failure ends the command."""
    for name in names:
        entry = lookup(name)
        folder = _fetched(name, engine or _engine_of(name, entry), precision, update=update)
        click.echo(f"localrank: {name} is embedded." if folder is None else folder, err=folder is None)


def _engine_of(name: str, entry: CatalogueEntry | None) -> Engine:
    foreign = entry is not None and "/" in name and name.lower() != str(entry.hub_id).lower()
    if entry is None or foreign or "onnx" in entry.engines:
        return "onnx"
    if "torch" in entry.engines:
        return "torch"
    reasons = "; ".join(f"{engine}: {reason}" for engine, reason in entry.engine_notes.items())
    raise ModelLoadError(
        f"No engine here can run {name}: {reasons}.", hint="`localrank models list` has those that run."
    )


def _fetched(name: str, engine: Engine, precision: Precision, *, update: bool) -> Path | None:
    """Return the folder of the files; None for an embedded model."""
    from localrank_transformers.models.location import fetch_onnx, fetch_torch, locate  # noqa: PLC0415 - for a quick --help

    location = locate(name)
    if location.hub is None:
        if location.folder is not None:
            check_holds_model(location.folder)
        return location.folder
    if engine == "torch":
        if precision != "auto":
            raise click.UsageError(
                f"--precision {precision} chooses an ONNX file, and {name} is fetched for torch."
            )
        return fetch_torch(location, update=update)
    ready = fetch_onnx(location, (precision,), update=update)
    return None if ready.hub is None else ready.hub.store().folder(str(ready.hub.revision))


def check_holds_model(folder: Path) -> None:
    """Refuse a folder that holds no model at all.

    Raises:
        ModelLoadError: It has no `config.json`.
    """
    if not (folder / "config.json").is_file():
        raise ModelLoadError(
            f"The folder {str(folder)!r} has no config.json, so it holds no model.",
            hint="Pass a folder in the Hugging Face layout, or a name that `localrank models list` prints.",
        )
