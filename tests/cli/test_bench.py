from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from localrank.cli.bench import bench
from tests.support.tiny_models import build


@pytest.fixture
def model(tmp_path: Path) -> str:
    return str(build(tmp_path / "model"))


@pytest.fixture
def documents(tmp_path: Path) -> str:
    path = tmp_path / "notes.txt"
    path.write_text("\n".join(f"paris is a city w{number}" for number in range(12)))
    return str(path)


def test_each_size_has_its_times_and_the_exact_rate_of_tokens(model: str, documents: str) -> None:
    options = ["what is paris", documents, "--model", model, "--sizes", "3,5", "--repetitions", "2", "--json"]
    outcome = CliRunner().invoke(bench, options, catch_exceptions=False)
    result = json.loads(outcome.stdout)
    assert [row["documents"] for row in result["rows"]] == [3, 5]
    for row in result["rows"]:
        assert 0 < row["fastest_ms"] <= row["median_ms"] <= row["slowest_ms"]
        # a pair is 3 + 5 tokens and 3 special ones; two calls, of which the slower and the faster are known
        both = row["fastest_ms"] + row["slowest_ms"]
        assert row["tokens_per_s"] == pytest.approx(2 * row["documents"] * 11 / both * 1000)


def test_a_person_sees_a_table(model: str, documents: str) -> None:
    outcome = CliRunner().invoke(
        bench, ["q", documents, "-m", model, "--precision", "fp32", "--sizes", "2", "--repetitions", "1"]
    )
    assert outcome.exit_code == 0
    assert "documents  median ms" in outcome.output


def test_sizes_beyond_the_documents_are_left_out(model: str, documents: str) -> None:
    options = ["q", documents, "-m", model, "--sizes", "4,1000", "--repetitions", "1", "--json"]
    outcome = CliRunner().invoke(bench, options)
    assert [row["documents"] for row in json.loads(outcome.stdout)["rows"]] == [4]


def test_fewer_documents_than_every_size_are_measured_all_together(model: str, documents: str) -> None:
    options = ["q", documents, "-m", model, "--sizes", "1000", "--repetitions", "1", "--json"]
    assert json.loads(CliRunner().invoke(bench, options).stdout)["rows"][0]["documents"] == 12


def test_json_lines_give_their_text(model: str, tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_text('{"text": "paris"}\n\n{"content": "the capital"}\n')
    options = ["q", str(path), "-m", model, "--sizes", "2", "--repetitions", "1", "--json"]
    assert json.loads(CliRunner().invoke(bench, options).stdout)["rows"][0]["documents"] == 2


def test_standard_input_is_read(model: str) -> None:
    options = ["q", "-", "-m", model, "--sizes", "2", "--repetitions", "1", "--json"]
    outcome = CliRunner().invoke(bench, options, input="paris\n\nthe capital\n")
    assert json.loads(outcome.stdout)["rows"][0]["documents"] == 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", "{", "a.jsonl:1: no valid JSON"),
        ("a.jsonl", "[" * 100_000, "a.jsonl:1: no valid JSON"),
        ("a.jsonl", '{"title": "x"}', "a.jsonl:1: no 'text' or 'page_content' or 'content'"),
        ("a.jsonl", "[1]", "a.jsonl:1: a list, not a JSON object"),
        ("a.txt", "\n \n", "no documents in"),
    ],
)
def test_documents_that_cannot_be_read_are_named(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content)
    outcome = CliRunner().invoke(bench, ["q", str(tmp_path / name)])
    assert outcome.exit_code == 3
    assert message in outcome.output


def test_a_file_that_is_absent_is_named(tmp_path: Path) -> None:
    outcome = CliRunner().invoke(bench, ["q", str(tmp_path / "absent.txt")])
    assert outcome.exit_code == 3
    assert "absent.txt: No such file" in outcome.output


@pytest.mark.parametrize("sizes", ["a", "0,5", ""])
def test_sizes_without_a_meaning_are_refused(sizes: str) -> None:
    outcome = CliRunner().invoke(bench, ["q", "-", "--sizes", sizes])
    assert outcome.exit_code == 2


def test_a_precision_that_there_is_not_is_wrong_use() -> None:
    outcome = CliRunner().invoke(bench, ["q", "-", "--precision", "int3"], input="paris")
    assert outcome.exit_code == 2
    assert "'int3' is not one of 'auto'" in outcome.output


def test_documents_that_are_known_are_read_before_the_first_timed_call(documents: str) -> None:
    options = [
        "q",
        documents,
        "-m",
        "localrank-tiny",
        "--sizes",
        "3,5",
        "--repetitions",
        "2",
        "--known",
        "--json",
    ]
    outcome = CliRunner().invoke(bench, options, catch_exceptions=False)
    rows = json.loads(outcome.stdout)["rows"]
    assert [row["cache_hits"] for row in rows] == [2 * 3, 2 * 5]
    for row in rows:
        assert row["read_ms"] > 0
        assert row["saved"] == pytest.approx(max(0, 1 - row["median_ms"] / row["read_ms"]))
    table = CliRunner().invoke(bench, options[:-1], catch_exceptions=False).stdout
    assert "saved" in table
    assert "%" in table


def test_without_known_nothing_is_said_of_what_is_saved(model: str, documents: str) -> None:
    options = ["q", documents, "-m", model, "--sizes", "2", "--repetitions", "1"]
    assert "saved" not in CliRunner().invoke(bench, options, catch_exceptions=False).stdout


def test_a_model_that_cannot_know_documents_says_so(model: str, documents: str) -> None:
    outcome = CliRunner().invoke(bench, ["q", documents, "-m", model, "--sizes", "2", "--known"])
    assert outcome.exit_code != 0
    assert "together with its query" in str(outcome.exception)
