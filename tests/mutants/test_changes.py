"""The changes are those that a test should notice, one at a time."""

from __future__ import annotations

import tomllib

import pytest

from tests.mutants.__main__ import ROOT, TARGETS
from tests.mutants.changes import mutants


def changed(source: str) -> list[str]:
    return [mutant.source for mutant in mutants(source)]


@pytest.mark.parametrize(
    ("source", "others"),
    [
        ("a < b", ["a <= b"]),
        ("a in b", ["a not in b"]),
        ("a and b", ["a or b"]),
        ("a + b", ["a - b"]),
        ("not a", ["a"]),
        ("x = 2", ["x = 3"]),
        ("x = True", ["x = False"]),
        ("a[:n]", ["a"]),
        ("x = min(a)", ["x = max(a)"]),
        ("f(a, b)", ["f(b, a)", "pass"]),
        ("[a for a in b if a]", ["[a for a in b]"]),
        ("x = a if b else c", ["x = a", "x = c"]),
        ("raise ValueError(1)", ["pass"]),
        ("def f():\n    return a", ["def f():\n    return None"]),
        ("if a:\n    b = c", ["if False:\n    b = c"]),
    ],
)
def test_a_source_is_changed_at_each_of_its_places(source: str, others: list[str]) -> None:
    assert sorted(changed(source)) == sorted(others)


@pytest.mark.parametrize(
    "source",
    [
        "x: tuple[int, Literal[3]]",
        "def f(a: Literal[1] = b) -> Literal[2]:\n    pass",
        "@cache(1)\ndef f():\n    pass",
        "if TYPE_CHECKING:\n    import a",
        "f'{a + b}'",
        '"""Words."""',
    ],
)
def test_what_is_for_people_and_for_types_stays(source: str) -> None:
    assert changed(source) == []


def test_a_mutant_says_where_it_is_and_what_it_is() -> None:
    [mutant] = mutants("a = 0\nb = a < c\n")[1:]

    assert (mutant.line, mutant.change) == (2, "a < c -> a <= c")


@pytest.mark.parametrize(("source", "tests"), tomllib.loads(TARGETS.read_text("utf-8")).items())
def test_a_row_names_files_that_are_there(source: str, tests: str) -> None:
    files = tests.partition(" -k ")[0].split()
    assert [path for path in (source, *files) if not (ROOT / path).exists()] == []
