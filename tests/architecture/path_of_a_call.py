"""The files that one warm call of the embedded model runs through: `python tests/architecture/path_of_a_call.py`.

A *move* is a call, or the waking of a coroutine, whose file differs from its caller's, both files ours. A busy machine wakes
coroutines more often, so of several calls the one with the fewest moves counts; and who waits for the workers asks after 10 s
and not after 5 ms whether to stop.

Another checkout is measured with `PYTHONPATH=FOLDER` before the command.
"""

from __future__ import annotations

import ast
import sys
import threading
from collections import Counter
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

QUERY = "young cat"
DOCUMENTS = [
    "Cats sleep most of the day and night.",
    "The stock market fell on Monday by two percent.",
    "Dogs are loyal animals that like to play.",
    "A kitten is a young cat.",
    "Rain is expected in the north tomorrow.",
]
WARMING = 3
CALLS = 20
THREADS = 2
"""Each of them has a run of its own where there are cores: with more, a call on a larger machine would move more often."""
POLL_INTERVAL_S = 10.0
PACKAGES = {"localrank", "localrank_transformers", "localrank_cohere"}


class Way:
    """What a call runs through; as a profile function it notes it."""

    def __init__(self) -> None:
        self.files: Counter[str] = Counter()
        self.moves: Counter[tuple[str, str]] = Counter()

    def note(self, frame: FrameType) -> None:
        """Note that a function was entered."""
        file = ours(frame.f_code.co_filename)
        if file is None:
            return
        self.files[file] += 1
        caller = ours(frame.f_back.f_code.co_filename) if frame.f_back else None
        if caller not in {None, file}:
            self.moves[str(caller), file] += 1


@cache
def ours(filename: str) -> str | None:
    """Name a file from its package on, if it is in one of ours."""
    parts = Path(filename).parts
    starts = [number for number, part in enumerate(parts) if part in PACKAGES]
    return "/".join(parts[starts[-1] :]) if starts else None


def first_line(file: str) -> str:
    """Return the first line of a file's docstring."""
    package, _, below = file.partition("/")
    folder = Path(str(sys.modules[package].__file__)).parent
    docstring = ast.get_docstring(ast.parse((folder / below).read_text("utf-8"))) or ""
    return docstring.partition("\n")[0]


def measure() -> Way:
    """Follow warm calls, and return the one with the fewest moves."""
    way: Way | None = None

    def profile(frame: FrameType, event: str, _argument: Any) -> None:
        if way is not None and event == "call":
            way.note(frame)

    # Threads take the profile function as they start, so it is there before the first call.
    threading.setprofile(profile)
    sys.setprofile(profile)

    from localrank import rerank_sync
    from localrank_transformers import OnnxReranker
    from localrank_transformers.call import scheduler

    scheduler.POLL_INTERVAL_S = POLL_INTERVAL_S
    model = OnnxReranker(threads=THREADS)
    for _ in range(WARMING):
        rerank_sync(model, QUERY, DOCUMENTS)
    ways = []
    for _ in range(CALLS):
        way = Way()
        rerank_sync(model, QUERY, DOCUMENTS)
        ways.append(way)
        way = None
    return min(ways, key=lambda followed: followed.moves.total())


def main() -> int:
    """Print the files in the order in which they are entered, the calls into each, the moves from each, and what it is."""
    way = measure()
    leaving: Counter[str] = Counter()
    for (caller, _), count in way.moves.items():
        leaving[caller] += count
    print(f"{'file':56}{'calls':>7}{'moves on':>10}  what it is")  # noqa: T201
    for file, calls in way.files.items():
        print(f"{file:56}{calls:7}{leaving[file]:10}  {first_line(file)}")  # noqa: T201
    print(f"{len(way.files)} files, {way.moves.total()} moves")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
