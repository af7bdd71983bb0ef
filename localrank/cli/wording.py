"""Messages of the library in the words of the command line: options where Python's arguments are named."""

from __future__ import annotations

import re
from collections.abc import Sequence

import click

__all__ = ["command_of", "in_options"]


def command_of(root: click.Command, arguments: Sequence[str]) -> click.Command:
    """Return the command that `arguments` begin with, within groups too."""
    command = root
    for name in arguments:
        found = (
            command.get_command(click.Context(command), name) if isinstance(command, click.Group) else None
        )
        if found is None:
            return command
        command = found
    return command


def in_options(message: str, command: click.Command, arguments: Sequence[str]) -> str:
    """Return a message with `--top-k` for `top_k` and `--top-k 3` for `top_k=3`, for the options that `command` has.

    A word without an underscore is an option's only where it is written like an argument: `timeout=`, or first as in
    "timeout is 0". What stands in quotes or in a path is somebody's own. A command that reads the same words from a file
    (`--config`) keeps them unless the option was given.

    Args:
        message: For people.
        command: What was run.
        arguments: As they were typed.
    """
    options = [option for option in command.params if isinstance(option, click.Option)]
    reads_file = any("--config" in option.opts for option in options)
    for option in options:
        written = max(option.opts, key=len)
        given = any(word.partition("=")[0] in option.opts for word in arguments)
        if written.startswith("--") and (given or not reads_file):
            message = _replaced(message, option.name or "", written)
            message = _replaced(message, written[2:].replace("-", "_"), written)
    return message


def _replaced(message: str, name: str, option: str) -> str:
    alone = rf"(?<![\w.\-/'\"]){re.escape(name)}"
    message = re.sub(rf"{alone}=(['\"]?)([\w.\-]*[\w\-])\1(?![\w(\[])", rf"{option} \2", message)
    message = re.sub(rf"{alone}=", option, message)
    if "_" in name:
        return re.sub(rf"{alone}(?![\w\-/'\"(]|\.\w)", option, message)
    return re.sub(rf"^{name}(?= (?:is|has|and) )", option, message)
