"""A report as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from localrank.evaluation.movements import Best, Movement
from localrank.evaluation.report import Report, Table

__all__ = ["markdown", "markdown_table"]


def markdown(report: Report, *, plot: str | None = None) -> str:
    """Return the page; `plot` is the address of a picture beside it."""
    parts = [f"# {report.title}", "\n".join(f"- {_plain(fact)}" for fact in report.facts)]
    for number, table in enumerate(report.tables):
        parts += [f"## {_plain(table.title)}", table.note, markdown_table(table), *_explained(table)]
        if number == 1 and plot is not None:
            parts.append(f"![Quality against time]({plot})")
    for moved in report.moved:
        parts.append(f"## {_plain(moved.second)} against {_plain(moved.first)}, query by query")
        for title, queries in (("Gained most", moved.gained), ("Lost most", moved.lost)):
            parts.append(f"### {title} ({moved.measure})")
            parts.append("\n".join(line for query in queries for line in _movement(query)) or "None.")
    return "\n\n".join(parts) + "\n"


def markdown_table(table: Table) -> str:
    """Return one table; the best value of a column is in bold."""
    lines = [
        "| " + " | ".join(map(_plain, table.columns)) + " |",
        "|---" + "|--:" * (len(table.columns) - 1) + "|",
    ]
    lines += ["| " + " | ".join(_cells(table, number)) + " |" for number in range(len(table.rows))]
    return "\n".join(lines)


def _cells(table: Table, number: int) -> list[str]:
    """Return the cells of a row, the best values of their columns in bold."""
    return [
        f"**{_plain(cell)}**" if (number, column) in table.best else _plain(cell)
        for column, cell in enumerate(table.rows[number])
    ]


def _explained(table: Table) -> list[str]:
    lines = [f"- **{_plain(column)}**: {_plain(meaning)}" for column, meaning in table.explained.items()]
    return ["\n".join(lines)] if lines else []


def _movement(movement: Movement) -> Iterator[str]:
    yield f"- **{_plain(movement.text)}** (`{movement.query}`): {movement.before:.3f} → {movement.after:.3f}"
    for word, best in (("before", movement.best_before), ("after", movement.best_after)):
        if best is not None:
            yield f"  - {word}: {_best(best)}"


def _best(best: Best) -> str:
    text = f" {_plain(best.text)}" if best.text else ""
    return f"`{best.document}` ({best.verdict}){text}"


def _plain(text: str) -> str:
    """Return `text` in one line, with what Markdown would read as marks escaped."""
    line = " ".join(text.split())
    for mark in "\\`*_[]<>|":
        line = line.replace(mark, f"\\{mark}")
    return line
