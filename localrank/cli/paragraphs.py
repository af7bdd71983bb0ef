"""Text and markup into paragraphs, each with its first line's number and the headings it stands under. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

__all__ = ["MAX_CHARACTERS", "Paragraph", "split_paragraphs"]

MAX_CHARACTERS = 1_000
"""A longer paragraph is cut at sentence ends: what a window of 512 tokens holds beside a query, even of dense text."""

_FENCE = re.compile(r"^\s{0,3}(`{3,}|~{3,})")
_HASH_HEADING = re.compile(r"^\s{0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
_UNDERLINE = re.compile(r"^([=\-~^\"])\1{2,}\s*$|^={1,2}$")
_RULE = re.compile(r"^\s{0,3}([-*_=~])(\s*\1){2,}\s*$")
_COMMENT = re.compile(r"^\s*<!--.*-->\s*$", re.DOTALL)
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])[\"'”’)\]]*\s+|\n")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph.

    Attributes:
        text: Its text, lines as they stand in the file.
        line: The number of its first line, from 1.
        heading: The headings above it, outermost first, joined by ` > `; empty at the top.
    """

    text: str
    line: int
    heading: str = ""


@dataclass(slots=True)
class _Headings:
    """The headings that are open at some line: one a level."""

    open: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    underlines: list[str] = field(default_factory=list[str])

    def enter(self, level: int, title: str) -> None:
        self.open = [*(one for one in self.open if one[0] < level), (level, title)]

    def enter_underlined(self, character: str, title: str) -> None:
        """Levels of underlines go by the order in which they first appear, as in reStructuredText."""
        if character not in self.underlines:
            self.underlines.append(character)
        self.enter(self.underlines.index(character) + 1, title)

    def path(self) -> str:
        return " > ".join(title for _, title in self.open)


def split_paragraphs(text: str, *, markup: bool = True) -> list[Paragraph]:
    """Return the paragraphs of `text`: what blank lines part.

    Args:
        text: The whole file.
        markup: Read Markdown and reStructuredText: headings become context, fenced code stays in one piece, front matter,
            rules and comments are left out. False is for plain text.
    """
    lines = text.split("\n")
    start = _after_front_matter(lines) if markup else 0
    headings = _Headings()
    found: list[Paragraph] = []
    for number, block in _joined(_blocks(lines, start, markup=markup)):
        body, first = _without_headings(block, number, headings) if markup else (block, number)
        found += _pieces("\n".join(body), first, headings.path())
    return found


def _after_front_matter(lines: list[str]) -> int:
    if not lines or lines[0].rstrip() != "---":
        return 0
    return next((at + 1 for at, line in enumerate(lines[1:], 1) if line.rstrip() in {"---", "..."}), 0)


def _blocks(lines: list[str], start: int, *, markup: bool) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, lines) of what blank lines or a heading part; inside a code fence nothing parts."""
    block: list[str] = []
    first, fence = 0, ""
    for number, line in enumerate(lines[start:], start + 1):
        blank = not line.strip()
        if block and not fence and (blank or (markup and _HASH_HEADING.match(line))):
            yield first, block
            block = []
        if blank and not fence:
            continue
        first = first if block else number
        block.append(line.rstrip())
        mark = _FENCE.match(line) if markup else None
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence):
            fence = ""
    if block:
        yield first, block


def _joined(blocks: Iterable[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    """Keep a line that announces (`For example:`) with the block it announces."""
    held: tuple[int, list[str]] | None = None
    for number, block in blocks:
        if held is not None and not _starts_with_heading(block):
            held = (held[0], [*held[1], "", *block])
        elif held is not None:
            yield held
            held = (number, block)
        else:
            held = (number, block)
        if not (len(block) == 1 and block[0].endswith(":") and not _starts_with_heading(block)):
            yield held
            held = None
    if held is not None:
        yield held


def _starts_with_heading(block: list[str]) -> bool:
    return bool(_HASH_HEADING.match(block[0])) or _is_underlined(block)


def _without_headings(block: list[str], number: int, headings: _Headings) -> tuple[list[str], int]:
    """Take the headings off the top of a block, and drop what is no text."""
    while block:
        hashes = _HASH_HEADING.match(block[0])
        if hashes:
            headings.enter(len(hashes[1]), hashes[2])
            taken = 1
        elif _is_underlined(block):
            headings.enter_underlined(block[1][0], block[0].strip())
            taken = 2
        elif _RULE.match(block[0]) or _COMMENT.match(block[0]):
            taken = 1
        else:
            break
        block, number = block[taken:], number + taken
    return ([] if _COMMENT.match("\n".join(block)) else block), number


def _is_underlined(block: list[str]) -> bool:
    if len(block) < 2 or not _UNDERLINE.match(block[1]) or _UNDERLINE.match(block[0]):
        return False
    return len(block[1].rstrip()) >= min(3, len(block[0].strip()))


def _pieces(text: str, line: int, heading: str) -> Iterator[Paragraph]:
    """Cut a paragraph that is longer than a model reads."""
    if not text.strip():
        return
    borders = [0, *_cuts(text), len(text)]
    for start, end in pairwise(borders):
        piece = text[start:end]
        blank = len(piece) - len(piece.lstrip("\n"))
        yield Paragraph(piece.strip("\n"), line + text.count("\n", 0, start + blank), heading)


def _cuts(text: str) -> Iterator[int]:
    start = 0
    while len(text) - start > MAX_CHARACTERS:
        window = text[start : start + MAX_CHARACTERS]
        ends = [match.end() for match in _SENTENCE_END.finditer(window)]
        cut = ends[-1] if ends else window.rfind(" ") + 1
        start += cut if cut > MAX_CHARACTERS // 4 else MAX_CHARACTERS
        yield start
