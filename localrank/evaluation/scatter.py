"""Quality against time as an SVG picture: one point a model, the first stage as a line."""

from __future__ import annotations

import math
from html import escape

from localrank.evaluation.results import Evaluation

__all__ = ["scatter_svg"]

_WIDTH, _HEIGHT = 720, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 170, 20, 55
_COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#bf3989", "#0a7d91", "#57606a")


def scatter_svg(evaluation: Evaluation) -> str:
    """Return the picture: milliseconds per query (median, on a logarithmic scale) against the first measure."""
    measure = evaluation.measures[0]
    points = [
        (model.name, model.median_ms, model.means[measure]) for model in evaluation.models if model.median_ms
    ]
    base = evaluation.first_stage.means[measure]
    across = _Scale([math.log10(ms) for _, ms, _ in points if ms], _LEFT, _WIDTH - _RIGHT, margin=0.25)
    up = _Scale([base, *(value for _, _, value in points)], _HEIGHT - _BOTTOM, _TOP, margin=0.02)
    parts = [_frame(measure), *_time_ticks(across), *_value_ticks(up)]
    y = up(base)
    parts.append(
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#57606a" stroke-dasharray="5 4"/>'
        f'<text x="{_WIDTH - _RIGHT + 6}" y="{y + 4:.1f}">{escape(evaluation.first_stage.name)}</text>'
    )
    for at, (name, ms, value) in enumerate(points):
        colour = _COLOURS[at % len(_COLOURS)]
        x, y = across(math.log10(ms or 1)), up(value)
        side, anchor = (1, "start") if x < _WIDTH / 2 else (-1, "end")
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{colour}"><title>{escape(name)}: {measure} {value:.4f}, '
            f"{ms:,.1f} ms</title></circle>"
            f'<text x="{x + side * 10:.1f}" y="{y - 8:.1f}" fill="{colour}" text-anchor="{anchor}">{escape(name)}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(measure)} against milliseconds per query" font-family="sans-serif" font-size="12" '
        f'fill="#24292f"><rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>{"".join(parts)}</svg>\n'
    )


class _Scale:
    """Values to places on the picture, with a margin on either side."""

    def __init__(self, values: list[float], start: float, end: float, *, margin: float) -> None:
        self.low = min(values, default=0.0) - margin
        self.high = max(values, default=1.0) + margin
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        return self._start + (value - self.low) / (self.high - self.low) * (self._end - self._start)


def _frame(measure: str) -> str:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    middle = (_TOP + bottom) / 2
    return (
        f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="#24292f"/>'
        f'<text x="{(_LEFT + right) / 2}" y="{_HEIGHT - 12}" text-anchor="middle">milliseconds per query (median)</text>'
        f'<text transform="translate(18 {middle}) rotate(-90)" text-anchor="middle">{escape(measure)}</text>'
    )


def _time_ticks(scale: _Scale) -> list[str]:
    """Return marks at 1, 2 and 5 times the powers of ten."""
    steps = [
        digit * 10.0**power
        for power in range(math.floor(scale.low), math.ceil(scale.high) + 1)
        for digit in (1, 2, 5)
    ]
    return [
        f'<text x="{scale(math.log10(step)):.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{step:,g}</text>'
        for step in steps
        if scale.low <= math.log10(step) <= scale.high
    ]


def _value_ticks(scale: _Scale) -> list[str]:
    count = 5
    values = [scale.low + (scale.high - scale.low) * at / count for at in range(count + 1)]
    return [
        f'<text x="{_LEFT - 8}" y="{scale(value) + 4:.1f}" text-anchor="end">{value:.3f}</text>'
        f'<path d="M{_LEFT} {scale(value):.1f}H{_WIDTH - _RIGHT}" stroke="#d0d7de" stroke-width="0.5"/>'
        for value in values
    ]
