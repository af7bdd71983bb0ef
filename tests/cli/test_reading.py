from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import re
import sys
import tarfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from localrank.cli.contents import Decoding, Errors
from localrank.cli.output import InputError
from localrank.cli.reading import InputDocument, Reading, read_documents
from localrank.contract.errors import MissingDependencyError


def read(*sources: Path | str, **how: Any) -> list[InputDocument]:
    return list(read_documents([str(one) for one in sources], Reading(**how)))


def written(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(*sources: Path | str, **how: Any) -> str:
    with pytest.raises(InputError) as caught:
        read(*sources, **how)
    assert caught.value.exit_code == 3
    return caught.value.format_message()


def tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("one.txt"))
    return file.getvalue()


def test_a_line_is_a_document_and_blank_lines_are_skipped(tmp_path: Path) -> None:
    path = written(tmp_path, "a.txt", "one\n\n  \n two \n")

    assert read(path) == [InputDocument("one", 1, str(path)), InputDocument("two", 4, str(path))]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfGr\xc3\xbc\xc3\x9fe\r\nzwei\r\n",
        "Grüße\nzwei".encode("utf-16"),
        "\ufeffGrüße\r\nzwei\r\n".encode("utf-16-be"),
    ],
)
def test_byte_order_marks_and_windows_line_ends_are_understood(tmp_path: Path, content: bytes) -> None:
    assert [(one.text, one.line) for one in read(written(tmp_path, "a.txt", content))] == [
        ("Grüße", 1),
        ("zwei", 2),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("end", ["", "\r"])
def test_carriage_returns_end_lines_in_a_file_that_has_no_line_feed(
    tmp_path: Path, encoding: str, end: str
) -> None:
    path = written(tmp_path, "a.txt", f"Grüße\r\rzwei\rdrei{end}".encode(encoding))
    found = read(path, decoding=Decoding("latin-1" if encoding == "latin-1" else "utf-8"))
    assert [(one.line, one.text) for one in found] == [(1, "Grüße"), (3, "zwei"), (4, "drei")]


def test_rows_of_a_table_saved_for_the_macintosh_are_rows(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "id,text\r1,one\r2,two\r")
    assert [(one.line, one.text) for one in read(path)] == [(2, "one"), (3, "two")]


def test_a_carriage_return_within_a_line_parts_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, "a.txt", "10 %\r20 %\r30 %\ndone\n")
    assert [one.text for one in read(path)] == ["10 %\r20 %\r30 %", "done"]


def test_a_unicode_line_separator_parts_nothing(tmp_path: Path) -> None:
    assert len(read(written(tmp_path, "a.txt", "one\u2028still one\x0cstill one\n"))) == 1


def test_standard_input_is_read_without_files_and_for_a_dash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, "a.txt", "file")
    for sources in ((), ("-",)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"piped\n")))
        assert read(*sources) == [InputDocument("piped", 1)]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"piped\n")))
    assert [one.text for one in read(path, "-")] == ["file", "piped"]


def test_json_lines_carry_the_whole_object(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", '{"id": 7, "text": "one"}\n\n{"page_content": "two", "n": null}\n')

    assert read(path) == [
        InputDocument("one", 1, str(path), record={"id": 7, "text": "one"}),
        InputDocument("two", 3, str(path), record={"page_content": "two", "n": None}),
    ]


def test_a_text_key_makes_any_file_json_lines(tmp_path: Path) -> None:
    path = written(tmp_path, "a.txt", '{"title": "Soup", "text": "no"}')

    assert read(path, text_key="title")[0].text == "Soup"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{not json}", "no valid JSON"),
        ("[1, 2]", "a list, not a JSON object"),
        ("3", "a number, not a JSON object"),
        (
            '{"body": "x"}',
            "no 'text' or 'page_content' or 'content'; it has 'body'. Name where the text is with --text-key",
        ),
        ('{"text": 5}', "the value of 'text' is a number, not a string"),
        ('{"text": NaN}', "NaN is not a JSON value"),
        ('{"text": "a", "n": -1e999}', "-1e999 is too large a number"),
        ("[" * 100_000, "no valid JSON"),
    ],
)
def test_a_bad_json_line_is_named_with_file_and_line(tmp_path: Path, line: str, complaint: str) -> None:
    path = written(tmp_path, "a.jsonl", '{"text": "fine"}\n' + line)

    assert refusal(path).startswith(f"{path}:2: ")
    assert complaint in refusal(path)


def test_a_folder_is_walked_for_text_files_in_order(tmp_path: Path) -> None:
    written(tmp_path, "b.md", "# B\n\nbee")
    written(tmp_path, "a/deep.rst", "Deep\n====\n\ndeep text")
    written(tmp_path, "c.TXT", "plain")
    written(tmp_path, "skipped.py", "code")
    written(tmp_path, ".hidden/x.md", "hidden")

    assert [(one.text, one.heading) for one in read(tmp_path, paragraphs=True)] == [
        ("deep text", "Deep"),
        ("bee", "B"),
        ("plain", ""),
    ]


def test_a_heading_is_part_of_what_is_scored_but_not_of_the_text(tmp_path: Path) -> None:
    document = read(written(tmp_path, "a.md", "# Prices\n\nWe raise them."), paragraphs=True)[0]

    assert document.scored_text == "Prices\nWe raise them."
    assert document.text == "We raise them."


def test_a_file_of_a_folder_that_is_no_text_is_skipped_with_a_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path, "bad.txt", b"a\x00b")
    written(tmp_path, "good.txt", "fine")

    assert [one.text for one in read(tmp_path, paragraphs=True)] == ["fine"]
    assert "skipped" in capsys.readouterr().err


def test_files_of_a_folder_that_are_of_no_kind_that_is_read_are_counted_with_their_kinds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.md", "b.org", "c.ORG", "d.png", "LICENSE", ".hidden"):
        written(tmp_path, name, "text")

    read(tmp_path, paragraphs=True)

    assert capsys.readouterr().err == (
        f"localrank: {tmp_path}: 4 files of other kinds were not read (.org, .png, LICENSE); "
        "those that hold text can be named one by one.\n"
    )
    read(tmp_path / "a.md", paragraphs=True)
    assert capsys.readouterr().err == ""


def test_a_folder_needs_paragraphs(tmp_path: Path) -> None:
    assert (
        refusal(tmp_path)
        == f"{tmp_path} is a folder. Add --paragraphs to rank the paragraphs of its text files."
    )


def test_a_folder_without_text_files_says_so(tmp_path: Path) -> None:
    written(tmp_path, "a.org", "text")

    assert refusal(tmp_path, paragraphs=True) == (
        f"{tmp_path} holds no .markdown, .md, .rst, .txt files, and 1 of other kinds (.org). "
        "Those that hold text can be named one by one."
    )


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.txt") == f"{tmp_path / 'none.txt'}: No such file or directory."


WRONG = b"fine\nna\xefve\nwell\n"


def test_a_byte_that_is_no_utf_8_is_replaced_with_a_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, "a.txt", WRONG)

    assert [one.text for one in read(path)] == ["fine", "na\ufffdve", "well"]
    assert f"{path}: line 2 is not UTF-8 and is read with" in capsys.readouterr().err


def test_a_line_that_is_no_utf_8_may_be_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, "a.txt", WRONG + WRONG)

    found = read(path, decoding=Decoding(errors="skip"))

    assert [(one.text, one.line) for one in found] == [("fine", 1), ("well", 3), ("fine", 4), ("well", 6)]
    assert "2 lines, the first 2, are not UTF-8 and are left out" in capsys.readouterr().err


def test_strictly_a_byte_that_is_no_utf_8_is_placed(tmp_path: Path) -> None:
    path = written(tmp_path, "a.txt", WRONG)

    said = refusal(path, decoding=Decoding(errors="strict"))

    assert said.startswith(f"{path}:2: not UTF-8 text (byte 0xef). Name the encoding")


def test_a_named_encoding_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, "a.txt", WRONG)

    assert read(path, decoding=Decoding("latin-1"))[1].text == "naïve"


def test_a_zero_byte_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "a.txt", b"fine\na\x00b\n")

    assert refusal(path).startswith(f"{path}:2: a zero byte; this is no text file")


@pytest.mark.parametrize(
    ("beginning", "said"),
    [
        (b"%PDF-1.7\n\xff", "is a PDF, which is no text. Get its text first, for example with pdftotext"),
        (b"PK\x03\x04\x14", "is a ZIP archive, as Word"),
        (b"\x89PNG\r\n", "is an image"),
        (b"\x28\xb5\x2f\xfd", "is packed with zstd"),
        (b"\x1f\x8b\x08 damaged", "is packed and damaged"),
    ],
)
def test_what_is_known_to_be_no_text_is_named(tmp_path: Path, beginning: bytes, said: str) -> None:
    assert said in refusal(written(tmp_path, "a.txt", beginning))


def test_a_device_without_an_end_is_not_read() -> None:
    assert "/dev/zero is a device, which may have no end" in refusal("/dev/zero")


ROWS = [{"id": "1", "text": "a ferry"}, {"id": "2", "text": "a train, late\nand cold"}]
CSV = 'id,text\n1,a ferry\n2,"a train, late\nand cold"\n'
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)


def parquet(rows: list[dict[str, Any]]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", CSV),
        ("a.csv", CSV.replace("id,", "id;").replace("1,", "1;").replace("2,", "2;")),
        ("a.tsv", 'id\ttext\r\n1\ta ferry\r\n2\t"a train, late\nand cold"\r\n'),
        ("a.json", json.dumps(ROWS, indent=1)),
        ("a.json", json.dumps({"count": 2, "documents": ROWS})),
        ("a.json", LINES),
        ("a.ndjson", LINES),
        ("a", LINES),
        ("a.jsonl.gz", gzip.compress(LINES.encode(), mtime=0)),
        ("a.csv.xz", lzma.compress(CSV.encode())),
        ("packed.csv.bz2", bz2.compress(CSV.encode())),
        ("a.parquet", parquet(ROWS)),
        ("without_suffix", parquet(ROWS)),
    ],
)
def test_rows_and_objects_are_documents_with_all_they_hold(
    tmp_path: Path, name: str, content: bytes | str
) -> None:
    found = read(written(tmp_path, name, content))

    assert [one.text for one in found] == ["a ferry", "a train, late\nand cold"]
    assert [one.record for one in found] == ROWS


def test_the_line_of_a_row_is_the_one_it_begins_in(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", 'text\n"a\nb"\n\nc\n')

    assert [(one.text, one.line) for one in read(path)] == [("a\nb", 2), ("c", 5)]


def test_a_table_of_one_column_needs_no_name_for_it(tmp_path: Path) -> None:
    assert read(written(tmp_path, "a.csv", "anything\nfirst\nsecond\n"))[1].text == "second"


def test_strings_of_an_array_are_documents(tmp_path: Path) -> None:
    assert read(written(tmp_path, "a.json", '["one", "two"]')) == [
        InputDocument("one", 1, str(tmp_path / "a.json")),
        InputDocument("two", 2, str(tmp_path / "a.json")),
    ]


def test_a_format_is_what_it_is_said_to_be(tmp_path: Path) -> None:
    lines = written(tmp_path, "a.csv", "one, two\n")

    assert read(lines, format="lines")[0].text == "one, two"
    assert read(written(tmp_path, "a.log", CSV), format="csv")[0].text == "a ferry"


def test_a_path_leads_to_the_text(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", '{"payload": {"text": "a ferry"}}')

    assert read(path, text_key="payload.text")[0].text == "a ferry"


def test_values_of_parquet_become_those_of_json(tmp_path: Path) -> None:
    row = {
        "text": "a",
        "day": date(2026, 1, 2),
        "raw": b"x",
        "n": float("nan"),
        "tags": ["t"],
        "p": Decimal("1.50"),
    }
    found = read(written(tmp_path, "a.parquet", parquet([row])))

    assert found[0].record == {
        "text": "a",
        "day": "2026-01-02",
        "raw": "x",
        "n": None,
        "tags": ["t"],
        "p": "1.50",
    }


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "id,body\n1,x\n", ":2: no 'text' or .*it has 'id', 'body'. .* --text-column"),
        ("a.csv", "id,text\n1\n", ":2: 1 cells, and the first row names 2 columns"),
        ("a.csv", "text,text\n1,2\n", ":1: two columns are called 'text'"),
        ("a.csv", 'id,text\n1,"open\n', "no valid CSV: unexpected end of data"),
        ("a.json", "[1]", "item 1: a number, neither an object nor a string"),
        ("a.json", '"x"', "is a string, not an array"),
        ("a.json", '{"a": [1], "b": [2]}', "an object with 2 arrays"),
        ("a.json", "[{]", ":1: no valid JSON"),
        ("a.json", '[{"text": "a"},\n {"n": NaN}]', ":2: .*NaN is not a JSON value, at column 8"),
        ("a.json", '[{"text": "a", "n": 1e999}]', "1e999 is too large a number"),
        ("a.json", "[" * 100_000, "nested too deeply"),
        ("a.parquet", "text", "is no Parquet file"),
        ("a.parquet", b"PAR1 damaged", "no readable Parquet"),
        ("b.parquet", parquet([{"text": None}, {"text": "x"}]), ":1: the value of 'text' is a null"),
    ],
)
def test_a_table_that_cannot_be_read_says_where(
    tmp_path: Path, name: str, content: bytes | str, said: str
) -> None:
    assert re.search(said, refusal(written(tmp_path, name, content)))


def test_parquet_without_pyarrow_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(MissingDependencyError, match=r"localrank\[parquet\]"):
        read(written(tmp_path, "a.parquet", parquet(ROWS)))


@pytest.mark.parametrize("content", ["", "\n\n   \n"])
def test_no_documents_is_an_error(tmp_path: Path, content: str) -> None:
    path = written(tmp_path, "a.txt", content)

    assert refusal(path) == f"There are no documents in {path}: nothing but blank lines."


@pytest.mark.parametrize("order", ["le", "be"])
def test_a_byte_order_mark_of_utf_32_is_not_taken_for_one_of_utf_16(tmp_path: Path, order: str) -> None:
    path = written(tmp_path, "wide.txt", "\ufeffGrüße\nzwei".encode(f"utf-32-{order}"))

    assert [one.text for one in read(path)] == ["Grüße", "zwei"]


@pytest.mark.parametrize(
    ("errors", "texts"), [("skip", ["one", "three"]), ("replace", ["one", "\ufffdtwo", "three"])]
)
def test_a_wrong_line_costs_in_utf_16_what_it_costs_in_utf_8(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], errors: Errors, texts: list[str]
) -> None:
    alone = b"\x00\xd8"  # half of a pair
    content = "one\n".encode("utf-16") + alone + "two\nthree\n".encode("utf-16-le")
    path = written(tmp_path, "wide.txt", content)

    found = read(path, decoding=Decoding(errors=errors))

    assert [one.text for one in found] == texts
    assert found[-1].line == 3
    assert "line 2 is not utf-16" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (gzip.compress(gzip.compress(b"one\n")), "packed more than once"),
        (gzip.compress(bz2.compress(b"one\n")), "packed more than once"),
        (tar(), "a tar archive"),
        (gzip.compress(tar()), "a tar archive"),
    ],
    ids=["gzip in gzip", "bzip2 in gzip", "tar", "tar in gzip"],
)
def test_what_is_packed_in_another_way_is_told_as_what_it_is(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = written(tmp_path, "packed.gz", content)

    with pytest.raises(InputError, match=said):
        read(path)
