"""`localrank completion`: what lets a shell complete commands, options and names of models."""

from __future__ import annotations

from typing import Literal

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]

Shell = Literal["bash", "zsh", "fish"]

_HELP = """\
Print what lets SHELL complete the commands, options and names of models: bash (4.4 or later), zsh or fish.

\b
  eval "$(localrank completion bash)"        in ~/.bashrc
  eval "$(localrank completion zsh)"         in ~/.zshrc, after compinit
  localrank completion fish > ~/.config/fish/completions/localrank.fish
"""

_PROGRAM = "localrank"


@click.command(help=_HELP, short_help="Let bash, zsh or fish complete commands and models.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, /, *, shell: Shell) -> None:
    """Print click's own script for the shell."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.ClickException(f"The installed click has no completion for {shell}.")
    click.echo(kind(context.find_root().command, {}, _PROGRAM, f"_{_PROGRAM.upper()}_COMPLETE").source())
