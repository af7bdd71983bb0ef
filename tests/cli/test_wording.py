"""Messages in the words of the command line."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from localrank.cli.main import cli
from localrank.cli.wording import command_of, in_options
from tests.support.shell import LEXICAL, localrank


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if not isinstance(command, click.Group):
        yield path
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from commands(inner, (*path, name))


@pytest.mark.parametrize("path", list(commands(cli)), ids=" ".join)
def test_every_option_is_called_by_its_name(path: tuple[str, ...]) -> None:
    command = command_of(cli, path)
    for option in command.params:
        if isinstance(option, click.Option) and max(option.opts, key=len).startswith("--"):
            written = max(option.opts, key=len)
            name = written[2:].replace("-", "_")
            said = in_options(
                f"{name} is 3. Pass {name}=2 or {name}='some', or leave {name}= out.", command, [written]
            )
            assert said == f"{written} is 3. Pass {written} 2 or {written} some, or leave {written} out."


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("top_k is 0. Pass top_k=3.", "--top-k is 0. Pass --top-k 3."),
        ("Take top_k, or leave it.", "Take --top-k, or leave it."),
        ("The column 'top_k' is empty.", "The column 'top_k' is empty."),
        ("/tmp/top_k/a.txt: Permission denied.", "/tmp/top_k/a.txt: Permission denied."),
        ("The timeout passed.", "The timeout passed."),
        ("timeout is 0.0. Pass timeout=5.", "--timeout is 0.0. Pass --timeout 5."),
        ("Pass listwise=Listwise(top_k=2).", "Pass listwise=Listwise(--top-k 2)."),
        ("No model of the documents.", "No model of the documents."),
    ],
)
def test_only_arguments_become_options(message: str, said: str) -> None:
    assert in_options(message, command_of(cli, ["rerank"]), []) == said


def test_words_of_a_settings_file_stay_unless_the_option_was_given() -> None:
    serve = command_of(cli, ["serve"])
    said = "document_store is given, and nothing would be kept."

    assert in_options(said, serve, ["serve", "--config", "serve.toml"]) == said
    assert in_options(said, serve, ["serve", "--document-store=here"]).startswith("--document-store is given")


def test_the_server_speaks_of_its_options() -> None:
    done = localrank("serve", LEXICAL[1], "--document-store", "kept")

    assert done.code == 1
    assert done.err.startswith("localrank: --document-store is given, and no model that is made here reads")


def test_a_threshold_that_fits_no_score_is_an_option() -> None:
    done = localrank("rerank", "late", "--threshold", "inf", *LEXICAL, stdin=b"late\n")

    assert done.err.startswith("localrank: --threshold inf is no score.")
