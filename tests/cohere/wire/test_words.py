"""The words of a server are found in whatever it sends, in time that grows with the text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localrank_cohere.wire.words import one_line, said, text_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"error": "Unexpected endpoint."}', "Unexpected endpoint"),
        ('{"error": {"message": "not loaded", "type": "invalid"}}', "not loaded"),
        ('{"detail": "quota exceeded"}', "quota exceeded"),
        ('{"Message": "no such resource"}', "no such resource"),
        ('{"code": 20012, "message": "Model does not exist.", "data": null}', "Model does not exist"),
        (
            '{"errors": [{"title": "Bad", "detail": "too long"}, {"detail": "too many"}]}',
            "too long; too many",
        ),
        ('{"errors": ["too long", "too many"]}', "too long; too many"),
        (
            '{"detail": [{"loc": ["body", "query"], "msg": "Field required", "input": "the request"}]}',
            "body.query: Field required",
        ),
        ("<html><head><title>502 Bad\nGateway</title></head>", "502 Bad Gateway"),
        ("<TITLE>İ Bad</TITLE>", "i̇ bad"),
        ("<p>Sign&nbsp;in</p><script>if (a < b) {}</script><!-- a > b --> here", "Sign in here"),
        ("404 page not found\n", "404 page not found"),
        ("upstream connect error", "upstream connect error"),
        ('{"error": "cut', None),
        ('{"message": {"a": 1}}', None),
        ("[]", None),
        ("  ", None),
        ("\x00\x01" * 50, None),
        ("[" * 100_000, None),
    ],
)
def test_what_a_server_says_is_found(text: str, words: str | None) -> None:
    assert said(text) == words


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        (b"\xef\xbb\xbf{}", "", "{}"),
        ("{} ы".encode("utf-16"), "", "{} ы"),
        ("{} ы".encode("utf-16-le"), "application/json", "{} ы"),
        ("{} ы".encode("utf-32"), "", "{} ы"),
        ("Модель".encode("cp1251"), "application/json; charset=windows-1251", "Модель"),
        ("日本".encode("shift_jis"), 'text/html; charset="Shift_JIS"; x=y', "日本"),
        ("é".encode(), "text/html; charset=latin-1", "é"),
        (b"a\xffb", "text/html", "a\ufffdb"),
        (b"a\xffb", "text/html; charset=unicode_escape", "a\ufffdb"),
        (b"a\xffb", "text/html; charset=\x00", "a\ufffdb"),
        (b"", "", ""),
    ],
)
def test_a_body_is_read_in_its_encoding(body: bytes, content_type: str, text: str) -> None:
    assert text_of(body, content_type) == text


def test_a_line_steers_no_terminal_and_can_be_written() -> None:
    line = one_line("a\x1b[31m\ud800\u202eb\r\n\tc" + "d" * 10_000)

    assert line.startswith("a\ufffd[31m\ufffd\ufffdb c")
    assert line.isprintable()
    assert line.encode()
    assert len(line) == 300


@given(st.text(st.sampled_from('<>/!-ab"{}[]:,&#;title \ud800'), max_size=60))
def test_any_text_is_read(text: str) -> None:
    words = said(text)

    assert words is None or words.isprintable()


@pytest.mark.parametrize(
    "piece", ["<title", "<title>", "<!--", "<script", "</title", "<", "&#", '{"a":', "[", " ", "<a ", "a="]
)
def test_no_page_takes_more_time_than_its_length(piece: str) -> None:
    page = piece * (2_000_000 // len(piece))
    started = time.perf_counter()
    said(page)

    assert time.perf_counter() - started < 2  # minutes for two megabytes, were it quadratic
