"""What a person at a terminal sees: ranked rows with a bar of the score and the telling part of each text, and progress."""

from __future__ import annotations

import codecs
import io
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localrank.cli.snippets import best_part, printable, query_stems, word_spans
from localrank.contract.events import CallProgress
from localrank.contract.types import ScoreKind
from localrank.providers.columns import width_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.text import Text

__all__ = ["ProgressBar", "Row", "console", "moved", "progress_bar", "show_rows"]

BAR_WIDTH = 8
SNIPPET_LINES = 3
MIN_WIDTH_FOR_BAR = 60

_RAGGED = 4
"""What wrapping between words leaves empty at the end of a line, in cells."""

_EIGHTHS = " ▏▎▍▌▋▊▉█"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a ranking.

    Attributes:
        marks: What stands before the score: a rank, or the ranks of two models.
        score: The score; None where there is none to show.
        text: The whole text.
        place: Where it came from.
    """

    marks: tuple[str, ...]
    score: float | None
    text: str
    place: str = ""


_IN_ASCII = str.maketrans("█▉▊▋▌▍▎▏·…↑↓→−–“”’✓✗", '#####---.~^v>--""\'+x')
"""Signs of the tables, for terminals whose encoding lacks them."""


def _nearest(error: UnicodeError) -> tuple[str, int]:
    """Return what is written for signs that an encoding lacks: the like of ours, and `?` for those of texts."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end].translate(_IN_ASCII)
    return "".join(sign if sign.isascii() else "?" for sign in signs), error.end


def console(*, stderr: bool = False) -> Console:
    """Return a console that writes plain text where the stream is no terminal, and the nearest to what its encoding lacks."""
    from rich.console import Console  # noqa: PLC0415 - so that --help needs no rich

    stream = sys.stderr if stderr else sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        codecs.register_error("localrank.nearest", _nearest)
        stream.reconfigure(errors="localrank.nearest")
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def moved(before: int, after: int, *, same: str = "") -> str:
    """Return how many ranks a document has risen or fallen, with an arrow; `same` where it stands as before."""
    by = before - after
    return same if by == 0 else f"↑{by}" if by > 0 else f"↓{-by}"


def show_rows(
    out: Console, query: str, rows: Sequence[Row], kind: ScoreKind, *, lines: int = SNIPPET_LINES
) -> None:
    """Print `rows` for a person.

    Args:
        out: Where to.
        query: Its words are highlighted.
        rows: Best first.
        kind: What a score is: a bar is drawn for probabilities, and none is shown for mere orders.
        lines: How many lines a text may take.
    """
    stems = query_stems(query)
    for row, head in zip(rows, _heads(rows, kind, bars=out.width >= MIN_WIDTH_FOR_BAR), strict=True):
        width = max(20, out.width - head.cell_len)
        _print_beside(out, head, [*_snippet(out, row.text, stems, width, lines), *_place(row, width)])


def _snippet(out: Console, text: str, stems: frozenset[str], width: int, lines: int) -> list[Text]:
    """Return the telling part of `text` in at most `lines` lines, words with one of `stems` highlighted."""
    from rich.text import Text  # noqa: PLC0415

    plain = printable(text)
    letters_a_cell = len(plain) / max(1, width_of(plain))
    shown = best_part(plain, stems, int(lines * (width - _RAGGED) * letters_a_cell))
    styled = Text(shown)
    for start, end in word_spans(shown, stems):
        styled.stylize("bold magenta", start, end)
    wrapped = list(styled.wrap(out, width))
    if len(wrapped) > lines:
        wrapped = wrapped[:lines]
        wrapped[-1].truncate(width - 1)
        wrapped[-1].append("…")
    return wrapped


def _place(row: Row, width: int) -> list[Text]:
    from rich.text import Text  # noqa: PLC0415

    place = Text(printable(row.place), style="bright_black")
    place.truncate(width, overflow="ellipsis")
    return [place] if row.place else []


def _heads(rows: Sequence[Row], kind: ScoreKind, *, bars: bool) -> list[Text]:
    """Return what stands before each text: marks, bar and score, in columns."""
    from rich.text import Text  # noqa: PLC0415

    scored = kind != "ordinal" and any(row.score is not None for row in rows)
    scores = ["–" if row.score is None else f"{row.score:.3f}" for row in rows]
    score_width = max(map(len, scores), default=0)
    mark_widths = [max(map(len, column)) for column in zip(*(row.marks for row in rows), strict=True)]
    heads: list[Text] = []
    for row, score in zip(rows, scores, strict=True):
        head = Text()
        for mark, width in zip(row.marks, mark_widths, strict=True):
            head.append(f"{mark:>{width}}  ", style="bold")
        if scored and bars and kind == "probability":
            head += _score_bar(row.score or 0.0) + Text("  ")
        if scored:
            head.append(f"{score:>{score_width}}  ")
        heads.append(head)
    return heads


def _print_beside(out: Console, head: Text, lines: Sequence[Text]) -> None:
    from rich.text import Text  # noqa: PLC0415

    for number, line in enumerate(lines):
        start = head if number == 0 else Text(" " * head.cell_len)
        line.rstrip()
        out.print(start + line, soft_wrap=True)


def _score_bar(share: float) -> Text:
    """Return a bar that fills `share` (0–1) of its cells, to an eighth of a cell."""
    from rich.text import Text  # noqa: PLC0415

    eighths = round(min(1.0, max(0.0, share)) * BAR_WIDTH * 8)
    filled = "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
    style = "green" if share >= 0.5 else "yellow" if share >= 0.1 else "bright_black"
    return Text(filled, style=style) + Text("·" * (BAR_WIDTH - len(filled)), style="bright_black")


DELAY_S = 0.5
"""Work that ends sooner shows no bar."""


class ProgressBar:
    """A bar that appears once `DELAY_S` has passed. Call it with progress events, from any thread.

    Args:
        label: What is done.
        total: Of how many; None where nobody knows before the end.
        in_bytes: What is counted are bytes.
    """

    def __init__(self, label: str, total: int | None, *, in_bytes: bool) -> None:
        self._label = label
        self._total = total
        self._in_bytes = in_bytes
        self._done = 0
        self._lock = threading.Lock()
        self._timer = threading.Timer(DELAY_S, self._show)
        self._timer.daemon = True
        self._progress: Progress | None = None
        self._over = False

    def __call__(self, event: CallProgress) -> None:
        """Note how far the call is."""
        self.show(event.done)

    def show(self, done: int) -> None:
        """Note that `done` are done."""
        with self._lock:
            self._done = done
            self._update()

    def add(self, count: int) -> None:
        """Note that `count` more are done."""
        self.show(self._done + count)

    @property
    def done(self) -> int:
        """How many are done."""
        return self._done

    def start(self) -> None:
        """Begin to wait."""
        self._timer.start()

    def stop(self) -> None:
        """Take the bar off the screen."""
        self._timer.cancel()
        with self._lock:
            self._over = True
            if self._progress is not None:
                self._progress.stop()

    def _show(self) -> None:
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            DownloadColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn() if self._in_bytes else MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with self._lock:
            if self._over:
                return
            self._progress = Progress(*columns, console=console(stderr=True), transient=True)
            self._progress.add_task(self._label, total=self._total)
            self._update()
            self._progress.start()

    def _update(self) -> None:
        if self._progress is not None:
            self._progress.update(self._progress.task_ids[0], completed=self._done)


@contextmanager
def progress_bar(label: str, total: int | None, *, in_bytes: bool = False) -> Iterator[ProgressBar | None]:
    """Show a bar while the block runs, if standard error is a terminal; yield what to pass as `on_progress`."""
    if not sys.stderr.isatty():
        yield None
        return
    bar = ProgressBar(label, total, in_bytes=in_bytes)
    bar.start()
    try:
        yield bar
    finally:
        bar.stop()
