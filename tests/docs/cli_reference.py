"""Write docs/reference/cli.md from the commands themselves: `python -m tests.docs.cli_reference`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from localrank.cli.main import cli
from localrank.cli.output import EXIT_CODES

PAGE = Path(__file__).parents[2] / "docs/reference/cli.md"

INTRODUCTION = """\
# The command line

<!-- Written by `python -m tests.docs.cli_reference`; edit the commands, not this page. -->

`localrank` and `python -m localrank` are the same. Data go to standard output; everything else goes to standard error. Ctrl-C
stops at once. `LOCALRANK_DEBUG=1` shows where an error comes from, and `NO_COLOR=1` leaves colours out.

## Exit codes

| code | meaning |
|--:|---|
"""


def reference() -> str:
    """Return the page."""
    codes = "".join(f"| {code:d} | {_marked(meaning)} |\n" for code, meaning in EXIT_CODES.items())
    return INTRODUCTION + codes + "".join(_pages(cli, "localrank", level=2))


def _pages(command: click.Command, path: str, *, level: int) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    if isinstance(command, click.Group):
        if path != "localrank":
            yield _page(command, path, level)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from _pages(inner, f"{path} {name}", level=level + (path != "localrank"))
    else:
        yield _page(command, path, level)


def _page(command: click.Command, path: str, level: int) -> str:
    parts = [f"\n{'#' * level} {path}\n", _usage(command, path), _prose(command.help or "")]
    options = [_row(one) for one in command.params if isinstance(one, click.Option)]
    if options:
        parts.append("| option | meaning |\n|---|---|\n" + "".join(options))
    if command.epilog:
        parts.append(_prose(command.epilog.partition("Exit codes:")[0]))
    return "\n".join(part for part in parts if part)


def _usage(command: click.Command, path: str) -> str:
    """Return the usage line of a command; that of a group says nothing, and differs between versions of click."""
    if isinstance(command, click.Group):
        return ""
    return f"```text\n{path} {' '.join(command.collect_usage_pieces(click.Context(command)))}\n```\n"


def _prose(text: str) -> str:
    """Return click's help as Markdown: a block that click leaves unwrapped is one of commands."""
    blocks = [block for block in re.split(r"\n\s*\n", text.strip()) if block.strip("\b\n ")]
    return "\n".join(f"{_block(block)}\n" for block in blocks)


def _block(block: str) -> str:
    if not block.startswith("\b"):
        return _marked("\n".join(line.strip() for line in block.splitlines()))
    lines = "\n".join(line.strip() for line in block.splitlines()[1:])
    return f"```bash\n{lines}\n```"


def _row(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in option.opts)
    value = "" if option.is_flag else f" `{_metavar(option)}`"
    default = f" [default: {option.default}]" if option.show_default else ""
    environment = f" [environment: `{option.envvar}`]" if option.show_envvar else ""
    meaning = _marked(f"{option.help or ''}{default}{environment}".replace("|", "\\|"))
    return f"| {names}{value} | {meaning} |\n"


def _marked(text: str) -> str:
    """Return prose with its options written as code; what is code stays as it is."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(
        piece if piece.startswith("`") else re.sub(r"(?<![\w-])--[a-z][a-z-]*", r"`\g<0>`", piece)
        for piece in pieces
    )


def _metavar(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return " or ".join(option.type.choices)
    return option.metavar or "VALUE"


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(reference(), "utf-8")
