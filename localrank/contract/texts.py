"""What is asked of a text, whoever has it: whether it says anything, its plain form, and what a message may show of it."""

from __future__ import annotations

__all__ = ["first_line", "is_blank", "plain", "shortened"]

_SHOWN_CHARACTERS = 60

_UNSEEN = frozenset("\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff")
"""Soft hyphen, joiners, marks of direction, and spaces without width; Unicode counts none of them as white space."""


def is_blank(text: str) -> bool:
    """Return whether `text` holds no word: it is empty, or nothing but white space and characters that nobody sees."""
    return not text or text.isspace() or (not text.isascii() and all(map(_is_unseen, text)))


def _is_unseen(letter: str) -> bool:
    return letter in _UNSEEN or letter.isspace()


def plain(text: str) -> str:
    """Return `text` as a plain string: a subclass may change what its methods mean, and engines take no such thing."""
    return text if type(text) is str else "".join((text,))


def shortened(text: str, limit: int = _SHOWN_CHARACTERS) -> str:
    """Return at most `limit` characters of `text`, for a repr or a message that must not hold a whole document."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def first_line(error: BaseException, limit: int = 200) -> str:
    """Return the first line of what another library's error says, at most `limit` characters; its type where it is mute."""
    lines = str(error).strip().splitlines()
    return lines[0][:limit] if lines else type(error).__name__
