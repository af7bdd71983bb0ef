"""A job ranks a file into parts, and goes on after whatever stopped it as if nothing had."""

from __future__ import annotations

import errno
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localrank import InvalidRequestError, rerank_sync
from localrank.batches import BatchJob, BatchProgress, Columns, run_batch
from localrank.batches import manifest as manifest_module
from localrank.batches.running import forget
from localrank.providers.registry import DEFAULT_MODEL, resolve
from localrank.testing import LexicalReranker, MockReranker
from tests.batches.conftest import WriteRows, contents, some_lists, some_rows, written

KINDS = pytest.mark.parametrize("name", ["in.jsonl", "in.jsonl.gz", "in.jsonl.zst", "in.parquet"])


def a_job(source: Path, **settings: Any) -> BatchJob:
    return BatchJob(source, source.parent / "out", **{"part_documents": 12, **settings})


@KINDS
def test_rows_come_back_with_rank_and_score_in_their_order(name: str, write: WriteRows) -> None:
    rows = some_rows()
    job = a_job(write(name, rows))
    report = run_batch(job, LexicalReranker())
    out = written(job.output)
    first = rerank_sync(LexicalReranker(), "query 0", [row["text"] for row in rows[:5]])

    assert [{key: row[key] for key in rows[0]} for row in out] == rows
    assert [(row["rank"], row["score"]) for row in out[:5]] == [
        (hit.rank, hit.score) for hit in sorted(first, key=lambda hit: hit.index)
    ]
    assert (report.complete, report.rows, report.kept, report.documents) == (True, 60, 60, 60)
    assert report.parts == 4  # of three queries each, since none is parted


@KINDS
def test_a_row_with_a_list_gets_lists_of_ranks_and_scores(name: str, write: WriteRows) -> None:
    job = a_job(write(name, some_lists()))
    report = run_batch(job, LexicalReranker())
    first = written(job.output)[0]

    assert sorted(first["rank"]) == [1, 2, 3, 4, 5]
    best = first["rank"].index(1)
    assert first["score"][best] == max(first["score"])
    assert (report.rows, report.documents, report.parts) == (12, 60, 4)


@KINDS
def test_top_k_leaves_rows_out_and_list_items_empty(name: str, write: WriteRows) -> None:
    job = a_job(write(name, some_rows()), top_k=2)
    run_batch(job, LexicalReranker())
    lists = replace(a_job(write(f"lists-{name}", some_lists()), top_k=2), output=job.output.parent / "lists")
    run_batch(lists, LexicalReranker())

    assert len(written(job.output)) == 12 * 2
    assert {row["rank"] for row in written(job.output)} == {1, 2}
    assert sorted(rank for rank in written(lists.output)[0]["rank"] if rank is not None) == [1, 2]


@KINDS
def test_both_kinds_of_file_give_the_same_rows(name: str, write: WriteRows) -> None:
    job = a_job(write(name, some_rows()))
    run_batch(job, LexicalReranker())
    plain = replace(a_job(write("plain.jsonl", some_rows())), output=job.output.parent / "plain")
    run_batch(plain, LexicalReranker())

    assert written(job.output) == written(plain.output)


def test_a_lists_candidates_may_be_more_than_a_part_holds(write: WriteRows) -> None:
    job = a_job(write("in.jsonl", some_rows(queries=2, documents=40)))

    assert run_batch(job, LexicalReranker()).parts == 2


@KINDS
def test_rows_that_cannot_be_ranked_go_to_the_rejects_with_their_reason(name: str, write: WriteRows) -> None:
    rows = some_rows()
    rows[7]["text"] = None
    rows[20]["query"] = None
    rows[36]["query"] = " "
    job = a_job(write(name, rows))
    report = run_batch(job, LexicalReranker())
    rejects = [
        json.loads(line)
        for path in sorted(job.output.glob("_rejects-*.jsonl"))
        for line in path.read_text("utf-8").splitlines()
    ]

    assert (report.rejected, report.kept) == (3, 57)
    assert rejects == [
        {"row": 8, "reason": "the text is null"},
        {"row": 21, "reason": "the query is null"},
        {"row": 37, "reason": "the query is blank"},
    ]
    assert [row["id"] for row in written(job.output)] == [
        row["id"] for place, row in enumerate(rows) if place not in {7, 20, 36}
    ]


def test_a_candidate_without_words_stands_last_without_a_score(write: WriteRows) -> None:
    rows = some_rows(queries=1)
    rows[4]["text"] = " "
    job = a_job(write("in.jsonl", rows))
    run_batch(job, LexicalReranker())

    assert (written(job.output)[4]["rank"], written(job.output)[4]["score"]) == (5, None)


def test_lines_that_are_no_objects_are_rejects_by_their_number(tmp_path: Path) -> None:
    lines = [json.dumps(row).encode() for row in some_rows(queries=1)]
    lines[1:1] = [b"{broken", b"[1]", b'{"query": "query 0", "text": 5}', b"\xff\xfe", b"[" * 100_000, b""]
    (tmp_path / "in.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    job = a_job(tmp_path / "in.jsonl")
    report = run_batch(job, LexicalReranker())
    reasons = [json.loads(line) for line in (job.output / "_rejects-00000.jsonl").read_text().splitlines()]

    assert report.kept == 5
    assert [(one["row"], one["reason"]) for one in reasons] == [
        (2, "the line is no JSON"),
        (3, "the line is no JSON object"),
        (4, "the text is of type int"),
        (5, "the line is no UTF-8"),
        (6, "the line is no JSON"),
        (7, "the line is no JSON"),
    ]


def test_a_line_that_could_not_be_written_as_it_came_is_a_reject(tmp_path: Path) -> None:
    start = '{"query": "q", "text": "a", '
    lines = [
        start + rest for rest in ('"x": 1}', '"x": NaN}', '"x": 1e999}', '"rank": 7}', '"score": "mine"}')
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    job = a_job(tmp_path / "in.jsonl")
    run_batch(job, LexicalReranker())
    reasons = [json.loads(line) for line in (job.output / "_rejects-00000.jsonl").read_text().splitlines()]

    assert [(one["row"], one["reason"]) for one in reasons] == [
        (2, "the line is no JSON"),
        (3, "the line is no JSON"),
        (4, "the row has a column 'rank' already"),
        (5, "the row has a column 'score' already"),
    ]
    assert [row["x"] for row in written(job.output)] == [1]


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"query": "q", "text": "a"}\n', encoding="utf-8-sig")
    assert run_batch(a_job(tmp_path / "in.jsonl"), LexicalReranker()).rejected == 0


def test_a_list_with_a_hole_is_a_reject(write: WriteRows) -> None:
    rows = some_lists()
    rows[3]["text"] = ["a", None]
    rows[4]["text"] = None
    rows[5]["text"] = []
    job = a_job(write("in.jsonl", rows))
    report = run_batch(job, LexicalReranker())

    assert (report.rejected, report.kept) == (2, 10)
    assert next(row for row in written(job.output) if row["id"] == 5)["rank"] == []


def test_strict_ends_at_the_first_reject(write: WriteRows) -> None:
    rows = some_rows()
    rows[30]["text"] = None
    job = a_job(write("in.jsonl", rows), strict=True)

    with pytest.raises(InvalidRequestError, match="row 31 cannot be ranked: the text is null"):
        run_batch(job, LexicalReranker())
    assert len(list(job.output.glob("part-*"))) == 2


def test_columns_on_request_come_after_rank_and_score(write: WriteRows) -> None:
    job = a_job(write("in.jsonl", some_rows(1)), columns=Columns(logit="logit", truncated="cut"))
    run_batch(job, resolve(DEFAULT_MODEL))
    first = written(job.output)[0]

    assert [*first][-4:] == ["rank", "score", "logit", "cut"]
    assert 1 / (1 + math.exp(-first["logit"])) == pytest.approx(first["score"], abs=1e-6)
    assert first["cut"] is False


def test_a_column_that_the_model_has_nothing_for_ends_the_job_before_a_part(write: WriteRows) -> None:
    job = a_job(write("in.jsonl", some_rows()), columns=Columns(logit="logit"))

    with pytest.raises(InvalidRequestError, match="gave none to the first 15 candidates"):
        run_batch(job, LexicalReranker())
    assert not list(job.output.glob("part-*"))


def test_a_lone_surrogate_survives(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"query": "q", "text": "a \\ud800 b", "note": "é"}\n', "utf-8")
    job = a_job(tmp_path / "in.jsonl")
    run_batch(job, LexicalReranker())

    assert written(job.output)[0]["text"] == "a \ud800 b"


class Killed(BaseException):
    """The process ends here: nothing after it runs."""


def dying_at(step: int) -> Callable[..., None]:
    """Return an `os.replace` that ends the process before or after it renames: even steps before, odd ones after."""
    real, left = os.replace, [step]

    def rename(source: Path, target: Path) -> None:
        if left[0] == 0:
            raise Killed
        real(source, target)
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        left[0] -= 1

    return rename


@pytest.mark.parametrize("name", ["in.jsonl", "in.parquet"])
def test_a_job_that_dies_at_any_step_goes_on_and_leaves_the_same_bytes(
    name: str, write: WriteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = some_rows()
    rows[7]["text"] = rows[21]["text"] = None
    undisturbed = a_job(write(name, rows))
    run_batch(undisturbed, LexicalReranker())
    expected = contents(undisturbed.output)
    deaths = 0
    for step in range(30):
        job = replace(undisturbed, output=undisturbed.output.parent / f"out-{step}")
        with monkeypatch.context() as patch:
            patch.setattr(manifest_module.os, "replace", dying_at(step))
            try:
                run_batch(job, LexicalReranker())
            except Killed:
                deaths += 1
        report = run_batch(job, LexicalReranker())

        assert report.complete
        assert contents(job.output) == expected, f"dying at step {step}"

    assert deaths >= 20


def test_a_job_that_dies_again_and_again_ends(write: WriteRows, monkeypatch: pytest.MonkeyPatch) -> None:
    job = a_job(write("in.jsonl", some_rows()))
    monkeypatch.setattr(manifest_module.os, "replace", dying_at(4))
    runs = 1
    while True:
        try:
            report = run_batch(job, LexicalReranker())
            break
        except Killed:
            runs += 1
            monkeypatch.undo()
            monkeypatch.setattr(manifest_module.os, "replace", dying_at(3))

    assert (report.complete, report.rows) == (True, 60)
    assert runs > 2


@pytest.mark.parametrize("change", [{}, {"top_k": 2}])
def test_two_jobs_never_write_to_a_folder_at_once(change: dict[str, Any], write: WriteRows) -> None:
    job = a_job(write("in.jsonl", some_rows()))
    undisturbed = replace(job, output=job.output.parent / "undisturbed")
    run_batch(undisturbed, LexicalReranker())
    refused: list[str] = []

    def meanwhile() -> bool:
        for another in (lambda: run_batch(replace(job, **change), LexicalReranker()), lambda: forget(job)):
            with pytest.raises(InvalidRequestError) as caught:
                another()
            refused.append(str(caught.value))
        return False

    report = run_batch(job, LexicalReranker(), should_stop=meanwhile)

    assert {*refused} == {
        f"Another process is writing to {job.output}. Wait for its end, or name another folder."
    }
    assert report.complete
    assert contents(job.output) == contents(undisturbed.output)
    assert run_batch(job, LexicalReranker()).resumed == 60


def test_what_a_lost_process_held_the_folder_by_keeps_nobody_away(write: WriteRows) -> None:
    job = a_job(write("in.jsonl", some_rows()))
    job.output.mkdir()
    (job.output / ".held").touch()

    assert run_batch(job, LexicalReranker()).complete
    assert not (job.output / ".held").exists()


@pytest.mark.parametrize("step", range(8))
def test_a_full_disk_is_one_error_at_whatever_step_and_the_job_goes_on(
    step: int, write: WriteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = a_job(write("in.jsonl", some_rows()))
    real, left = os.replace, iter(range(step))

    def full(source: Path, target: Path) -> None:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(manifest_module.os, "replace", full)
        with pytest.raises(InvalidRequestError, match=r"out cannot be (used|written): No space left"):
            run_batch(job, LexicalReranker())

    assert run_batch(job, LexicalReranker()).complete


SLOW = """
import sys, time
from pathlib import Path
from localrank.batches import BatchJob, run_batch
from localrank.testing import LexicalReranker
class Slow(LexicalReranker):
    async def do_rerank(self, options):
        time.sleep(0.02)
        return await super().do_rerank(options)
run_batch(BatchJob(Path(sys.argv[1]), Path(sys.argv[2]), part_documents=12), Slow())
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_a_process_that_is_killed_goes_on_with_the_same_bytes(write: WriteRows) -> None:
    source = write("in.jsonl", some_rows(queries=60))
    undisturbed = a_job(source)
    run_batch(undisturbed, LexicalReranker())
    output = source.parent / "killed"
    process = subprocess.Popen([sys.executable, "-c", SLOW, source, output])
    try:
        end = time.monotonic() + 60
        while not (output / "part-00001.jsonl").exists() and time.monotonic() < end:
            time.sleep(0.005)
    finally:
        process.kill()
        process.wait()
    done_before = len(list(output.glob("part-*")))
    report = run_batch(replace(undisturbed, output=output), LexicalReranker())

    assert 2 <= done_before < report.parts
    assert report.resumed > 0
    assert contents(output) == contents(undisturbed.output)


def test_nothing_is_ranked_twice(write: WriteRows) -> None:
    job = a_job(write("in.jsonl", some_rows()))
    stopped = run_batch(job, LexicalReranker(), should_stop=lambda: True)
    seen: list[BatchProgress] = []
    rest = run_batch(job, LexicalReranker(), on_progress=seen.append)

    assert (stopped.complete, stopped.rows) == (False, 15)
    assert (rest.complete, rest.resumed, rest.rows) == (True, 15, 60)
    assert seen[-1].documents == 45
    assert run_batch(job, LexicalReranker()).resumed == 60


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"top_k": 3}, "top_k was not given and is 3"),
        ({"instruction": "i"}, "instruction was not given and is 'i'"),
        ({"part_documents": 13}, "part_documents was 12 and is 13"),
        ({"columns": Columns(rank="place")}, r"job: columns\.rank was 'rank' and is 'place'\."),
    ],
)
def test_another_job_in_the_folder_is_refused_with_what_differs(
    change: dict[str, Any], named: str, write: WriteRows
) -> None:
    job = a_job(write("in.jsonl", some_rows()))
    run_batch(job, LexicalReranker())

    with pytest.raises(InvalidRequestError, match=named):
        run_batch(replace(job, **change), LexicalReranker())


def test_another_model_or_another_input_is_refused(write: WriteRows) -> None:
    job = a_job(write("in.jsonl", some_rows()))
    run_batch(job, LexicalReranker())
    with pytest.raises(InvalidRequestError, match="model was"):
        run_batch(job, MockReranker())
    write("in.jsonl", some_rows(queries=13))
    with pytest.raises(InvalidRequestError, match="input was"):
        run_batch(job, LexicalReranker())


@pytest.mark.parametrize("name", ["in.jsonl", "in.parquet"])
def test_an_input_that_was_changed_in_its_middle_is_refused(name: str, write: WriteRows) -> None:
    rows = [{**row, "text": f"{row['text']} {'x' * 200_000}"} for row in some_rows(queries=4)]
    job = a_job(write(name, rows))
    run_batch(job, LexicalReranker(), should_stop=lambda: True)
    rows[12]["text"] = rows[12]["text"].replace("query", "quest")
    write(name, rows)

    with pytest.raises(InvalidRequestError, match="input was "):
        run_batch(job, LexicalReranker())


def test_an_input_that_only_has_a_new_date_is_the_same(write: WriteRows) -> None:
    job = a_job(write("in.jsonl", some_rows()))
    run_batch(job, LexicalReranker(), should_stop=lambda: True)
    os.utime(job.input, (1, 1))

    assert run_batch(job, LexicalReranker()).complete


@pytest.mark.parametrize("change", ["text", "gone"])
def test_an_input_that_changes_while_it_is_ranked_ends_the_job(change: str, write: WriteRows) -> None:
    job = a_job(write("in.jsonl", some_rows()))

    class Changing(LexicalReranker):
        async def do_rerank(self, options: Any) -> Any:
            if change == "gone":
                job.input.unlink(missing_ok=True)
            else:
                write("in.jsonl", some_rows(queries=13))
            return await super().do_rerank(options)

    with pytest.raises(InvalidRequestError, match=r"in\.jsonl was changed while it was read"):
        run_batch(job, Changing())
    assert not list(job.output.glob("part-*"))


def test_progress_says_how_far_the_part_at_hand_is(write: WriteRows) -> None:
    job = a_job(write("in.jsonl", some_rows(queries=1_300, documents=4)), part_documents=10_000)
    seen: list[BatchProgress] = []
    run_batch(job, LexicalReranker(), on_progress=seen.append)

    assert [(one.rows, one.documents, one.total) for one in seen if one.stage == "ranking"] == [
        (2_000, 2_000, 5_200),
        (4_000, 4_000, 5_200),
        (5_200, 5_200, 5_200),
        (5_200, 5_200, 5_200),
    ]


def test_reading_a_long_input_is_told(write: WriteRows) -> None:
    lines = [{"query": "q", "text": ["t"]}] * 25_000
    job = a_job(write("in.jsonl", lines), part_documents=30_000)
    seen: list[BatchProgress] = []
    run_batch(job, LexicalReranker(), on_progress=seen.append)

    assert [one.rows for one in seen if one.stage == "reading"] == [10_000, 20_000]


@pytest.mark.parametrize("change", ["cut short", "of the same size", "deleted"])
def test_a_part_that_was_changed_is_noticed(change: str, write: WriteRows) -> None:
    job = a_job(write("in.jsonl", some_rows()))
    run_batch(job, LexicalReranker())
    part = job.output / "part-00001.jsonl"
    content = part.read_bytes()
    part.unlink()
    if change != "deleted":
        part.write_bytes(content[1:] if change == "cut short" else content[:-2] + b" \n")

    with pytest.raises(InvalidRequestError, match=r"part-00001\.jsonl is not as it was written"):
        run_batch(job, LexicalReranker())


def test_a_folder_in_which_no_part_is_done_takes_another_job(write: WriteRows) -> None:
    rows = some_rows()
    job = a_job(write("in.jsonl", [*rows, rows[0]]))
    with pytest.raises(InvalidRequestError, match="comes again in row 61"):
        run_batch(job, LexicalReranker())
    (job.output / "_rejects-00000.jsonl").write_text("of a part that was lost")
    (job.output / "part-00000.jsonl").write_text("of a part that was lost")
    write("in.jsonl", rows)

    assert run_batch(job, LexicalReranker()).complete
    assert not list(job.output.glob("_rejects-*"))
    assert written(job.output)[0]["id"] == "0-0"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"format": 1}', b'{"format": 2, "job": 3, "parts": []}']
)
def test_a_manifest_that_is_none_is_refused(content: bytes, write: WriteRows) -> None:
    job = a_job(write("in.jsonl", some_rows()))
    run_batch(job, LexicalReranker())
    (job.output / "_manifest.json").write_bytes(content)

    with pytest.raises(InvalidRequestError, match="no manifest of this version"):
        run_batch(job, LexicalReranker())


def test_a_folder_of_something_else_is_left_alone(write: WriteRows) -> None:
    job = a_job(write("in.jsonl", some_rows()))
    job.output.mkdir()
    (job.output / "part-00000.jsonl").write_text("mine")

    with pytest.raises(InvalidRequestError, match="is not empty and holds no job"):
        run_batch(job, LexicalReranker())
    forget(job)
    assert (job.output / "part-00000.jsonl").read_text() == "mine"


def test_a_job_is_forgotten_and_nothing_else(write: WriteRows) -> None:
    job = a_job(write("in.jsonl", some_rows()))
    run_batch(job, LexicalReranker())
    (job.output / "notes.txt").write_text("mine")
    forget(job)

    assert [path.name for path in job.output.iterdir()] == ["notes.txt"]


@KINDS
@pytest.mark.parametrize("part_documents", [5, 100])
def test_rows_of_a_query_that_stand_apart_are_refused_before_anything_is_ranked(
    part_documents: int, name: str, write: WriteRows
) -> None:
    rows = some_rows(queries=3)
    job = a_job(write(name, [*rows, *rows[:2]]), part_documents=part_documents)
    model = MockReranker()

    with pytest.raises(
        InvalidRequestError, match="rows of one query stand apart: 'query 0' comes again in row 16"
    ):
        run_batch(job, model)
    assert model.calls == []


def test_queries_of_one_text_are_told_apart_by_a_group(write: WriteRows) -> None:
    rows = [{**row, "query": "query", "qid": row["query"]} for row in some_rows(queries=3)]
    job = a_job(write("in.jsonl", rows), columns=Columns(group="qid"))
    run_batch(job, LexicalReranker())

    assert [row["rank"] for row in written(job.output)].count(1) == 3


@pytest.mark.parametrize(
    ("name", "columns", "named"),
    [
        ("in.jsonl", Columns(query="question"), "no column 'question'; it has 'id', 'query', 'text'"),
        ("in.parquet", Columns(text="passage"), "no column 'passage'"),
        ("in.parquet", Columns(rank="id"), "a column 'id' already"),
        ("in.jsonl", Columns(score="rank"), "both to be 'rank'"),
        ("in.parquet", Columns(text="number"), "'number' is of type int64, which is no text"),
    ],
)
def test_columns_that_do_not_fit_are_named(name: str, columns: Columns, named: str, write: WriteRows) -> None:
    rows = some_rows() if columns.text != "number" else [{**row, "number": 1} for row in some_rows()]
    with pytest.raises(InvalidRequestError, match=named):
        run_batch(a_job(write(name, rows), columns=columns), LexicalReranker())


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        ("in.xlsx", b"", "of no kind that a job reads"),
        (
            "in.csv",
            b"",
            r"of no kind .* pandas\.read_csv\('in\.csv'\)\.to_parquet\('in\.parquet'\) makes one\.",
        ),
        ("in.parquet", b"nothing of the kind", "cannot be read as Parquet"),
        ("in.jsonl.gz", b"no gzip", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_error(
    name: str, content: bytes, named: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidRequestError, match=named):
        run_batch(a_job(tmp_path / name), LexicalReranker())


def test_an_empty_file_is_a_whole_job(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(b"")
    report = run_batch(a_job(tmp_path / "in.jsonl"), LexicalReranker())

    assert (report.complete, report.rows, report.parts) == (True, 0, 0)
