from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.hub_folder import write_hub_folder
from tests.support.rerank_server import RerankServer
from tests.support.shell import LEXICAL, in_terminal, localrank, plain
from tests.support.small_collection import write_beir, write_first_stage

SLOW_MODEL = """
import sys, time
from localrank import register_provider
from localrank.cli.main import main
from localrank.contract.model import DoRerankResult, ScoredIndex

class Slow:
    provider, model_id, calls = "slow", "slow", 0

    def do_rerank_sync(self, options):
        self.calls += 1
        print("call", self.calls, flush=True)
        time.sleep(0 if self.calls < 3 else STEP)
        return DoRerankResult([ScoredIndex(at, 1.0) for at in range(len(options.documents))])

register_provider("slow", lambda name: Slow())
sys.exit(main())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_beir(tmp_path / "small")


def records(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_a_system_a_line_and_the_reports_in_the_folder(folder: Path, tmp_path: Path) -> None:
    run = write_first_stage(tmp_path / "dense.run")
    done = localrank(
        "evaluate",
        str(folder),
        *LEXICAL,
        "--first-stage",
        str(run),
        "-o",
        str(tmp_path / "out"),
        "--measures",
        "AP,P@1",
    )

    assert done.code == 0, done.err
    assert [one["name"] for one in records(done.out)] == ["dense", "lexical:default"]
    assert list(records(done.out)[1]["means"]) == ["AP", "P@1"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "journal.jsonl",
        "qrels.txt",
        "quality-time.svg",
        "report.html",
        "report.md",
        "results.json",
        "runs",
    ]


def test_a_person_sees_tables_and_what_moved(folder: Path, tmp_path: Path) -> None:
    run = write_first_stage(tmp_path / "dense.run")
    code, shown = in_terminal(
        [
            *(sys.executable, "-m", "localrank", "evaluate", str(folder), *LEXICAL),
            *("--first-stage", str(run), "-o", str(tmp_path / "out")),
        ]
    )

    assert code == 0
    for part in (
        "Quality",
        "Time and cost",
        "Differences in nDCG@10",
        "dense (first stage)",
        "↑ ",
        "report.html",
    ):
        assert part in plain(shown)


def test_json_lines_with_own_documents_need_no_other_file(tmp_path: Path) -> None:
    line = {"query": "reset?", "documents": ["nothing", "how to reset"], "relevant": [1]}
    (tmp_path / "faq.jsonl").write_text(json.dumps(line) + "\n")
    done = localrank("evaluate", str(tmp_path / "faq.jsonl"), *LEXICAL, "-o", str(tmp_path / "out"))

    assert [(one["name"], one["means"]["P@1"]) for one in records(done.out)] == [
        ("corpus", 0.0),
        ("lexical:default", 1.0),
    ]


def test_a_folder_of_trecs_files_is_told_the_options_that_name_them(tmp_path: Path) -> None:
    for name in ("topics.tsv", "docs.tsv", "qrels.txt"):
        (tmp_path / name).write_text("1\ttext\n", "utf-8")
    done = localrank("evaluate", str(tmp_path), *LEXICAL)

    assert done.code == 3
    assert done.err.rstrip().endswith(
        "Files in TREC's forms are named by --queries-file, --documents and --qrels."
    )


def test_reports_of_other_data_that_are_replaced_are_named(folder: Path, tmp_path: Path) -> None:
    other = write_beir(tmp_path / "other")
    command = (*LEXICAL, "-o", str(tmp_path / "out"), "--measures", "P@1")
    first, again, replacing = (localrank("evaluate", str(data), *command) for data in (folder, folder, other))

    assert "replaced" not in first.err + again.err
    assert f"{tmp_path / 'out'} held the reports of 'small', which are replaced" in replacing.err


def test_three_files_in_trecs_forms(tmp_path: Path) -> None:
    (tmp_path / "topics.tsv").write_text("1\treset\n")
    (tmp_path / "docs.tsv").write_text("a\tnothing\nb\thow to reset\n")
    (tmp_path / "qrels.txt").write_text("1 0 b 1\n")
    files = [
        *("--queries-file", str(tmp_path / "topics.tsv"), "--documents", str(tmp_path / "docs.tsv")),
        *("--qrels", str(tmp_path / "qrels.txt"), "--first-stage", "corpus"),
    ]
    done = localrank("evaluate", *files, *LEXICAL, "-o", str(tmp_path / "out"))

    assert records(done.out)[1]["means"]["P@1"] == 1.0


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        ([], 2, "Name DATA, or --queries-file, --documents and --qrels."),
        (["x.jsonl", "--documents", "y"], 2, "are for data without DATA"),
        (["bad.jsonl"], 3, "bad.jsonl:2: 'documents' without 'relevant' or 'labels'"),
        (["none.jsonl"], 3, "none.jsonl cannot be read: No such file"),
        (["good.jsonl", "--first-stage", "none.run"], 3, "'none.run' is no file"),
        (["good.jsonl", "-m", "nothing:x"], 4, "nothing"),
        (["good.jsonl", "--measures", "nDGC"], 2, "'nDGC' is no measure"),
        (
            ["good.jsonl", "-m", "lexical:default", "-m", "lexical:default"],
            2,
            "Two models are called 'lexical:default'",
        ),
        (["good.jsonl", "--compare", "a", "b"], 2, "--compare takes two results and nothing else"),
        (["--fresh", "--compare", "a", "b"], 2, "--compare takes two results and nothing else"),
        (
            ["--queries-file", "q", "--documents", "d", "--qrels", "j", "--split", "test"],
            2,
            "--split is for a folder with several",
        ),
        (["good.jsonl", "--seed", "3"], 2, "--seed is of the queries that are drawn: add --queries N"),
        (["good.jsonl", "--false-accept", ".2"], 2, "--false-accept is of a threshold: add --unanswerable"),
        (["--compare", "good.jsonl", "good.jsonl"], 3, "is no saved evaluation"),
    ],
)
def test_what_cannot_work_is_one_line_and_a_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    good = json.dumps({"query": "reset?", "documents": ["a"], "relevant": [0]})
    (tmp_path / "good.jsonl").write_text(good)
    (tmp_path / "bad.jsonl").write_text(good + '\n{"query": "?", "documents": ["a"]}\n')
    done = localrank("evaluate", *arguments)

    assert (done.code, complaint in done.err) == (code, True), done.err
    assert done.out == ""


def test_ctrl_c_says_how_to_go_on_and_the_same_command_does(folder: Path, tmp_path: Path) -> None:
    arguments = [
        "evaluate",
        str(folder),
        "-m",
        "slow:x",
        "--first-stage",
        "corpus",
        "-o",
        str(tmp_path / "out"),
    ]
    with subprocess.Popen(
        [sys.executable, "-c", SLOW_MODEL.replace("STEP", "30"), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for _ in range(3):
            process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert "2 of 5 rankings are done and kept" in process.stderr.read().decode()
    again = subprocess.run(
        [sys.executable, "-c", SLOW_MODEL.replace("STEP", "0"), *arguments],
        capture_output=True,
        check=True,
        timeout=60,
    )

    calls = [line for line in again.stdout.decode().splitlines() if line.startswith("call")]
    assert calls == ["call 1", "call 2", "call 3"]
    assert "2 rankings were there from an earlier run" in again.stderr.decode()


def test_fresh_ranks_all_again(folder: Path, tmp_path: Path) -> None:
    command = ["evaluate", str(folder), *LEXICAL, "--first-stage", "corpus", "-o", str(tmp_path / "out")]
    localrank(*command)

    assert "were there from an earlier run" in localrank(*command).err
    assert "were there from an earlier run" not in localrank(*command, "--fresh").err


def of_a_service(server: RerankServer, folder: Path, out: Path) -> list[str]:
    model = f"cohere:rerank-v3.5@{server.url}"
    return ["evaluate", str(folder), "-m", model, "--first-stage", "corpus", "-o", str(out)]


def test_remote_calls_are_told_with_their_price_and_not_made_unasked(folder: Path, tmp_path: Path) -> None:
    with RerankServer("cohere") as server:
        command = of_a_service(server, folder, tmp_path / "out")
        asked = localrank(*command)
        unasked = len(server.requests)
        told = localrank(*command, "--yes")

    assert (asked.code, unasked) == (2, 0)
    assert "at most 5 requests for 5 queries, 50 texts" in asked.err
    assert "about $0.01 at the list price ($2 per thousand search units" in asked.err
    assert "agree to the calls with --yes" in asked.err
    assert (told.code, len(server.requests)) == (0, 5)
    assert records(told.out)[1]["dollars"] == pytest.approx(5 * 2.00 / 1000)


@pytest.mark.parametrize(("typed", "code", "requests"), [(b"n\n", 130, 0), (b"y\n", 0, 5)])
def test_a_person_is_asked_before_remote_calls(
    folder: Path, tmp_path: Path, typed: bytes, code: int, requests: int
) -> None:
    with RerankServer("cohere") as server:
        arguments = of_a_service(server, folder, tmp_path / "out")
        status, shown = in_terminal([sys.executable, "-m", "localrank", *arguments], typed=typed)

    assert (status, len(server.requests)) == (code, requests)
    assert "Send them?" in plain(shown)


def test_two_results_are_compared(folder: Path, tmp_path: Path) -> None:
    for name, candidates in (("a", "1"), ("b", "10")):
        localrank(
            *("evaluate", str(folder), *LEXICAL, "--first-stage", "corpus"),
            *("--candidates", candidates, "-o", str(tmp_path / name)),
        )
    paths = [str(tmp_path / name / "results.json") for name in "ab"]
    done = localrank("evaluate", "--compare", *paths)
    code, shown = in_terminal(
        [sys.executable, "-m", "localrank", "evaluate", "--compare", *paths], columns=200
    )

    first = records(done.out)[0]
    assert (first["measure"], first["first"]) == ("nDCG@10", f"lexical:default ({paths[0]})")
    assert first["difference"] > 0
    assert "different candidates" in done.err
    assert (code, "Comparison" in plain(shown)) == (0, True)


def test_a_folder_that_cannot_be_made_is_refused_before_any_call(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with RerankServer("cohere") as server:
        model = f"cohere:rerank-v3.5@{server.url}"
        done = localrank(
            *("evaluate", str(folder), "-m", model, "--yes"),
            *("--first-stage", "corpus", "-o", str(tmp_path / "file/out")),
        )

    assert (done.code, len(server.requests)) == (2, 0)
    assert f"{tmp_path / 'file'} is no folder" in done.err


def test_a_journal_that_is_a_folder_is_named_with_fresh_too(folder: Path, tmp_path: Path) -> None:
    journal = tmp_path / "out/journal.jsonl"
    journal.mkdir(parents=True)
    for more in ([], ["--fresh"]):
        done = localrank("evaluate", str(folder), *LEXICAL, "-o", str(tmp_path / "out"), *more)

        assert done.code == 2
        assert f"{journal} cannot be" in done.err
        assert "unexpected" not in done.err


def test_a_collection_too_small_for_a_threshold_says_so_and_measures_the_rest(
    folder: Path, tmp_path: Path
) -> None:
    run = write_first_stage(tmp_path / "dense.run")
    done = localrank(
        "evaluate",
        str(folder),
        *LEXICAL,
        "--first-stage",
        str(run),
        "-o",
        str(tmp_path / "out"),
        "--unanswerable",
    )

    assert done.code == 0, done.err
    assert (
        "lexical:default: 5 queries have both a relevant candidate and another one; 20 are the fewest."
        in done.err
    )
    assert [one["name"] for one in records(done.out)] == ["dense", "lexical:default"]


def test_lists_without_an_answer_are_measured_and_a_threshold_is_fitted(tmp_path: Path) -> None:
    lines = [
        {"query": f"word{at}", "documents": [f"all of word{at}", "nothing", "other"], "relevant": [0]}
        for at in range(20)
    ]
    data = tmp_path / "many.jsonl"
    data.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    done = localrank("evaluate", str(data), *LEXICAL, "-o", str(tmp_path / "out"), "--unanswerable")

    assert done.code == 0, done.err
    answers = records(done.out)[1]["answers"]
    assert (answers["auroc"]["value"], answers["queries"], answers["allowed"]) == (1.0, 20, 0.1)
    assert answers["false_accept"]["value"] == 0.0
    assert "depend on the other documents" in done.err
    saved = json.loads((tmp_path / "out/results.json").read_text("utf-8"))
    assert saved["answers"] == [answers]
    assert "Does anything here answer" in (tmp_path / "out/report.md").read_text("utf-8")


def test_a_folder_of_the_hub_is_measured_from_the_candidates_that_came_with_it(tmp_path: Path) -> None:
    folder = write_hub_folder(tmp_path / "nano", "NanoA", "NanoB", candidates=("bm25", "hybrid"))
    out = ("-o", str(tmp_path / "out"), *LEXICAL)
    done = localrank("evaluate", str(folder), "--split", "NanoB", *out)

    assert done.code == 0, done.err
    assert "Came with the data, for --first-stage: bm25, hybrid." in done.err
    assert [one["name"] for one in records(done.out)] == ["bm25", "lexical:default"]
    named = localrank("evaluate", str(folder), "--split", "NanoB", "--first-stage", "hybrid", "--fresh", *out)
    assert [one["name"] for one in records(named.out)] == ["hybrid", "lexical:default"]


def test_what_training_takes_is_measured_too(tmp_path: Path) -> None:
    lines = [{"query": f"word{n}", "positive": f"word{n} is here"} for n in range(3)]
    (tmp_path / "faq.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = localrank("evaluate", str(tmp_path / "faq.jsonl"), *LEXICAL, "-o", str(tmp_path / "out"))

    assert (done.code, records(done.out)[1]["means"]["P@1"]) == (0, 1.0)


@pytest.mark.parametrize("data", ["none.jsonl", "candidates.jsonl", "."])
def test_data_that_cannot_be_used_end_with_the_code_of_input(tmp_path: Path, data: str) -> None:
    (tmp_path / "candidates.jsonl").write_text('{"query": "q", "documents": ["a", "b"]}\n')
    done = localrank("evaluate", str(tmp_path / data), *LEXICAL, "-o", str(tmp_path / "out"))

    assert (done.code, done.out) == (3, "")
    assert str(tmp_path) in done.err


@pytest.mark.parametrize(("columns", "left_out"), [(60, "95 % interval"), (120, None)])
def test_tables_fit_their_terminal_and_say_what_is_missing(
    folder: Path, tmp_path: Path, columns: int, left_out: str | None
) -> None:
    command = [
        sys.executable,
        "-m",
        "localrank",
        "evaluate",
        str(folder),
        *LEXICAL,
        "-o",
        str(tmp_path / "out"),
    ]
    code, shown = in_terminal(command, columns=columns)
    tables = plain(shown).partition("Quality")[2].partition("localrank: Reports")[0]

    assert code == 0
    assert max(map(len, tables.splitlines())) <= columns
    assert (f"No room here for {left_out}: a wider terminal" in tables) == (left_out is not None)
