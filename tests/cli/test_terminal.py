"""What a person sees of a ranking fits the cells that there are, whatever the letters."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from localrank.cli.terminal import Row, show_rows


@pytest.mark.parametrize("letter", ["a ", "字", "😀"])
def test_the_telling_words_of_a_text_are_among_its_lines(letter: str) -> None:
    out = Console(file=io.StringIO(), width=50, force_terminal=True, color_system=None)
    text = f"{letter * 150} harbour {letter * 150}"

    show_rows(out, "where is the harbour", [Row(("1",), 0.5, text)], "ordinal")

    shown = out.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert any("harbour" in line for line in shown)
    assert len(shown) <= 3
    assert all(cell_len(line) <= 50 for line in shown)
