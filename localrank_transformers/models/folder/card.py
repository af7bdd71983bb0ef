"""What a folder's model card says of languages: `language` in the front matter of README.md, as the hub has it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

__all__ = ["card_languages", "language_line"]

_READ_BYTES = 1 << 16
_FRONT = re.compile(r"\ufeff?---[ \t]*\r?\n(.*?)\r?\n---[ \t]*\r?\n", re.DOTALL)
_LANGUAGE = re.compile(r"^language:[ \t]*(.*(?:\r?\n[ \t]*-[ \t].*)*)", re.MULTILINE)
_WORD = re.compile(r"[^\s,\[\]\"'-][^\s,\[\]\"']*")
_CODE = re.compile(r"[a-z]{2,3}")


def card_languages(folder: Path) -> tuple[str, ...]:
    """Return the ISO 639 codes, or `multilingual`, that a folder's card states; empty where it states none, or other words.

    https://huggingface.co/docs/hub/model-cards says how a card states them: one, or a list.
    """
    try:
        with (folder / "README.md").open("rb") as stream:
            text = stream.read(_READ_BYTES).decode(errors="replace")
    except OSError:
        return ()
    front = _FRONT.match(text)
    stated = None if front is None else _LANGUAGE.search(front[1])
    words = [] if stated is None else [word.lower() for word in _WORD.findall(_without_comments(stated[1]))]
    understood = all(word == "multilingual" or _CODE.fullmatch(word) for word in words)
    return tuple(words) if understood else ()


def language_line(languages: Sequence[str]) -> str:
    """Return the line of a card's front matter that states `languages`, with its end; empty where there are none."""
    return f"language: [{', '.join(languages)}]\n" if languages else ""


def _without_comments(text: str) -> str:
    return "\n".join(line.split(" #", 1)[0] for line in text.splitlines())
