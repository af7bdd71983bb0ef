"""The code blocks of a Markdown page: found, run in order in one namespace, and compared with the output shown."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import io
import re
from ast import PyCF_ALLOW_TOP_LEVEL_AWAIT
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from localrank_transformers.engines.native.library import usable

_FENCE = re.compile(
    r"(?:<!-- (?:not run: (?P<reason>[^\n]+?)|needs: (?P<needs>[\w.]+)) -->\n+)?^```(?P<kind>[a-z]*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_FRACTION = re.compile(r"\d+\.\d+")


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """One Python block.

    Attributes:
        line: Where its code begins, from 1.
        source: The code.
        shown: The text block that follows it before any other prose, or None.
        skipped: Why it is not run, or None.
    """

    line: int
    source: str
    shown: str | None
    skipped: str | None


def python_blocks(page: str) -> list[CodeBlock]:
    """Return the Python blocks of a page; a text block right behind one is its output."""
    fences = list(_FENCE.finditer(page))
    found: list[CodeBlock] = []
    for place, fence in enumerate(fences):
        if fence["kind"] != "python":
            continue
        after = fences[place + 1] if place + 1 < len(fences) else None
        is_output = (
            after is not None and after["kind"] == "text" and not page[fence.end() : after.start()].strip()
        )
        found.append(
            CodeBlock(
                line=page.count("\n", 0, fence.start("body")) + 1,
                source=fence["body"],
                shown=after["body"] if after is not None and is_output else None,
                skipped=fence["reason"] or _absent(fence["needs"]),
            )
        )
    return found


def _absent(package: str | None) -> str | None:
    return f"{package} is not installed" if package and find_spec(package) is None else None


def run_page(path: Path, namespace: dict[str, Any] | None = None) -> Iterator[tuple[CodeBlock, str]]:
    """Run the blocks of a page one after another, in `namespace`, and yield each with what it printed."""
    namespace = {} if namespace is None else namespace
    namespace["__name__"] = "__page__"
    for block in python_blocks(path.read_text("utf-8")):
        if block.skipped is None:
            yield block, _run(block, path, namespace)


def _run(block: CodeBlock, path: Path, namespace: dict[str, Any]) -> str:
    padded = "\n" * (block.line - 1) + block.source
    code = compile(padded, str(path), "exec", flags=PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        if code.co_flags & inspect.CO_COROUTINE:
            asyncio.run(eval(code, namespace))
        else:
            exec(code, namespace)
    return printed.getvalue()


TOLERANCE = 0.02 if usable() else 0.06
"""What scores may differ from those shown: without compiled kernels int8 differs by processor, and some cut sums."""


def same_output(shown: str, printed: str) -> bool:
    """Return whether two outputs agree: word for word, decimal fractions within `TOLERANCE` and what rounding does to both."""
    if _FRACTION.sub("#", shown) != _FRACTION.sub("#", printed):
        return False
    pairs = zip(_FRACTION.findall(shown), _FRACTION.findall(printed), strict=True)
    return all(abs(float(left) - float(right)) <= TOLERANCE + _rounding(left, right) for left, right in pairs)


def _rounding(*fractions: str) -> float:
    """Return what rounding to the last digit may have moved all of these."""
    return sum(0.5 * 10.0 ** -len(one.partition(".")[2]) for one in fractions)
