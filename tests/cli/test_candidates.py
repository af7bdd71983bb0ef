"""The first stage of a long list, over sources that are read twice."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from localrank.cli import candidates
from localrank.cli.candidates import best_by_words, every_document
from localrank.cli.contents import Decoding
from localrank.cli.output import InputError
from localrank.cli.reading import Reading
from localrank.cli.terminal import ProgressBar
from localrank.evaluation import bm25_stream
from localrank.evaluation.bm25_stream import BestByWords
from tests.support.shell import LEXICAL, in_terminal, localrank, plain

TEXTS = ["the train left", "a late parcel", "soup", "the parcel is late, late"]
ROWS = [{"id": number, "text": text} for number, text in enumerate(TEXTS)]


def parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "\n".join(TEXTS).encode()),
        ("a.txt.gz", gzip.compress("\n".join(TEXTS).encode())),
        ("a.txt", "\n".join(TEXTS).encode("utf-16")),
        ("a.jsonl", "\n".join(map(json.dumps, ROWS)).encode()),
        ("a.json", json.dumps(ROWS).encode()),
        ("a.csv", b"id,text\n" + b"".join(f'{row["id"]},"{row["text"]}"\n'.encode() for row in ROWS)),
        ("a.parquet", parquet()),
        ("a.parquet.gz", gzip.compress(parquet())),
    ],
)
@pytest.mark.parametrize("piped", [False, True])
def test_the_best_are_found_in_every_format_by_name_and_from_a_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, piped: bool
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    kind = {"csv": "csv", "json": "json"}.get(name.partition(".")[2]) if piped else None

    documents, places = best_by_words(
        "late parcel",
        () if piped else (str(path),),
        Reading(format=kind),  # type: ignore[arg-type]
        2,
    )

    assert [document.text for document in documents] == [TEXTS[3], TEXTS[1]]
    assert places == (3, 1)


def test_a_heading_counts_and_files_follow_one_another(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Parcels\n\nThey come on Monday.\n\n# Soup\n\nTomato.", "utf-8")
    (tmp_path / "b.md").write_text("A parcel was late.", "utf-8")

    documents, places = best_by_words("parcels", (str(tmp_path),), Reading(paragraphs=True), 1)

    assert [document.text for document in documents] == ["They come on Monday."]
    assert places == (0,)


def test_what_is_wrong_with_a_source_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_bytes(b"late\xff\n\nparcel\n")
    (tmp_path / "b.txt").write_bytes(b"a\x00b")

    best_by_words("late", (str(tmp_path),), Reading(paragraphs=True, decoding=Decoding()), 1)

    said = capsys.readouterr().err
    assert said.count("is not UTF-8") == 1
    assert said.count("skipped") == 1


def test_a_query_that_shares_no_word_is_told_what_was_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("电影很好看\n火车晚点了\n", "utf-8")

    documents, _ = best_by_words("火车", (str(path),), Reading(), 1)

    assert [document.text for document in documents] == ["电影很好看"]
    said = capsys.readouterr().err
    assert "no document holds a word of the query, so the first 1 of 2 are ranked" in said


def test_a_file_that_became_shorter_meanwhile_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("late\nparcel\n", "utf-8")
    monkeypatch.setattr(bm25_stream, "best_by_bm25", lambda *_: BestByWords([5], holding=1, texts=6))

    with pytest.raises(InputError, match=r"a\.txt: shorter than a moment ago"):
        best_by_words("late", (str(path),), Reading(), 1)


def rewrite(path: Path) -> None:
    stat = path.stat()
    path.write_text("later\nparcel\n", "utf-8")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))


def replace(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_text("more\nthan\nbefore\n", "utf-8")
    other.replace(path)


def put_before(path: Path) -> None:
    path.with_name("A.txt").write_text("another\n", "utf-8")


@pytest.mark.parametrize(
    ("change", "paragraphs"),
    [(rewrite, False), (rewrite, True), (replace, False), (replace, True), (put_before, True)],
)
def test_a_file_that_is_another_when_it_is_read_again_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], paragraphs: bool
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("later\nletter\n", "utf-8")
    best = bm25_stream.best_by_bm25

    def changed_meanwhile(*given: Any) -> BestByWords:
        found = best(*given)
        change(path)
        return found

    monkeypatch.setattr(bm25_stream, "best_by_bm25", changed_meanwhile)

    with pytest.raises(InputError, match="changed while it was read"):
        best_by_words("later", (str(tmp_path if paragraphs else path),), Reading(paragraphs=paragraphs), 1)


def test_a_file_that_grows_meanwhile_is_the_same_up_to_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("late\nparcel\n", "utf-8")
    best = bm25_stream.best_by_bm25

    def grown_meanwhile(*given: Any) -> BestByWords:
        found = best(*given)
        with path.open("a", encoding="utf-8") as file:
            file.write("parcel parcel\n")
        return found

    monkeypatch.setattr(bm25_stream, "best_by_bm25", grown_meanwhile)

    documents, _ = best_by_words("parcel", (str(path),), Reading(), 1)
    assert [document.text for document in documents] == ["parcel"]


def test_the_first_stage_needs_no_extra(tmp_path: Path) -> None:
    (tmp_path / "bm25s.py").write_text("raise ImportError")
    lines = "".join(f"{text}\n" for text in TEXTS).encode()

    done = localrank(
        *("rerank", "late", "--first-stage", "bm25", "--candidates", "1", *LEXICAL),
        stdin=lines,
        PYTHONPATH=f"{tmp_path}:{Path.cwd()}",
    )

    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)["index"] == 3


def test_a_person_sees_from_the_first_second_how_far_the_reading_is(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("the parcel was late again today\n" * 150_000, "utf-8")

    _, shown = in_terminal(
        [
            *(sys.executable, "-m", "localrank", "rerank", "late parcel", str(path)),
            *("--first-stage", "bm25", "--candidates", "2", *LEXICAL),
        ],
        columns=100,
    )

    assert "Comparing words" in plain(shown)
    assert "/4.8 MB" in plain(shown)


def test_reading_alone_has_a_bar_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    path.write_text("late\nparcel\n", "utf-8")
    bars: list[tuple[str, int | None, int]] = []

    @contextmanager
    def watched(label: str, total: int | None, *, in_bytes: bool) -> Iterator[ProgressBar]:
        bar = ProgressBar(label, total, in_bytes=in_bytes)
        yield bar
        bars.append((label, total, bar.done))

    monkeypatch.setattr(candidates, "progress_bar", watched)

    assert [one.text for one in every_document((str(path),), Reading())] == ["late", "parcel"]
    assert bars == [("Reading", 12, 12)]


def test_standard_input_that_stands_twice_is_refused() -> None:
    done = localrank("rerank", "late", "-", "-", *LEXICAL, stdin=b"late\n")

    assert done.code == 2
    assert "- stands twice, and standard input can be read only once" in done.err
