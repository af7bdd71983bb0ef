"""The help of every command."""

from __future__ import annotations

import re
import shlex

import click
import pytest

from localrank.cli.main import cli
from localrank.cli.wording import command_of
from tests.support.commands import commands


def examples(path: tuple[str, ...]) -> list[str]:
    command = command_of(cli, path)
    text = f"{command.help}\n{command.epilog}"
    start = f"localrank {' '.join(path)}"
    return re.findall(rf"^ *(?:\S+ .*\| )?({start}(?: [^|>&\n]*)?)", text, re.MULTILINE)


EXAMPLES = [(path, line) for path in commands(cli) for line in examples(path)]


@pytest.mark.parametrize("path", list(commands(cli)), ids=" ".join)
def test_every_command_shows_an_example_of_itself(path: tuple[str, ...]) -> None:
    text = f"{command_of(cli, path).help}{command_of(cli, path).epilog}"

    assert f"localrank {' '.join(path)}" in text


@pytest.mark.parametrize(("path", "line"), EXAMPLES, ids=[line.strip() for _, line in EXAMPLES])
def test_the_options_of_an_example_are_there(path: tuple[str, ...], line: str) -> None:
    words = shlex.split(line.partition("   ")[0])[1 + len(path) :]
    known = {name for option in command_of(cli, path).params for name in option.opts} | {"-"}

    assert {word.partition("=")[0] for word in words if word.startswith("-")} <= known


@pytest.mark.parametrize("path", [(), ("models",), ("store",)], ids=" ".join)
def test_no_line_of_a_list_of_commands_breaks_off(path: tuple[str, ...]) -> None:
    group = command_of(cli, path)
    assert isinstance(group, click.Group)
    shown = group.get_help(click.Context(group, terminal_width=80))

    assert "..." not in shown.partition("Commands:")[2]


@pytest.mark.parametrize("path", list(commands(cli)), ids=" ".join)
def test_every_option_says_what_it_does(path: tuple[str, ...]) -> None:
    options = [one for one in command_of(cli, path).params if isinstance(one, click.Option)]

    assert [
        one.opts[-1]
        for one in options
        if not one.hidden and not re.search(r"[a-z]{2}", (one.help or "").partition("[")[0])
    ] == []
