"""The same cause ends every command with the same code, and a help lists the codes of its command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from localrank.cli.main import cli, main
from localrank.cli.output import EXIT_CODES, ExitCode

Named = list[str]


def commands(
    command: click.Command = cli, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command that does something, with the words that call it."""
    if path:
        yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from commands(inner, (*path, name))


COMMANDS = dict(commands())

READERS: list[Named] = [
    ["rerank", "q", "MISSING.txt"],
    ["rerank", "q", "MISSING.jsonl", "--first-stage", "bm25"],
    ["rerank", "-p", "q", "MISSING"],
    ["bench", "q", "MISSING.txt"],
    ["batch", "MISSING.jsonl", "out"],
    ["batch", "MISSING.parquet", "out", "--fresh"],
    ["batch", "there.run", "out", "--collection", "MISSING"],
    ["batch", "there.run", "out", "--queries-file", "MISSING", "--documents", "there.run"],
    ["batch", "there.run", "out", "--queries-file", "there.run", "--documents", "MISSING"],
    ["evaluate", "MISSING.jsonl"],
    ["evaluate", "--queries-file", "MISSING", "--documents", "there.run", "--qrels", "there.run"],
    ["evaluate", "--compare", "MISSING", "there.run"],
    ["store", "warm", "store", "MISSING.jsonl"],
    ["train", "MISSING.jsonl", "--out", "model"],
]
"""Every command that reads data, with data that are missing."""

LOADERS: list[Named] = [
    ["rerank", "q", "there.run", "-m", "./MISSING"],
    ["bench", "q", "there.run", "-m", "./MISSING"],
    ["batch", "there.jsonl", "out", "-m", "./MISSING"],
    ["evaluate", "there.jsonl", "-m", "./MISSING"],
    ["demo", "-m", "./MISSING"],
    ["serve", "./MISSING", "--preload"],
    ["store", "warm", "store", "there.jsonl", "-m", "./MISSING"],
    ["train", "there.jsonl", "--out", "model", "--base", "./MISSING"],
    ["models", "show", "./MISSING"],
    ["models", "path", "MISSING"],
    ["models", "pull", "MISSING"],
    ["models", "export", "./MISSING", "--out", "model"],
    ["models", "convert", "./MISSING", "--out", "model"],
    ["models", "optimize", "./MISSING"],
]
"""Every command that takes a model, with one that is missing."""

NEITHER = {("completion",), ("doctor",), ("models",), ("models", "list"), ("store",)} | {
    ("store", name) for name in ("info", "compact", "clear")
}
"""Commands that read no data and load no model, or, as the doctor does, report of one."""

NEEDS = {("train",): "sentence_transformers", ("models", "export"): "torch", ("models", "convert"): "torch"}
"""What a command asks for before it looks at data or models."""


def skip_what_cannot_run(arguments: Named) -> None:
    for words, library in NEEDS.items():
        if tuple(arguments[: len(words)]) == words and find_spec(library) is None:
            pytest.skip(f"needs {library}")


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there.run").write_text("q Q0 a 1 2 x\n")
    line = '{{"query": "q{0}", "text": "t{0}", "document": "t{0}", "label": 1}}\n'
    Path("there.jsonl").write_text("".join(line.format(number) for number in range(20)))


def test_every_command_is_tried() -> None:
    tried = {path for path in COMMANDS for named in (*READERS, *LOADERS) if tuple(named[: len(path)]) == path}
    assert tried | NEITHER == set(COMMANDS)


@pytest.mark.parametrize("arguments", READERS, ids=" ".join)
def test_data_that_are_missing_end_every_command_with_the_code_of_data(
    arguments: Named, capsys: pytest.CaptureFixture[str]
) -> None:
    skip_what_cannot_run(arguments)
    assert main(arguments) == ExitCode.INPUT
    assert "MISSING" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", LOADERS, ids=" ".join)
def test_a_model_that_is_missing_ends_every_command_with_the_code_of_models(
    arguments: Named, capsys: pytest.CaptureFixture[str]
) -> None:
    skip_what_cannot_run(arguments)
    assert main(arguments) == ExitCode.MODEL
    assert "MISSING" in capsys.readouterr().err


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_an_option_that_is_none_ends_every_command_with_the_code_of_usage(path: tuple[str, ...]) -> None:
    assert main([*path, "--no-such-option"]) == ExitCode.USAGE


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_a_help_lists_the_codes_of_its_command_alone(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    listed = (command.epilog or "").partition("Exit codes:")[2]
    codes = {
        ExitCode(int(code)): meaning for code, meaning in re.findall(r"^ +(\d+)  (.+)$", listed, re.MULTILINE)
    }
    if not codes:
        return
    options = {word for option in command.params for word in option.opts}
    assert codes.items() <= EXIT_CODES.items()
    assert {ExitCode.OK, ExitCode.FAILED, ExitCode.USAGE, ExitCode.MODEL} <= codes.keys()
    assert (ExitCode.COST in codes) == ("--max-cost" in options)
    assert (ExitCode.TIMEOUT in codes) == ("--timeout" in options and path != ("serve",))
    assert (ExitCode.INTERRUPTED in codes) == (path != ("serve",)), (
        "a server that is told to end has done its work"
    )
    assert (ExitCode.INPUT in codes) == any(tuple(named[: len(path)]) == path for named in READERS)


def test_a_job_that_cannot_begin_deletes_nothing_of_the_one_before() -> None:
    Path("out").mkdir()
    Path("out/kept").write_text("kept")
    main(["batch", "MISSING.jsonl", "out", "--fresh"])
    assert Path("out/kept").read_text() == "kept"
