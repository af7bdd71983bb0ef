"""Rankings as CSV and Markdown."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

from tests.support.shell import LEXICAL, in_terminal, localrank

TICKETS = 'id,body\n7,"late, again"\n8,a broken | cup\n9,"a late\n""parcel"""\n'


def tickets(folder: Path) -> str:
    path = folder / "tickets.csv"
    path.write_text(TICKETS, "utf-8")
    return str(path)


def test_csv_has_the_columns_of_the_rows_beside_their_rank(tmp_path: Path) -> None:
    done = localrank(
        "rerank", "parcel", tickets(tmp_path), "--text-column", "body", "--output", "csv", *LEXICAL
    )

    assert (done.code, done.err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert list(rows[0]) == ["rank", "index", "score", "source", "line", "id", "body"]
    assert (rows[0]["rank"], rows[0]["id"], rows[0]["body"]) == ("1", "9", 'a late\n"parcel"')
    assert [row["rank"] for row in rows] == ["1", "2", "3"]


def test_a_column_that_the_ranking_has_too_keeps_its_own_name_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,score\nparcel,5\n", "utf-8")

    done = localrank("rerank", "parcel", str(path), "--output", "csv", *LEXICAL)

    (row,) = csv.DictReader(io.StringIO(done.out))
    assert row["document.score"] == "5"
    assert row["text"] == "parcel"


def test_a_column_called_like_one_that_makes_room_is_kept_too(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,score,document.score\nparcel,5,6\n", "utf-8")

    done = localrank("rerank", "parcel", str(path), "--output", "csv", *LEXICAL)

    (row,) = csv.DictReader(io.StringIO(done.out))
    assert (row["document.score"], row["document.document.score"]) == ("6", "5")


def test_markdown_is_one_table_whatever_the_texts_hold(tmp_path: Path) -> None:
    done = localrank(
        "rerank", "cup", tickets(tmp_path), "--text-column", "body", "--output", "markdown", *LEXICAL
    )

    head, rule, first, *rest = done.out.splitlines()
    assert head == "| rank | index | score | source | line | id | body |"
    assert rule == "|---|---|---|---|---|---|---|"
    assert first.endswith("| 8 | a broken \\| cup |")
    assert len(rest) == 2


def test_lines_have_their_text_as_a_column() -> None:
    done = localrank("rerank", "b", "--output", "csv", *LEXICAL, stdin=b"a\nb\n")

    assert done.out.splitlines()[0] == "rank,index,score,text,line"


def test_the_first_stage_keeps_what_shares_words_and_each_keeps_its_place() -> None:
    lines = "".join(f"filler number {number}\n" for number in range(50)) + "the parcel is late\n"
    done = localrank(
        "rerank",
        "late parcel",
        "--first-stage",
        "bm25",
        "--candidates",
        "3",
        "--output",
        "csv",
        *LEXICAL,
        stdin=lines.encode(),
    )

    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert len(rows) == 3
    assert (rows[0]["index"], rows[0]["line"], rows[0]["text"]) == ("50", "51", "the parcel is late")


def test_a_query_without_a_known_word_keeps_the_first_documents() -> None:
    done = localrank(
        "rerank", "zzz", "--first-stage", "bm25", "--candidates", "2", *LEXICAL, stdin=b"one\ntwo\nthree\n"
    )

    assert len(done.out.splitlines()) == 2


def test_a_person_with_a_long_list_gets_a_word_about_the_first_stage(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("line\n" * 5_000, "utf-8")

    code, shown = in_terminal(
        [sys.executable, "-m", "localrank", "rerank", "x", str(path), "-k", "1", *LEXICAL]
    )

    assert code == 0
    assert "5,000 documents; --first-stage bm25" in " ".join(shown.split())


def test_options_that_exclude_each_other_are_refused() -> None:
    assert "add --first-stage bm25" in localrank("rerank", "x", "--candidates", "2").err
    assert "exclude each other" in localrank("rerank", "x", "--json", "--output", "csv").err
    assert "exclude each other" in localrank("rerank", "x", "-p", "--format", "csv").err
    assert (
        "--text-key and --format lines exclude"
        in localrank("rerank", "x", "--text-key", "t", "--format", "lines").err
    )
    assert "'klingon' is no encoding of text" in localrank("rerank", "x", "--encoding", "klingon").err


def test_names_of_models_are_completed() -> None:
    done = localrank(
        _LOCALRANK_COMPLETE="bash_complete", COMP_WORDS="localrank rerank -m coh", COMP_CWORD="3"
    )

    assert "plain,cohere:" in done.out.splitlines()
