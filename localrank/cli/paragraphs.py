"""Text and markup into paragraphs, each with its first line's number and the headings it stands under. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

__all__ = ["MAX_CHARACTERS", "Form", "Paragraph", "split_paragraphs"]

MAX_CHARACTERS = 1_000
"""A longer paragraph is cut at sentence ends: what a window of 512 tokens holds beside a query, even of dense text."""

Form = Literal["markdown", "rst", "plain"]
"""How a text is written: in Markdown, in reStructuredText, or without markup."""

_RST_HEADING = re.compile(
    r"""(?:(?<=\n\n)|(?<=[=~^"-]{3}\n))(?:[=~^"-]{3,}\n)?(?P<title>\S.*)\n(?P<line>(?P<mark>[=~^"-])(?P=mark)*)(?=\n|\Z)"""
)
_RST_RULE = re.compile(r"(?<=\n\n)([-=~^*_])\1{2,}(?=\n\n|\n?\Z)")
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
class _Structure:
    """What the lines of a text are, by their places from 0.

    Attributes:
        headings: First line → level and title.
        no_text: Lines that belong to headings, rules and comments.
        whole: Lines of code, among which nothing parts.
    """

    headings: dict[int, tuple[int, str]] = field(default_factory=dict[int, tuple[int, str]])
    no_text: set[int] = field(default_factory=set[int])
    whole: set[int] = field(default_factory=set[int])


def split_paragraphs(text: str, form: Form = "markdown") -> list[Paragraph]:
    """Return the paragraphs of `text`: what blank lines part.

    Args:
        text: The whole file.
        form: Of Markdown and reStructuredText the headings become context, and rules are left out; of Markdown also front
            matter and comments, and a block of code stays in one piece.
    """
    lines = text.split("\n")
    structure = _markdown(lines) if form == "markdown" else _rst(lines) if form == "rst" else _Structure()
    return [piece for block in _joined(_blocks(lines, structure)) for piece in _pieces(block)]


def _markdown(lines: Sequence[str]) -> _Structure:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - so that --help needs none of it

    parser = MarkdownIt("commonmark")
    parser.core.ruler.enableOnly(["normalize", "block"])
    start = _after_front_matter(lines)
    structure = _Structure(no_text=set(range(start)))
    tokens = parser.parse("\n".join(lines[start:]).replace("\r", " "))  # to it, that would end a line
    for number, token in enumerate(tokens):
        if token.map is None:
            continue
        first, end = (start + at for at in token.map)
        is_comment = token.type == "html_block" and re.fullmatch(r"\s*<!--.*-->\s*", token.content, re.DOTALL)
        if token.type in {"fence", "code_block"}:
            structure.whole.update(range(first, end))
        elif token.level == 0 and (is_comment or token.type in {"hr", "heading_open"}):
            structure.no_text.update(range(first, end))
        if token.level == 0 and token.type == "heading_open":
            structure.headings[first] = int(token.tag[1:]), " ".join(tokens[number + 1].content.split())
    return structure


def _after_front_matter(lines: Sequence[str]) -> int:
    if lines[0].rstrip() != "---":
        return 0
    return next((at + 1 for at, line in enumerate(lines[1:], 1) if line.rstrip() in {"---", "..."}), 0)


def _rst(lines: Sequence[str]) -> _Structure:
    """Read titles with a line beneath; the levels go by the order in which such lines first appear."""
    text = "\n".join(["", "", *(line.rstrip() for line in lines)])
    structure, marks = _Structure(), list[str]()
    for heading in _RST_HEADING.finditer(text):
        title, mark = heading["title"], heading["mark"]
        if len(heading["line"]) < min(3, len(title)):
            continue
        if mark not in marks:
            marks.append(mark)
        first, last = (text.count("\n", 2, end) for end in heading.span())
        structure.headings[first] = marks.index(mark) + 1, title
        structure.no_text.update(range(first, last + 1))
    for rule in _RST_RULE.finditer(text):
        structure.no_text.add(text.count("\n", 2, rule.start()))
    return structure


def _blocks(lines: Sequence[str], structure: _Structure) -> Iterator[Paragraph]:
    """Yield what blank lines, headings, rules and comments part, whatever its length."""
    open_headings: dict[int, str] = {}
    block: list[str] = []
    for at, line in enumerate([*lines, ""]):
        parts = at in structure.no_text or not (line.strip() or at in structure.whole)
        if parts and block:
            yield Paragraph("\n".join(block), at + 1 - len(block), " > ".join(open_headings.values()))
            block = []
        if not parts:
            block.append(line.rstrip())
        if at in structure.headings:
            level, title = structure.headings[at]
            open_headings = {above: name for above, name in open_headings.items() if above < level} | {
                level: title
            }


def _joined(blocks: Iterator[Paragraph]) -> Iterator[Paragraph]:
    """Keep a line that announces (`For example:`) with the block it announces."""
    held: Paragraph | None = None
    for block in blocks:
        announces = block.text.endswith(":") and "\n" not in block.text
        if held is not None and held.heading == block.heading:
            gap = "\n" * (block.line - held.line - held.text.count("\n"))
            block = Paragraph(f"{held.text}{gap}{block.text}", held.line, held.heading)  # noqa: PLW2901
        elif held is not None:
            yield held
        held = block if announces else None
        if held is None:
            yield block
    if held is not None:
        yield held


def _pieces(block: Paragraph) -> Iterator[Paragraph]:
    """Cut a paragraph that is longer than a model reads."""
    borders = [0, *_cuts(block.text), len(block.text)]
    for start, end in pairwise(borders):
        piece = block.text[start:end]
        blank = len(piece) - len(piece.lstrip("\n"))
        line = block.line + block.text.count("\n", 0, start + blank)
        yield Paragraph(piece.strip("\n"), line, block.heading)


def _cuts(text: str) -> Iterator[int]:
    start = 0
    while len(text) - start > MAX_CHARACTERS:
        window = text[start : start + MAX_CHARACTERS]
        ends = [match.end() for match in _SENTENCE_END.finditer(window)]
        cut = ends[-1] if ends else window.rfind(" ") + 1
        start += cut if cut > MAX_CHARACTERS // 4 else MAX_CHARACTERS
        yield start
