"""Only what stands on the command line counts as typed."""

from __future__ import annotations

import click
import pytest

from localrank.providers.typed import typed


@click.command()
@click.argument("files", nargs=-1)
@click.option("-m", "--model", "chosen", envvar="TYPED_MODEL", default="a")
@click.option("--seed", default=0)
@click.option("--fresh", is_flag=True)
def command() -> None: ...


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], []),
        (["--seed", "0"], ["--seed"]),
        (["-m", "a", "--fresh"], ["--model", "--fresh"]),
        (["x.txt", "--seed=3"], ["FILES", "--seed"]),
    ],
)
def test_what_was_typed_is_told_as_it_is_written(arguments: list[str], expected: list[str]) -> None:
    assert typed(command.make_context("command", arguments)) == expected


def test_what_the_environment_says_is_not_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TYPED_MODEL", "b")
    assert typed(command.make_context("command", ["--fresh"]), "chosen", "seed") == []
