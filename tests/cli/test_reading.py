from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from localrank.cli.output import InputError
from localrank.cli.reading import InputDocument, read_documents


def read(*sources: Path | str, paragraphs: bool = False, text_key: str | None = None) -> list[InputDocument]:
    return read_documents([str(one) for one in sources], paragraphs=paragraphs, text_key=text_key)


def written(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(*sources: Path | str, paragraphs: bool = False, text_key: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read(*sources, paragraphs=paragraphs, text_key=text_key)
    assert caught.value.exit_code == 3
    return caught.value.format_message()


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
        ('{"body": "x"}', "no key 'text' or 'page_content' or 'content'; the object has 'body'"),
        ('{"text": 5}', "the value of 'text' is a number, not a string"),
        ('{"text": NaN}', "NaN is not a JSON value"),
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
    written(tmp_path, "bad.txt", b"\xff\xfe\xfd\x00\xff")
    written(tmp_path, "good.txt", "fine")

    assert [one.text for one in read(tmp_path, paragraphs=True)] == ["fine"]
    assert "skipped" in capsys.readouterr().err


def test_a_folder_needs_paragraphs(tmp_path: Path) -> None:
    assert (
        refusal(tmp_path)
        == f"{tmp_path} is a folder. Add --paragraphs to rank the paragraphs of its text files."
    )


def test_a_folder_without_text_files_says_so(tmp_path: Path) -> None:
    assert "holds no .markdown, .md, .rst, .txt files" in refusal(tmp_path, paragraphs=True)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.txt") == f"{tmp_path / 'none.txt'}: No such file or directory."


def test_undecodable_bytes_are_placed(tmp_path: Path) -> None:
    path = written(tmp_path, "a.txt", b"fine\nna\xefve\n")

    assert refusal(path) == (
        f"{path}:2: not UTF-8 text (byte 0xef). Convert it first, for example with iconv."
    )


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "a.txt", b"fine\na\x00b\n")

    assert refusal(path) == f"{path}:2: a zero byte; this is no text file."


@pytest.mark.parametrize("content", ["", "\n\n   \n"])
def test_no_documents_is_an_error(tmp_path: Path, content: str) -> None:
    path = written(tmp_path, "a.txt", content)

    assert refusal(path) == f"There are no documents in {path}: nothing but blank lines."
