"""Functions with their documentation, out of wheels."""

from __future__ import annotations

import gzip
import json
import sys
import zipfile
from pathlib import Path

import pytest

from benchmarks.embedded.records.functions import functions, main

SOURCE = '''
import os

raise SystemExit("run by mistake")


def joined_lines(lines, end):
    """Return the :class:`lines` put together, each with its `end`.

    More of it.
    """
    found = []
    for line in lines:
        found.append(line.rstrip() + end)

    # a word of the author's
    return "".join(found)


class Shelf:
    async def emptied(self, books, *, quietly=False):
        """
        Take all of the books away
        from this shelf and give them back.
        """
        taken = list(self.books)
        self.books.clear()
        if not quietly:
            print("emptied", len(taken), "books and", len(books))
        return taken


def undocumented(lines):
    found = [line for line in lines if line]
    found.sort()
    found.reverse()
    return found


def short(one):
    """Return what is given without a change."""
    return one
'''


def wheel(folder: Path, files: dict[str, str], name: str = "boltons-1.0-py3-none-any.whl") -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w") as archive:
        for inside, text in files.items():
            archive.writestr(inside, text)
    return path


def test_a_function_is_found_by_what_its_documentation_says_first(tmp_path: Path) -> None:
    found = functions(wheel(tmp_path, {"boltons/a.py": SOURCE}))
    assert {one.query for one in found} == {
        "Return the lines put together, each with its end",
        "Take all of the books away from this shelf and give them back",
    }
    assert {(one.kind, one.licence, one.group) for one in found} == {
        ("function", "BSD-3-Clause", "boltons/a.py")
    }


def test_a_passage_is_the_function_without_its_documentation_and_its_indent(tmp_path: Path) -> None:
    passages = [one.passage for one in functions(wheel(tmp_path, {"boltons/a.py": SOURCE}))]
    assert passages[0].splitlines() == [
        "def joined_lines(lines, end):",
        "    found = []",
        "    for line in lines:",
        "        found.append(line.rstrip() + end)",
        "    # a word of the author's",
        '    return "".join(found)',
    ]
    assert passages[1].startswith("async def emptied(self, books, *, quietly=False):\n    taken")


def test_equal_functions_and_tests_are_left_out(tmp_path: Path) -> None:
    files = {
        "boltons/a.py": SOURCE,
        "boltons/b.py": SOURCE,
        "boltons/tests/c.py": SOURCE.replace("end", "tail"),
    }
    assert {one.group for one in functions(wheel(tmp_path, files))} == {"boltons/a.py"}


def test_a_file_of_another_python_is_passed_over(tmp_path: Path) -> None:
    files = {"boltons/a.py": SOURCE, "boltons/old.py": "print 'a'\n"}
    assert len(functions(wheel(tmp_path, files))) == 2


def test_a_wheel_of_unknown_licence_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="unheard-1"):
        functions(wheel(tmp_path, {"a.py": SOURCE}, "unheard-1-py3-none-any.whl"))


def test_as_many_as_asked_for_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "new" / "functions.jsonl.gz"
    made = wheel(tmp_path, {"boltons/a.py": SOURCE})
    monkeypatch.setattr(sys, "argv", ["functions", str(made), "--out", str(out), "--most", "1"])
    assert main() == 0
    with gzip.open(out, "rt", encoding="utf-8") as lines:
        (row,) = map(json.loads, lines)
    assert row["source"] == "functions:boltons"
