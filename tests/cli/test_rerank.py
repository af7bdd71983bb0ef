from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.shell import LEXICAL, in_terminal, localrank, plain

LINES = "Karachi is a city.\n\nThe router resets with the red button.\nParis is a city too.\n"

SLOW_MODEL = """
import sys, time
from localrank import register_provider
from localrank.cli.main import main
from localrank.contract.model import DoRerankResult, ScoredIndex

class Slow:
    provider, model_id = "slow", "slow"

    def do_rerank_sync(self, options):
        total = len(options.documents)
        print("working", flush=True)
        for at in range(30):
            time.sleep({step})
            options.report_progress(at * total // 30, total)
        return DoRerankResult([ScoredIndex(at, 1.0 / (1 + at)) for at in range(total)])

register_provider("slow", lambda name: Slow())
sys.exit(main())
"""


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "lines.txt"
    path.write_text(LINES, "utf-8")
    return path


def records(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def slow(step: float, *arguments: str) -> list[str]:
    return [
        sys.executable,
        "-c",
        SLOW_MODEL.replace("{step}", str(step)),
        "rerank",
        *arguments,
        "-m",
        "slow:x",
    ]


def test_a_pipe_gets_json_lines_best_first(lines: Path) -> None:
    done = localrank("rerank", "router reset", str(lines), *LEXICAL)

    assert (done.code, done.err) == (0, "")
    first, *rest = records(done.out)
    assert first.pop("score") > 0
    assert first == {
        "rank": 1,
        "index": 1,
        "text": "The router resets with the red button.",
        "source": str(lines),
        "line": 3,
        "outcome": {"kind": "ranked", "reasons": [], "served_by": "lexical:default"},
    }
    assert [one["rank"] for one in rest] == [2, 3]


def test_the_embedded_model_is_the_default() -> None:
    done = localrank("rerank", "How do I reset the router?", "--top-k", "1", stdin=LINES.encode())

    assert records(done.out)[0]["index"] == 1
    assert len(records(done.out)) == 1
    assert "source" not in records(done.out)[0]


def test_a_model_can_come_from_the_environment(lines: Path) -> None:
    done = localrank("rerank", "x", str(lines), LOCALRANK_MODEL="nosuch:model")

    assert done.code == 4
    assert "There is no provider 'nosuch'" in done.err


def test_all_keys_of_a_json_line_are_carried_through() -> None:
    record = {"id": 7, "tags": ["ä", None], "title": "red soup", "lone": "\ud800", "nested": {"x": 1.5}}
    done = localrank("rerank", "soup", "--text-key", "title", *LEXICAL, stdin=json.dumps(record).encode())

    assert records(done.out)[0]["document"] == record
    assert records(done.out)[0]["text"] == "red soup"


def test_output_is_utf_8_whatever_the_locale() -> None:
    done = localrank("rerank", "soup", *LEXICAL, stdin="Grüße 😀 soup\n".encode(), PYTHONIOENCODING="ascii")

    assert records(done.out)[0]["text"] == "Grüße 😀 soup"
    assert "Grüße 😀" in done.out


def test_paragraphs_of_a_folder_carry_file_line_and_heading(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text(
        "# Home\n\n## Router\n\nHold the red button.\n\n## Cat\n\nFeed it.\n", "utf-8"
    )
    done = localrank("rerank", "router", "-p", str(tmp_path), *LEXICAL, "-k", "1")

    assert records(done.out)[0] | {"score": 0} == {
        "rank": 1,
        "index": 0,
        "score": 0,
        "text": "Hold the red button.",
        "source": str(tmp_path / "notes.md"),
        "line": 5,
        "heading": "Home > Router",
        "outcome": {"kind": "ranked", "reasons": [], "served_by": "lexical:default"},
    }


def test_a_threshold_drops_what_scores_less(lines: Path) -> None:
    every = records(localrank("rerank", "city", str(lines), *LEXICAL).out)
    kept = records(localrank("rerank", "city", str(lines), *LEXICAL, "--threshold", "0.001").out)

    assert kept == [one for one in every if one["score"] >= 0.001]
    assert 0 < len(kept) < len(every)


def test_a_threshold_above_everything_says_what_the_best_has(lines: Path) -> None:
    done = localrank("rerank", "city", str(lines), *LEXICAL, "--threshold", "999")

    assert (done.code, done.out) == (0, "")
    assert "No document scores 999 or more; the best has " in done.err


def test_a_threshold_counts_before_top_k(lines: Path) -> None:
    kept = records(localrank("rerank", "city", str(lines), *LEXICAL, "--threshold", "0.001", "-k", "1").out)

    assert [(one["rank"], one["score"] >= 0.001) for one in kept] == [(1, True)]


def test_a_threshold_for_scores_that_are_only_an_order_is_an_error(lines: Path) -> None:
    done = localrank("rerank", "city", str(lines), "-m", "identity:callers-order", "--threshold", "0.5")

    assert (done.code, done.out) == (2, "")
    assert "--threshold is given, and the scores of identity:callers-order are ordinal" in done.err


def a_fallback(tmp_path: Path) -> str:
    """Return a model whose first one is a folder that holds none."""
    empty = tmp_path / "empty"
    empty.mkdir()
    return f"fallback:(onnx:{empty}|lexical:default)"


def test_each_line_says_that_another_model_served(lines: Path, tmp_path: Path) -> None:
    done = localrank("rerank", "city", str(lines), "-m", a_fallback(tmp_path))

    assert {json.dumps(one["outcome"]) for one in records(done.out)} == {
        '{"kind": "degraded", "reasons": ["fallback"], "served_by": "lexical:default"}'
    }


def test_warnings_go_to_standard_error() -> None:
    done = localrank("rerank", "city", "--instruction", "only capitals", *LEXICAL, stdin=b"Paris\n")

    assert records(done.out)[0]["text"] == "Paris"
    assert done.err.startswith("localrank: warning: ")


def test_a_query_in_a_language_that_the_model_does_not_read_is_warned_of_and_ranked() -> None:
    done = localrank("rerank", "Кто выиграл матч?", stdin="Команда выиграла матч.\n".encode())

    assert len(records(done.out)) == 1
    assert done.err.startswith(
        "localrank: warning: The query seems to be in Cyrillic script, which localrank-mini does not read"
    )


def test_a_deadline_prints_every_document(lines: Path) -> None:
    done = subprocess.run(
        slow(0.05, "x", str(lines), "--deadline", "0.1"), capture_output=True, check=False, timeout=30
    )
    out = done.stdout.decode().removeprefix("working\n")

    assert [(one["index"], one.get("scored")) for one in records(out)] == [(0, False), (1, False), (2, False)]
    assert {one["outcome"]["kind"] for one in records(out)} == {"degraded"}
    assert b"deadline passed after 0 of 3" in done.stderr
    assert done.returncode == 0


def test_a_timeout_fails_with_its_own_code(lines: Path) -> None:
    done = subprocess.run(
        slow(0.05, "x", str(lines), "--timeout", "0.1"), capture_output=True, check=False, timeout=30
    )

    assert done.returncode == 5
    assert done.stderr.decode().count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("rerank",), 2, "Missing argument 'QUERY'. See 'localrank rerank --help'."),
        (("completion",), 2, "Choose from: bash, zsh, fish. See 'localrank completion --help'."),
        (("rerank", "x", "--nosuch"), 2, "No such option"),
        (("rerank", "x", "--top-k", "0"), 2, "0 is not in the range x>=1"),
        (("rerank", "x", "--compare", "a,b", "-m", "a"), 2, "--compare names both models: leave --model out"),
        (("rerank", "x", "-p", "--text-key", "t"), 2, "--paragraphs and --text-key exclude each other"),
        (("rerank", "x", "--compare", "one"), 2, "--compare takes two models"),
        (("nosuch",), 2, "No such command 'nosuch'"),
        (("rerank", "x", "/no/such/file"), 3, "/no/such/file: No such file or directory."),
        (("rerank", "x"), 3, "There are no documents in standard input"),
        (("rerank", "x", "-m", "nosuch-model"), 4, "There is no model 'nosuch-model'"),
    ],
)
def test_bad_input_gets_one_line_and_its_exit_code(arguments: tuple[str, ...], code: int, says: str) -> None:
    stdin = b"text\n" if code == 4 else b""
    done = localrank(*arguments, stdin=stdin)

    assert done.code == code
    assert says in done.err
    assert done.err.startswith("localrank: ")
    assert done.err.count("\n") == 1
    assert done.out == ""


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "many.txt"
    path.write_text("some words that fill the pipe\n" * 20_000, "utf-8")
    command = [sys.executable, "-m", "localrank", "rerank", "words", str(path), *LEXICAL]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        complaint = process.stderr.read()
        code = process.wait(30)

    assert (code, complaint) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_one_line(lines: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "localrank", "rerank", "x", str(lines), *LEXICAL],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=30,
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr == b"localrank: Standard output cannot be written: No space left on device.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
@pytest.mark.parametrize(
    ("closing", "code", "says"),
    [
        ("<&-", 3, "localrank: Standard input is closed, and no file is named.\n"),
        (">&-", 1, "localrank: Standard output is closed.\n"),
    ],
)
def test_closed_streams_are_one_line(closing: str, code: int, says: str) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'"{sys.executable}" -m localrank rerank x {" ".join(LEXICAL)} {closing}'],
        input=b"text\n",
        stderr=subprocess.PIPE,
        timeout=30,
        check=False,
    )

    assert (done.returncode, done.stderr.decode()) == (code, says)


def test_ctrl_c_stops_at_once_with_130_and_no_traceback(lines: Path) -> None:
    with subprocess.Popen(
        slow(1, "x", str(lines)), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"working\n"
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        code = process.wait(10)
        took = time.monotonic() - began
        complaint = process.stderr.read()

    assert code == 130
    assert complaint.strip() == b""
    assert took < 5  # the model would go on for 30 s


def test_ctrl_c_while_it_waits_for_standard_input_ends_with_130() -> None:
    command = [
        sys.executable,
        "-c",
        "print('up', flush=True); import sys; from localrank.cli.main import main; sys.exit(main())",
    ]
    with subprocess.Popen(
        [*command, "rerank", "x", *LEXICAL],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        time.sleep(2)  # until it reads
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert process.stderr.read().strip() == b""


def test_an_unexpected_failure_is_one_line_and_debugging_shows_where(lines: Path) -> None:
    broken = SLOW_MODEL.replace(
        'register_provider("slow", lambda name: Slow())', 'register_provider("slow", lambda name: 1 / 0)'
    )
    command = [sys.executable, "-c", broken.replace("{step}", "1"), "rerank", "x", str(lines), "-m", "slow:x"]
    quiet = subprocess.run(command, capture_output=True, check=False, timeout=30)
    loud = subprocess.run(
        command, capture_output=True, check=False, timeout=30, env={**os.environ, "LOCALRANK_DEBUG": "1"}
    )

    assert quiet.returncode == loud.returncode == 1
    assert quiet.stderr.decode().count("\n") == 1
    assert "ZeroDivisionError: division by zero" in quiet.stderr.decode()
    assert "Traceback" in loud.stderr.decode()


def test_a_threshold_that_is_no_number_is_wrong_use(lines: Path) -> None:
    done = localrank("rerank", "city", str(lines), *LEXICAL, "--threshold", "nan")

    assert (done.code, done.out) == (2, "")
    assert "nan is no score" in done.err


def test_compare_prints_the_ranks_of_both(lines: Path) -> None:
    done = localrank(
        "rerank", "city", str(lines), "--compare", "lexical:default,onnx:localrank-mini", "-k", "2"
    )
    found = records(done.out)

    assert {tuple(one["ranks"]) for one in found} == {("lexical:default", "onnx:localrank-mini")}
    assert [one["ranks"]["lexical:default"] for one in found] == sorted(one["rank"] for one in found)
    assert all(min(one["ranks"].values()) <= 2 for one in found)
    assert all(one["scores"]["lexical:default"] == one["score"] for one in found)


needs_terminal = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")


@needs_terminal
def test_a_terminal_gets_a_table_with_the_words_of_the_query_highlighted(lines: Path) -> None:
    code, shown = in_terminal(
        [sys.executable, "-m", "localrank", "rerank", "How do I reset the router?", str(lines)], columns=90
    )

    assert code == 0
    first = next(line for line in shown.splitlines() if "red button" in plain(line))
    assert "█" in first
    assert "\x1b[1;35mrouter\x1b[0m" in first
    assert "\x1b[1;35mresets\x1b[0m" in first
    assert f"{lines}:3"[:20] in shown
    assert "3 documents, ranked by localrank-mini in " in shown


@needs_terminal
def test_a_table_fits_a_narrow_terminal(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text(("a long line about the router and its buttons " * 30 + "\n") * 3, "utf-8")
    _, shown = in_terminal(
        [sys.executable, "-m", "localrank", "rerank", "router", str(path), *LEXICAL], columns=40, NO_COLOR="1"
    )
    rows = [line for line in plain(shown).splitlines() if not line.startswith("localrank:")]

    assert max(map(len, rows)) <= 40
    assert any("router" in row for row in rows)


@needs_terminal
def test_a_terminal_shows_ten_and_says_of_how_many(tmp_path: Path) -> None:
    path = tmp_path / "many.txt"
    path.write_text("".join(f"line {at}\n" for at in range(25)), "utf-8")
    _, shown = in_terminal(
        [sys.executable, "-m", "localrank", "rerank", "line", str(path), *LEXICAL], NO_COLOR="1"
    )

    assert "10 of 25 documents" in shown


@needs_terminal
def test_a_query_that_is_a_file_is_noticed_where_a_person_types(lines: Path) -> None:
    code, shown = in_terminal([sys.executable, "-m", "localrank", "rerank", str(lines)])

    assert code == 2
    assert shown.startswith("localrank: There is no QUERY before ")


@needs_terminal
def test_a_person_is_told_that_documents_are_read_from_the_keyboard() -> None:
    code, shown = in_terminal(
        [sys.executable, "-m", "localrank", "rerank", "router", *LEXICAL], typed=b"the router\nthe cat\n\x04"
    )

    assert code == 0
    assert "reading documents, one a line, up to Ctrl-D" in shown
    assert "2 documents, ranked" in shown


@needs_terminal
def test_a_terminal_without_unicode_still_gets_its_bars(lines: Path) -> None:
    code, shown = in_terminal(
        [sys.executable, "-m", "localrank", "rerank", "router", str(lines)], PYTHONIOENCODING="ascii"
    )

    assert code == 0
    assert re.search(r"#+-?\.+ ", plain(shown))
    assert "??" not in shown


@needs_terminal
def test_json_is_json_on_a_terminal_too(lines: Path) -> None:
    _, shown = in_terminal(
        [sys.executable, "-m", "localrank", "rerank", "city", str(lines), "--json", *LEXICAL]
    )

    assert len(records(shown)) == 3


@needs_terminal
def test_a_person_reads_that_another_model_served(lines: Path, tmp_path: Path) -> None:
    model = a_fallback(tmp_path)
    _, shown = in_terminal([sys.executable, "-m", "localrank", "rerank", "city", str(lines), "-m", model])

    assert "outcome: degraded (fallback), served by lexical:default." in shown


@needs_terminal
def test_a_document_cannot_steer_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "evil.txt"
    path.write_bytes(b"router \x1b]0;owned\x07 \x1b[2J\n")
    _, shown = in_terminal([sys.executable, "-m", "localrank", "rerank", "router", str(path), *LEXICAL])

    assert "\x1b]0;" not in shown
    assert "\x1b[2J" not in shown


@needs_terminal
def test_long_work_shows_a_progress_bar_and_short_work_none(lines: Path) -> None:
    _, long = in_terminal(slow(0.04, "x", str(lines)))
    _, short = in_terminal(slow(0.001, "x", str(lines)))

    assert "Ranking with slow" in long
    assert "Ranking with slow" not in short


@needs_terminal
def test_two_models_are_compared_side_by_side(lines: Path) -> None:
    _, shown = in_terminal(
        [
            sys.executable,
            "-m",
            "localrank",
            "rerank",
            "reset router",
            str(lines),
            "--compare",
            "lexical:default,localrank-mini",
        ],
        NO_COLOR="1",
    )

    rows = [
        line.rpartition("\r")[2].split() for line in plain(shown).splitlines()
    ]  # behind what a bar leaves
    assert ["1", "1", "="] in [row[:3] for row in rows]
    assert "the same first place; 3 of the best 3 in common." in shown


@pytest.mark.parametrize("name", [" ", "onnx", "onnx:", "nope", "/nowhere", "/"])
def test_a_variable_that_names_no_model_is_named_in_one_line(name: str) -> None:
    ended = localrank("rerank", "q", stdin=b"a text\n", LOCALRANK_MODEL=name)

    assert ended.code != 0
    assert ended.out == ""
    [line] = ended.err.splitlines()
    assert line.startswith("localrank: The environment variable LOCALRANK_MODEL: ")
    assert len(line) < 400


def test_an_option_beats_the_variable_and_is_not_blamed_on_it() -> None:
    ended = localrank("rerank", "q", *LEXICAL, stdin=b"a text\n", LOCALRANK_MODEL="nope")
    other = localrank("rerank", "q", "--model", "nope", stdin=b"a text\n", LOCALRANK_MODEL="onnx:mini")

    assert ended.code == 0
    assert "no model 'nope'" in other.err
    assert "LOCALRANK_MODEL" not in other.err


@needs_terminal
def test_a_long_list_has_a_way_out(tmp_path: Path) -> None:
    path = tmp_path / "many.txt"
    path.write_text("word\n" * 5_000)
    _, shown = in_terminal([sys.executable, "-m", "localrank", "rerank", "router", str(path), *LEXICAL])

    assert "5,000 documents; --first-stage bm25 --candidates 200 ranks only" in plain(shown)
