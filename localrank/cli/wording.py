"""Messages of the library in the words of the command line: options where Python's arguments are named."""

from __future__ import annotations

import re
from collections.abc import Sequence

import click

__all__ = ["command_of", "in_options"]


_CALLED = {"--threshold": "min_score", "--server": "base_url", "--api-key-file": "api_key"}
"""Options with another name than the argument that they set."""

_ARGUMENTS = r"\w+=(?: or \w+=)?"
_ELSEWHERE = (
    (rf",? or pass {_ARGUMENTS}(?=[.;]( |$))", ""),
    (rf"\b[Pp]ass {_ARGUMENTS}, or set ", "Set "),
    (r"\boffline=/(?=HF_)", ""),
    (r", or None\b", ", or leave it out"),
    (r"metadata\['(\w+)'\] = False", r'"\1": false'),
    (r"metadata\['(\w+)'\] = True", r'"\1": true'),
)
"""What Python alone has, and how it is said where there is no Python."""


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


def in_options(message: str, command: click.Command, arguments: Sequence[str] = ()) -> str:
    """Return a message with `--top-k` for `top_k` and `--top-k 3` for `top_k=3`, for the options that `command` has.

    A word without an underscore is an option's only where it is written like an argument: `timeout=`, or first as in
    "timeout is 0". What stands in quotes or in a path is somebody's own. A command that reads the same words from a file
    (`--config`) keeps them unless the option was given. Arguments that are no option are left out where there is another way
    ("Set CO_API_KEY, or pass api_key="), and values of Python are called as the command line has them.

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
            for name in {written[2:].replace("-", "_"), _CALLED.get(written, written)}:
                message = _replaced(message, name, written)
    message = re.sub(r"\bcolumns\.(\w+)(?= was )", r"--\1-column", message)
    message = re.sub(r"\bColumns\(([\w=, ]*)\)", _as_columns, message)
    for pattern, instead in _ELSEWHERE:
        message = re.sub(pattern, instead, message)
    return message


def _as_columns(found: re.Match[str]) -> str:
    return ", ".join(f"--{name}-column" for name in re.findall(r"\w+(?==)", found[1]))


def _replaced(message: str, name: str, option: str) -> str:
    alone = rf"(?<![\w.\-/'\"]){re.escape(name)}"
    message = re.sub(rf"{alone}=(['\"]?)([\w.\-]*[\w\-])\1(?![\w(\[])", rf"{option} \2", message)
    message = re.sub(rf"{alone}=", option, message)
    if "_" in name:
        return re.sub(rf"{alone}(?![\w\-/'\"(]|\.\w)", option, message)
    return re.sub(rf"^{name}(?= (?:is|has|and) )", option, message)
