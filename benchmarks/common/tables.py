"""Markdown tables and numbers as a reader wants them."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["bytes_text", "markdown_table", "milliseconds", "times"]


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[object]], *, left: int = 1) -> str:
    """Return a table whose first `left` columns stand left and all others right."""
    lines = [_line(head), _line(["---"] * left + ["---:"] * (len(head) - left))]
    lines += [_line([str(cell) for cell in row]) for row in rows]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def milliseconds(seconds: float | None) -> str:
    """Return a time in milliseconds with three figures."""
    if seconds is None:
        return "–"
    value = seconds * 1000
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def times(ratio: float | None) -> str:
    """Return a ratio such as `2.7×`."""
    if ratio is None:
        return "–"
    return f"{ratio:.0f}×" if ratio >= 20 else f"{ratio:.1f}×" if ratio >= 10 else f"{ratio:.2f}×"


def bytes_text(count: float | None) -> str:
    """Return a size in MB or GB (powers of ten)."""
    if count is None:
        return "–"
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
