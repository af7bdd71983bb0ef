"""Messages in the words of the command line."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from localrank.cli.main import cli
from localrank.cli.wording import command_of, in_options
from tests.support.commands import commands
from tests.support.shell import LEXICAL, localrank

ROOT = Path(__file__).parents[2]


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
        ("There is no key. Set CO_API_KEY, or pass api_key=.", "There is no key. Set CO_API_KEY."),
        ("Pass project_id= or space_id=, or set WATSONX_PROJECT_ID.", "Set WATSONX_PROJECT_ID."),
        ('Install "localrank[bedrock]", or pass signer=.', 'Install "localrank[bedrock]".'),
        ("Pass seconds, or None.", "Pass seconds, or leave it out."),
        ("The rest follow, marked metadata['scored'] = False.", 'The rest follow, marked "scored": false.'),
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

    assert done.code == 2
    assert done.err.startswith("localrank: --document-store is given, and no model that is made here reads")


def test_a_threshold_that_fits_no_score_is_an_option() -> None:
    done = localrank("rerank", "late", "--threshold", "inf", *LEXICAL, stdin=b"late\n")

    assert done.err.startswith("localrank: --threshold inf is no score.")


def test_columns_of_a_job_are_options_there() -> None:
    said = in_options("Name them: Columns(query=, text=).", command_of(cli, ["batch"]))

    assert said == "Name them: --query-column, --text-column."
    assert in_options("columns.group was not given and is 'qid'.", command_of(cli, ["batch"])) == (
        "--group-column was not given and is 'qid'."
    )


def test_the_address_of_a_server_is_an_option_of_the_doctor() -> None:
    done = localrank("doctor", "--server", "nonsense")

    assert "--server is no plain http or https address" in done.out
    assert "base_url" not in done.out
    assert "api_key" not in done.out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("portt = 3", "says 'portt', which is no setting. Did you mean 'port'?"),
        ("document_store = 3", "document_store in 'serve.toml' is 3, not a string."),
        (None, "'serve.toml' cannot be read: No such file or directory."),
    ],
)
def test_a_settings_file_is_spoken_of_in_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "serve.toml").write_text(content)

    assert said in localrank("serve", "--config", "serve.toml", PYTHONPATH=str(ROOT)).err


def test_one_is_no_plural(tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text('{"query": "q", "documents": ["a"], "relevant": [0]}\n', "utf-8")

    planned = localrank(
        "batch", str(source), str(tmp_path / "out"), "--text-column", "documents", "--dry-run", *LEXICAL
    )

    assert planned.err.startswith("localrank: 1 row: 1 candidate of 1 query, about 1 token")


def test_a_blank_query_is_not_timed() -> None:
    done = localrank("bench", " ", "-", *LEXICAL, stdin=b"a\n")

    assert (done.code, done.out) == (2, "")
    assert "QUERY is blank" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["-m", "cohere"], 2, "--model is 'cohere', a provider without a model."),
        (["-m", "cohere:rerank-v3.5"], 4, "There is no key for cohere. Set CO_API_KEY."),
        (
            ["-m", "azure:command"],
            2,
            "azure:command names no address, and each deployment has its own. Write",
        ),
        (
            ["--timeout", "nan", *LEXICAL],
            2,
            "--timeout is nan. Pass a positive number of seconds, or leave it out.",
        ),
        (
            ["--timeout", "1e-9", *LEXICAL],
            5,
            "The reranking took longer than --timeout 1e-09 s. Allow more time, or pass",
        ),
        (
            ["-m", "fallback:(lexical:default,stage_timeout=-2)"],
            2,
            "stage_timeout is -2. Pass a positive number",
        ),
    ],
    ids=str,
)
def test_what_cannot_work_is_told_as_it_was_typed(arguments: list[str], code: int, said: str) -> None:
    done = localrank("rerank", "late", *arguments, stdin=b"late\n", CO_API_KEY="")

    assert done.code == code
    assert done.err.startswith(f"localrank: {said}")


def test_what_a_deadline_left_out_is_marked_as_the_lines_mark_it() -> None:
    done = localrank("rerank", "late", "--deadline", "1e-9", stdin=b"late\n")

    assert 'marked "scored": false' in done.err
    assert '"scored": false' in done.out


def test_a_warning_calls_the_threshold_by_its_name() -> None:
    done = localrank("rerank", "late", "--threshold", "0.99", stdin=b"late\nsoup\n")

    assert "min_score" not in done.err
