"""What a server says in words: bytes into text, and the one sentence of an error's JSON, page or plain text. Pure.

All of it is foreign: it is cut before it is looked at, and read by searches that only go forward.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Mapping
from html import unescape
from itertools import islice
from typing import Any

from localrank.contract.texts import shortened

__all__ = ["one_line", "said", "text_of"]

_SHOWN_CHARACTERS = 300
_READ_CHARACTERS = 16_384
"""Of a page or a plain text; the reason stands at its beginning or nowhere."""

_NAMES = (
    "message",
    "detail",
    "error",
    "errors",
    "error_message",
    "errormessage",
    "error_description",
    "msg",
    "reason",
    "title",
)
"""Where services put their message, flat or nested."""

_LOOKED_AT = 50
"""Entries of a list or an object."""

_SILENT = ("script", "style")

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16's, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHARSETS = frozenset(
    {f"cp125{page}" for page in range(9)}
    | {f"iso8859-{part}" for part in range(1, 17)}
    | {
        "big5",
        "cp866",
        "cp932",
        "cp949",
        "euc_jp",
        "euc_kr",
        "gb18030",
        "gb2312",
        "gbk",
        "koi8-r",
        "koi8-u",
        "shift_jis",
    }
    | {"utf-8", "utf-16", "utf-16-be", "utf-16-le", "utf-32", "utf-32-be", "utf-32-le"}
)
"""What a `charset` may name. Python knows more, of which some unpack or take quadratic time."""


def text_of(body: bytes, content_type: str) -> str:
    """Return the text of a body: by its byte order mark, its zeros (RFC 4627 §3), as UTF-8, or by the charset it names.

    What no encoding explains becomes U+FFFD.
    """
    marked = next((encoding for bom, encoding in _BOMS if body.startswith(bom)), None)
    encoding = marked or json.detect_encoding(body[:4])
    if not marked and encoding.startswith("utf-8"):
        try:
            return body.decode("utf-8")
        except UnicodeDecodeError:
            encoding = _charset(content_type) or "utf-8"
    return body.decode(encoding, "replace")


def said(text: str) -> str | None:
    """Return what a body says in words, on one line, or None where it says nothing."""
    decoded = None
    looks_like_json = text.lstrip()[:1] in {"{", "[", '"'}
    if looks_like_json:
        try:
            decoded = json.loads(text)
        except (ValueError, RecursionError):
            return None  # cut or broken; what begins it may be the request, echoed
    words = _of_json(decoded) if looks_like_json else _of_page(text[:_READ_CHARACTERS])
    line = one_line(words).rstrip(".") if words else ""
    return (
        line if 2 * line.count("\ufffd") < len(line) else None
    )  # more noise than words: it was packed, or is no text


def one_line(text: str) -> str:
    """Return foreign text fit for a message: short, on one line, nothing that steers a terminal or cannot be written."""
    cut = text[: 8 * _SHOWN_CHARACTERS]
    plain = "".join(
        character if character.isprintable() else " " if character.isspace() else "\ufffd"
        for character in cut
    )
    return shortened(" ".join(plain.split()), _SHOWN_CHARACTERS)


def _charset(content_type: str) -> str | None:
    named = content_type.lower().partition("charset=")[2].partition(";")[0].strip(" \"'")
    try:
        name = codecs.lookup(named).name
    except (LookupError, ValueError):
        return None
    return name if name in _CHARSETS else None


def _of_json(body: Any, depth: int = 3) -> str | None:
    if isinstance(body, str):
        return body or None
    if isinstance(body, list):
        words = (_of_fault(fault, depth) for fault in body[:_LOOKED_AT])
        return "; ".join(word for word in words if word) or None
    if isinstance(body, dict) and depth:
        lowered = {name.lower(): value for name, value in islice(body.items(), _LOOKED_AT)}
        words = (_of_json(lowered.get(name), depth - 1) for name in _NAMES)
        return next((word for word in words if word), None)
    return None


def _of_fault(fault: Any, depth: int) -> str | None:
    """Return one of a list of faults. FastAPI's have `loc`, `msg` and `input`, which would echo the request."""
    if isinstance(fault, dict) and isinstance(fault.get("msg"), str):
        return f"{_place(fault)}{fault['msg']}"
    return _of_json(fault, depth) if isinstance(fault, dict | str) else None


def _place(fault: Mapping[str, Any]) -> str:
    location = fault.get("loc")
    return ".".join(str(step)[:40] for step in location[:8]) + ": " if isinstance(location, list) else ""


def _of_page(page: str) -> str | None:
    """Return the title of a page, or its first text; a text without tags is its own first text."""
    lowered = page.lower()
    if len(lowered) != len(page):  # a few characters grow in lower case
        page = lowered
    opened = lowered.find("<title")
    if opened >= 0:
        begin = lowered.find(">", opened) + 1
        end = lowered.find("</title", begin)
        title = page[begin:end] if begin and end >= 0 else ""
        if title.strip():
            return unescape(title)
    text = "".join(_texts(page, lowered))
    return unescape(text[: 8 * _SHOWN_CHARACTERS]) if text.strip() else None


def _texts(page: str, lowered: str) -> Iterator[str]:
    """Yield what stands between the tags."""
    at = 0
    while (tag := page.find("<", at)) >= 0:
        yield page[at:tag]
        yield " "
        silent = next((name for name in _SILENT if lowered.startswith(name, tag + 1)), None)
        closing = "-->" if page.startswith("<!--", tag) else f"</{silent}" if silent else ">"
        end = lowered.find(closing, tag + 1)
        if end < 0:
            return
        at = end + len(closing) if closing[0] != "<" else end
    yield page[at:]
