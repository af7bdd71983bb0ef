"""A report as one HTML page that needs nothing else: no script, no style sheet, no picture from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from localrank.evaluation.movements import Best, Movement
from localrank.evaluation.report import Report, Table
from localrank.evaluation.scatter import scatter_svg

__all__ = ["html"]

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem }
body { color: #24292f; background: #fff }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
.wide { overflow-x: auto }
th, td { padding: .3rem .7rem; border-bottom: 1px solid #d0d7de; text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left }
svg { max-width: 50rem; width: 100%; height: auto }
li { margin: .4rem 0 }
.up { color: #1a7f37 } .down { color: #d1242f } .quiet { color: #57606a }
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
    head = "".join(f"<th>{escape(name)}</th>" for name in table.columns)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>\n" for row in table.rows)
    return (
        f'<h2>{escape(table.title)}</h2><p class="quiet">{escape(table.note)}</p>'
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table></div>'
    )


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
