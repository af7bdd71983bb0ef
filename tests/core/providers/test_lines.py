from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from localrank.contract.errors import InvalidRequestError
from localrank.providers.lines import finite_json, json_object, json_objects, numbered_lines


def test_lines_are_numbered_as_an_editor_does_and_blank_ones_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\n\n \t\ntwo\x0cstill \xe2\x80\xa8 two")
    assert list(numbered_lines(path)) == [(1, "one"), (4, "two\x0cstill \u2028 two")]


def test_a_compressed_file_is_read_like_a_plain_one(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n\n{"a": 2}\n'))
    assert list(json_objects(path)) == [(1, {"a": 1}), (3, {"a": 2})]


@pytest.mark.parametrize("cut", [20, -4])
def test_a_damaged_compressed_file_is_named(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a": "the first line of several"}\n')[:cut])
    with pytest.raises(InvalidRequestError, match=r"a\.jsonl\.gz cannot be read: .+ended"):
        list(json_objects(path))


def test_what_is_not_compressed_at_all_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(b"plain")
    with pytest.raises(InvalidRequestError, match=r"a\.gz cannot be read: Not a gzipped file"):
        list(numbered_lines(path))


def test_a_line_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"fine\nna\xefve\n")
    lines = numbered_lines(path)
    assert next(lines) == (1, "fine")
    with pytest.raises(InvalidRequestError, match=r"a\.txt:2: no UTF-8 text"):
        next(lines)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match=r"none\.txt cannot be read: No such file or directory"):
        list(numbered_lines(tmp_path / "none.txt"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no valid JSON: Expecting property name enclosed in double quotes, at column 2"),
        ("[" * 100_000, "no valid JSON: too long a number, or nested too deeply"),
        ("9" * 5000, "no valid JSON: too long a number, or nested too deeply"),
        ("[1]", "a list, not a JSON object"),
        ("null", "a null, not a JSON object"),
    ],
)
def test_what_is_no_object_is_named_with_the_mend(text: str, said: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        json_object(text, "a.jsonl", 7, hint="Write objects.")
    assert caught.value.message.startswith(f"a.jsonl:7: {said}")
    assert caught.value.hint == "Write objects."


def test_nan_is_read_unless_only_what_json_has_is_wanted() -> None:
    assert json_object('{"a": NaN}', "a", 1).keys() == {"a"}
    with pytest.raises(InvalidRequestError, match="a:1: no valid JSON: NaN is not a JSON value, at column 7"):
        json_object('{"a": NaN}', "a", 1, finite=True)
    with pytest.raises(
        InvalidRequestError, match="a:1: no valid JSON: 1e999 is too large a number, at column 7"
    ):
        json_object('{"a": 1e999}', "a", 1, finite=True)
    assert json_object('{"a": 1e-999, "b": -1.5e3}', "a", 1, finite=True) == {"a": 0.0, "b": -1500.0}


@pytest.mark.parametrize("word", ["NaN", "-Infinity", "1e999"])
def test_what_is_no_number_of_json_is_found_where_it_stands_and_not_in_a_string(word: str) -> None:
    with pytest.raises(json.JSONDecodeError, match=word) as caught:
        finite_json(f'{{"{word}": "\\" {word}",\n "b": {word}}}')
    assert (caught.value.lineno, caught.value.colno) == (2, 7)


def test_finite_numbers_are_read_as_python_reads_them() -> None:
    assert finite_json('[1e3, "NaN", 10000000000000000000000, null]') == [1000.0, "NaN", 10**22, None]
