"""A secret does not come back, however a server writes or cuts it."""

from __future__ import annotations

import json
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localrank_cohere.http.redaction import Redactor
from tests.cohere.conftest import KEY

BEFORE, AFTER = "Invalid credentials <", "> for this project."


def encoded(before: bytes, after: bytes = b"") -> str:
    return b64encode(before + KEY.encode() + after).decode()


FORMS: dict[str, str] = {
    "as it is": KEY,
    "its beginning": KEY[:8],
    "its end": KEY[-8:],
    "its middle": KEY[5:14],
    "cut": f"{KEY[:12]}...",
    "both ends": f"{KEY[:9]}****{KEY[-8:]}",
    "quoted": repr(KEY),
    "JSON": json.dumps(KEY),
    "JSON with slashes": KEY.replace("/", "\\/"),
    "JSON in JSON": json.dumps(json.dumps(KEY.replace("/", "\\/"))),
    "an address": quote(KEY, safe=""),
    "an address twice": quote(quote(KEY, safe=""), safe=""),
    "upper case": KEY.upper(),
    "other case": KEY.swapcase(),
    "backwards": KEY[::-1],
    "base64": encoded(b""),
    "base64 of user:key": encoded(b"user:"),
    "base64 of u:key:x": encoded(b"u:", b":x"),
    "base64 of me:key": encoded(b"me:"),
    "base64 for addresses": urlsafe_b64encode(b"user:" + KEY.encode()).decode(),
    "base64 in an address": quote(encoded(b"user:"), safe=""),
    "hexadecimal": KEY.encode().hex(),
    "code points": "".join(f"\\u{ord(letter):04X}" for letter in KEY),
    "bytes": "".join(f"\\x{ord(letter):02x}" for letter in KEY),
    "all of it escaped": "".join(f"%{ord(letter):02x}" for letter in KEY),
    "letter by letter": " ".join(KEY),
    "in fours": " ".join(KEY[at : at + 4] for at in range(0, len(KEY), 4)),
    "over lines": "\r\n\t".join(KEY),
    "letter by letter in an address": quote(" ".join(KEY), safe=""),
    "a page": KEY.replace("/", "&#x2F;").replace("+", "&plus;"),
    "a page with numbers": "".join(f"&#{ord(letter)};" for letter in KEY),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_secret_is_taken_out_in_every_form(form: str) -> None:
    cleaned = Redactor([KEY]).text(BEFORE + form + AFTER)

    assert "***" in cleaned
    assert cleaned.startswith(BEFORE)
    assert cleaned.endswith(AFTER)
    left = cleaned.removeprefix(BEFORE).removesuffix(AFTER)
    assert all(form[start : start + 8] not in left for start in range(len(form) - 7))


def test_less_than_eight_characters_of_a_secret_are_ordinary_text() -> None:
    text = f"{KEY[:7]} and {KEY[-7:]}"

    assert Redactor([KEY]).text(text) == text


def test_a_short_secret_is_taken_out_whole_only() -> None:
    assert Redactor(["s3cr3t", "x"]).text("s3cr3t s3cr3 x") == "*** s3cr3 x"


def test_text_around_a_secret_stays_as_it_is_whatever_its_letters() -> None:
    assert Redactor([KEY]).text(f"İ%41ß&amp; {KEY} &amp;ﬀ%") == "İ%41ß&amp; *** &amp;ﬀ%"


def test_a_value_is_cleaned_in_its_keys_and_strings() -> None:
    value = {KEY: [1, KEY, {"a": KEY, "b": None}], "c": True}

    assert Redactor([KEY]).value(value) == {"***": [1, "***", {"a": "***", "b": None}], "c": True}


def test_a_value_deeper_than_honest_ones_is_cut_off() -> None:
    value: object = KEY
    for _ in range(900):
        value = [value]

    assert KEY not in repr(Redactor([KEY]).value(value))


@given(st.text(), st.integers(0, len(KEY) - 8), st.integers(8, len(KEY)), st.text())
def test_every_piece_of_eight_characters_is_found_between_any_text(
    before: str, start: int, size: int, after: str
) -> None:
    piece = KEY[start : start + size]
    cleaned = Redactor([KEY]).text(before + piece + after)

    assert piece not in cleaned
    assert "***" in cleaned


@pytest.mark.parametrize(
    "make",
    [
        lambda size: "a" * size,
        lambda size: f"{KEY[:7]} " * (size // 8),
        lambda size: KEY * (size // len(KEY)),
        lambda size: "%25" * (size // 3),
        lambda size: "&" * size,
        lambda size: "\\u00" * (size // 4),
    ],
    ids=["plain", "nearly", "only", "escapes", "ampersands", "half escapes"],
)
def test_the_time_grows_with_the_text_and_no_faster(make: Callable[[int], str]) -> None:
    redactor = Redactor([KEY])

    def best(text: str) -> float:
        times = []
        for _ in range(5):
            started = time.perf_counter()
            redactor.text(text)
            times.append(time.perf_counter() - started)
        return min(times)

    assert (
        best(make(160_000)) < 160 * best(make(10_000)) + 0.01
    )  # sixteen times the text; squared it would be 256
