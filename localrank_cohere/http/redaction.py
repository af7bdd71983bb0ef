"""Take secrets out of foreign text, in whatever form and however cut a server may echo them. Pure.

A piece of a secret counts from eight characters on: a cut key still opens doors to who guesses the rest. Case and blanks do
not count, escapes are undone before the comparison, and base64 is looked for at each of its three alignments, so that a key is
found inside an encoded `user:key`.
"""

from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from functools import lru_cache
from html.entities import html5
from typing import Any

__all__ = ["SHORTEST_SECRET", "Redactor", "redactor"]

SHORTEST_SECRET = 6
"""A shorter value is not looked for: it would turn up by chance."""

_PIECE = 8
_ANCHOR = 4
_STRIDE = _PIECE - _ANCHOR + 1
"""Every piece of eight characters holds one of the four-character anchors that begin at each fifth character."""

_ROUNDS = 3
"""Looks at a text: as it is, without its escapes, and without those that were in them."""

_MOST_ESCAPES = 50_000
"""A text with more of them is no text that anyone reads, and is replaced whole."""

_LONGEST_CLEANED = 1 << 18
"""A longer text that may hold a secret is replaced whole: to say where it is takes a second a megabyte."""

_DEEPEST = 50

_ESCAPE = re.compile(
    r"%[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\[/\"'\\]|&#[0-9]{1,6};|&#[xX][0-9a-fA-F]{1,5};|&[a-zA-Z]{2,8};"
)
"""Alternatives of bounded length that begin differently: reading is linear."""


class Redactor:
    """Replaces what is left of `secrets` by `***`.

    Args:
        secrets: What must not show; those shorter than `SHORTEST_SECRET` are left out.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        looked_for = [_looked_for(secret) for secret in secrets if len(secret) >= SHORTEST_SECRET]
        self._pieces: dict[int, set[str]] = {}
        for pieces, _ in looked_for:
            for size, some in pieces.items():
                self._pieces.setdefault(size, set()).update(some)
        self._anchors = tuple({anchor for _, anchors in looked_for for anchor in anchors})

    def text(self, text: str) -> str:
        """Return `text` with every piece of a secret replaced."""
        if not self._anchors or len(text) < SHORTEST_SECRET:
            return text
        views = _views(text)
        if views is not None and not any(map(self._may_hold_somewhere, views)):
            return text
        if views is None or len(text) > _LONGEST_CLEANED:
            return "***"
        spans: list[tuple[int, int]] = []
        view, starts = text, list(range(len(text) + 1))
        for _ in range(_ROUNDS):
            spans += [(starts[start], starts[end]) for start, end in self._spans(_lowered(view))]
            spans += self._spans_between_blanks(view, starts)
            view, starts = _unescaped(view, starts)
        return _replaced(text, spans)

    def value(self, value: Any, depth: int = _DEEPEST) -> Any:
        """Return a value of JSON with every piece of a secret in its strings and keys replaced; what is too deep is dropped."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return (
                {self.text(key): self.value(item, depth - 1) for key, item in value.items()}
                if depth
                else None
            )
        if isinstance(value, list):
            return [self.value(item, depth - 1) for item in value] if depth else None
        return value

    def _spans_between_blanks(self, view: str, starts: list[int]) -> Iterator[tuple[int, int]]:
        """Yield where pieces stand whose characters have blanks between them; `starts` as in `text`."""
        dense = _dense(view)
        if len(dense) == len(view) or not self._may_hold(dense):
            return
        places = [at for at, character in enumerate(view) if not character.isspace()]
        for start, end in self._spans(_lowered(dense)):
            yield starts[places[start]], starts[places[end - 1] + 1]

    def _may_hold_somewhere(self, view: str) -> bool:
        dense = _dense(view)
        return self._may_hold(view) or (len(dense) != len(view) and self._may_hold(dense))

    def _may_hold(self, text: str) -> bool:
        lowered = _lowered(text)
        return any(anchor in lowered for anchor in self._anchors)

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        for size, pieces in self._pieces.items():
            start, end = -1, -1
            for at in range(len(text) - size + 1):
                if text[at : at + size] not in pieces:
                    continue
                if at > end:
                    if start >= 0:
                        yield start, end
                    start = at
                end = at + size
            if start >= 0:
                yield start, end


@lru_cache(maxsize=32)
def redactor(secrets: tuple[str, ...]) -> Redactor:
    """Return the redactor of these secrets, the same one for the same."""
    return Redactor(secrets)


@lru_cache(maxsize=64)  # beside a signature that is new each time, a long token stays the same
def _looked_for(secret: str) -> tuple[dict[int, set[str]], set[str]]:
    """Return the pieces of a secret's forms by their size, and the anchors one of which each long piece holds."""
    forms = _forms(secret)
    pieces: dict[int, set[str]] = {}
    for form in forms:
        size = min(len(form), _PIECE)
        pieces.setdefault(size, set()).update(
            form[start : start + size] for start in range(len(form) - size + 1)
        )
    anchors = {
        form[start : start + _ANCHOR]
        for form in forms
        for start in (range(0, len(form) - _ANCHOR + 1, _STRIDE) if len(form) >= _PIECE else (0,))
    }
    return pieces, anchors


def _forms(secret: str) -> set[str]:
    raw = secret.encode()
    forms = {secret, secret[::-1], raw.hex()}
    for shift, kept_from in (
        (0, 0),
        (1, 2),
        (2, 3),
    ):  # the first characters hold bits of what stands before the secret
        whole = (shift + len(raw)) * 8 // 6
        for encode in (b64encode, urlsafe_b64encode):
            forms.add(encode(bytes(shift) + raw).decode()[kept_from:whole])
    return {_lowered(form) for form in forms if len(form) >= SHORTEST_SECRET}


def _views(text: str) -> list[str] | None:
    """Return `text`, the same without its escapes, and without those that were in them; None where there are too many."""
    views = [text]
    while len(views) < _ROUNDS and _ESCAPE.search(views[-1]):
        view, count = _ESCAPE.subn(lambda escape: _character(escape[0]), views[-1], count=_MOST_ESCAPES)
        if count == _MOST_ESCAPES:
            return None
        views.append(view)
    return views


def _dense(text: str) -> str:
    """Return `text` without its blanks."""
    return "".join(text.split())


def _lowered(text: str) -> str:
    """Return `text` in lower case, each character at its place."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := character.lower()) == 1 else character for character in text)


def _unescaped(text: str, starts: list[int]) -> tuple[str, list[int]]:
    """Return `text` with its escapes undone, and where each of its characters began in the original."""
    pieces: list[str] = []
    origins: list[int] = []
    at = 0
    for escape in _ESCAPE.finditer(text):
        character = _character(escape[0])
        pieces += (text[at : escape.start()], character)
        origins += starts[at : escape.start()]
        origins += [starts[escape.start()]] * len(character)
        at = escape.end()
    pieces.append(text[at:])
    origins += starts[at:]  # with the end of the text, one past its last character
    return "".join(pieces), origins


def _character(escape: str) -> str:
    kind = escape[:2].lower()
    if escape[0] == "%" or kind in {"\\u", "\\x"}:
        digits = escape[1 if escape[0] == "%" else 2 :]
        return chr(int(digits, 16))
    if kind == "&#":
        number = escape[2:-1]
        point = int(number[1:], 16) if number[0] in "xX" else int(number)
        return chr(point) if point <= 0x10FFFF else "?"
    return html5.get(escape[1:], "?") if escape[0] == "&" else escape[1]


def _replaced(text: str, spans: Iterable[tuple[int, int]]) -> str:
    parts: list[str] = []
    done = 0
    for start, end in sorted(spans):
        if end <= done:
            continue
        if start >= done:
            parts += (text[done:start], "***")
        done = end
    return "".join((*parts, text[done:]))
