"""The commands by name: our own, imported when used, and those that installed packages bring by entry point."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click

from localrank.cli.output import discard_output

__all__ = ["ENTRY_POINT_GROUP", "CommandGroup"]

ENTRY_POINT_GROUP = "localrank.commands"
"""An entry point here has the command's name and names a `click.Command`."""

_OWN = {
    "rerank": "localrank.cli.rerank",
    "batch": "localrank.cli.batch",
    "evaluate": "localrank.cli.evaluate",
    "bench": "localrank.cli.bench",
    "demo": "localrank.cli.demo",
    "serve": "localrank.cli.serve",
    "doctor": "localrank.cli.doctor",
    "completion": "localrank.cli.completion",
}
"""Command → the module that has it under the same name."""


class CommandGroup(click.Group):
    """A group whose commands are imported when they are asked for; one that cannot be imported hides no other."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return our own commands first, then the installed ones by name."""
        return [*_OWN, *sorted(_installed().keys() - _OWN.keys())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return the command, a stand-in that says why it is broken, or None."""
        if cmd_name in _OWN:
            command: click.Command = getattr(import_module(_OWN[cmd_name]), cmd_name)
            return command
        entry = _installed().get(cmd_name)
        return None if entry is None else _loaded(entry)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that `args` begin with; one that is not there brings near names."""
        name = args[0]
        if self.get_command(ctx, name) is None and name[:1].isalnum() and not ctx.resilient_parsing:
            near = get_close_matches(name, self.list_commands(ctx), n=2)
            meant = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
            raise click.UsageError(f"No such command {name!r}.{meant}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; it ends quietly when whoever reads its output has had enough, as `head` does."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            discard_output()
            raise click.exceptions.Exit(0) from None


def _installed() -> Mapping[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP)}


def _loaded(entry: EntryPoint) -> click.Command:
    try:
        command: Any = entry.load()
    except Exception as error:
        return _broken(entry, f"{type(error).__name__}: {error}")
    if not isinstance(command, click.Command):
        return _broken(entry, f"{entry.value} is no click command")
    return command


def _broken(entry: EntryPoint, reason: str) -> click.Command:
    owner = "an installed package" if entry.dist is None else f"the package {entry.dist.name}"

    @click.command(
        entry.name,
        short_help=f"(cannot be loaded from {owner})",
        context_settings={"ignore_unknown_options": True},
    )
    @click.argument("arguments", nargs=-1)
    def stand_in(arguments: tuple[str, ...]) -> None:  # noqa: ARG001
        raise click.ClickException(f"{entry.name!r} of {owner} cannot be loaded: {reason}")

    return stand_in
