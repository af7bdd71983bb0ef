"""A report as one HTML page that needs nothing else: no script, no style sheet, no picture from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from localrank.evaluation.movements import Best, Movement
from localrank.evaluation.report import Report, Table
from localrank.evaluation.scatter import scatter_svg

__all__ = ["html"]

_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #24292f; --quiet: #57606a; --line: #d0d7de;
  --up: #1a7f37; --down: #cf222e; --best: #dafbe1 }
@media (prefers-color-scheme: dark) { :root { --paper: #0d1117; --ink: #e6edf3; --quiet: #9198a1; --line: #3d444d;
  --up: #56d364; --down: #ff7b72; --best: #12361f } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem;
  color: var(--ink); background: var(--paper); overflow-wrap: anywhere }
h1, h2 { line-height: 1.25 }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
.wide { overflow-x: auto }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left }
.best { background: var(--best); font-weight: 600 }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .8rem; color: var(--quiet); font-size: .9em }
dt { font-weight: 600 } dd { margin: 0 }
svg { max-width: 40rem; width: 100%; height: auto }
ul { padding-left: 1.3rem } li { margin: .4rem 0 }
.up { color: var(--up) } .down { color: var(--down) } .quiet { color: var(--quiet) }
@media (max-width: 70rem) { td { white-space: normal; overflow-wrap: normal } td span span { white-space: nowrap } }
@media (max-width: 40rem) {
  thead { display: none }
  table, tbody, tr, td { display: block }
  tr { border: 1px solid var(--line); border-radius: .4rem; margin: .6rem 0; padding: .3rem .6rem }
  td { display: flex; justify-content: space-between; gap: 1rem; border: 0; padding: .15rem 0; white-space: normal }
  td::before { content: attr(data-column); color: var(--quiet); flex: none }
  td:first-child { font-weight: 600 } td:first-child::before { content: none }
  .best { padding: .15rem .3rem; margin: 0 -.3rem; border-radius: .2rem }
  dl { grid-template-columns: 1fr } dd { margin: 0 0 .3rem 1rem }
}
"""


def html(report: Report) -> str:
    """Return the page."""
    parts = [f"<h1>{escape(report.title)}</h1>", _list(escape(fact) for fact in report.facts)]
    for number, table in enumerate(report.tables):
        parts.append(_table(table))
        if number == 1:
            parts.append(f"<h2>Quality against time</h2>{scatter_svg(report.evaluation)}")
    for moved in report.moved:
        parts.append(f"<h2>{escape(moved.second)} against {escape(moved.first)}, query by query</h2>")
        for title, queries in (("Gained most", moved.gained), ("Lost most", moved.lost)):
            parts.append(f"<h3>{title} ({escape(moved.measure)})</h3>")
            parts.append(_list(map(_movement, queries)) if queries else "<p>None.</p>")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(report.title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.columns)
    rows = "".join(f"<tr>{''.join(_cells(table, number))}</tr>\n" for number in range(len(table.rows)))
    best = " Marked: the best value of a column." if table.best else ""
    meanings = "".join(
        f"<dt>{escape(column)}</dt><dd>{escape(meaning)}</dd>" for column, meaning in table.explained.items()
    )
    return (
        f'<h2>{escape(table.title)}</h2><p class="quiet">{escape(table.note)}{best}</p>'
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table></div>'
        + (f"<dl>{meanings}</dl>" if meanings else "")
    )


def _cells(table: Table, number: int) -> Iterator[str]:
    """Yield the cells of a row, each with the name of its column for a screen that is too narrow for headings."""
    for column, (name, text) in enumerate(zip(table.columns, table.rows[number], strict=True)):
        mark = ' class="best"' if (number, column) in table.best else ""
        yield f'<td data-column="{escape(name)}"{mark}>{_whole(escape(text))}</td>'


def _whole(text: str) -> str:
    """Return what a cell holds, so that its interval does not break in itself."""
    return re.sub(r"(\S+) (\([^()]*–[^()]*\))", r"<span>\1 <span>\2</span></span>", text)


def _movement(movement: Movement) -> str:
    way = "up" if movement.after > movement.before else "down"
    ends = [
        f"{word}: {_best(best)}"
        for word, best in (("before", movement.best_before), ("after", movement.best_after))
        if best is not None
    ]
    return (
        f'<b>{escape(movement.text)}</b> <code class="quiet">{escape(movement.query)}</code> '
        f'<span class="{way}">{movement.before:.3f} → {movement.after:.3f}</span>{_list(ends)}'
    )


def _best(best: Best) -> str:
    told = f"<code>{escape(best.document)}</code> ({best.verdict})"
    return f'{told} <span class="quiet">{escape(best.text)}</span>' if best.text else told


def _list(items: Iterator[str] | list[str]) -> str:
    return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"
