"""What a command prints on a terminal, as an SVG picture that loads nothing."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

__all__ = ["DARK", "LIGHT", "picture", "printed"]

COLUMNS = 88
ROOT = Path(__file__).parents[2]

_ANSI = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")

LIGHT = TerminalTheme(
    (246, 248, 250),
    (36, 41, 47),
    [
        (36, 41, 47),
        (207, 34, 46),
        (26, 127, 55),
        (154, 103, 0),
        (9, 105, 218),
        (130, 80, 223),
        (10, 125, 145),
        (87, 96, 106),
    ],
    [
        (87, 96, 106),
        (164, 14, 38),
        (26, 127, 55),
        (154, 103, 0),
        (33, 139, 255),
        (130, 80, 223),
        (10, 125, 145),
        (36, 41, 47),
    ],
)
DARK = TerminalTheme(
    (22, 27, 34),
    (230, 237, 243),
    [
        (72, 79, 88),
        (255, 123, 114),
        (86, 211, 100),
        (227, 179, 65),
        (88, 166, 255),
        (210, 168, 255),
        (86, 212, 221),
        (177, 186, 196),
    ],
    [
        (145, 152, 161),
        (255, 161, 152),
        (86, 211, 100),
        (227, 179, 65),
        (121, 192, 255),
        (226, 197, 255),
        (86, 212, 221),
        (255, 255, 255),
    ],
)

_FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
  font-size: {char_height}px; line-height: {line_height}px
}}
{styles}
</style>
<defs>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""Rich's own would load a font from elsewhere."""


def printed(command: Sequence[str]) -> str:
    """Run `localrank` with arguments on a terminal of its own and return what it printed there, with its colours.

    Raises:
        CalledProcessError: It failed.
    """
    ours, theirs = pty.openpty()
    wide = {"COLUMNS": str(COLUMNS), "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
    environment = {**{name: value for name, value in os.environ.items() if name != "NO_COLOR"}, **wide}
    with subprocess.Popen(  # noqa: S603 - the command stands in this folder
        [sys.executable, "-m", "localrank", *command],
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd=ROOT,
    ) as process:
        os.close(theirs)
        read = io.BytesIO()
        while chunk := _read(ours):
            read.write(chunk)
    os.close(ours)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(command))
    return read.getvalue().decode().replace("\r\n", "\n")


def picture(command: Sequence[str], shown: str, theme: TerminalTheme) -> str:
    """Return the picture of a terminal in which `command` was entered and printed `shown`."""
    console = Console(
        record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    quoted = " ".join(f'"{word}"' if " " in word else word for word in command)
    console.print(Text.assemble(("$ ", "bright_black"), f"localrank {quoted}"))
    console.print(Text.from_ansi(shown.rstrip("\n")))
    return console.export_svg(title="", theme=theme, code_format=_FORMAT, unique_id="terminal")


def _read(terminal: int) -> bytes:
    """Return what is there; Linux answers the end of a terminal with an error."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""
