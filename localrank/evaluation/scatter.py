"""Quality against time as an SVG picture: one point a model, the first stage as a line. Light or dark as the reader has it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Literal

from localrank.evaluation.results import Evaluation

__all__ = ["Theme", "scatter_svg"]

Theme = Literal["light", "dark"]

_WIDTH, _HEIGHT = 600, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 16, 16, 56
_LINE = 17
"""Height of a line of text."""
_LETTER = 7.4
"""Width of a letter of a sans serif of 14, on the mean."""

_STYLES: dict[Theme, tuple[str, str, str, str, tuple[str, ...]]] = {
    "light": (
        "#ffffff",
        "#24292f",
        "#57606a",
        "#d0d7de",
        ("#0969da", "#cf222e", "#1a7f37", "#9a6700", "#8250df", "#bf3989", "#0a7d91", "#57606a"),
    ),
    "dark": (
        "#0d1117",
        "#e6edf3",
        "#9198a1",
        "#3d444d",
        ("#58a6ff", "#ff7b72", "#56d364", "#e3b341", "#d2a8ff", "#ff9bce", "#56d4dd", "#9198a1"),
    ),
}
"""Paper, ink, fainter ink, lines, and the colours of points: each has a contrast of 4.5 and more to its paper."""


def scatter_svg(evaluation: Evaluation, *, theme: Theme | None = None) -> str:
    """Return the picture: milliseconds per query (median, on a logarithmic scale) against the first measure.

    Args:
        evaluation: What is drawn.
        theme: Light or dark; None leaves it to the reader's own setting.
    """
    measure = evaluation.measures[0]
    points = [
        (model.name, model.median_ms, model.means[measure]) for model in evaluation.models if model.median_ms
    ]
    base = evaluation.first_stage.means[measure]
    across = _Scale([math.log10(ms) for _, ms, _ in points if ms], _LEFT, _WIDTH - _RIGHT, margin=0.25)
    up = _Scale([base, *(value for _, _, value in points)], _HEIGHT - _BOTTOM, _TOP, margin=0.02)
    labels = _Labels()
    parts = [
        _frame(measure),
        *_time_ticks(across),
        *_value_ticks(up, max([base, *(value for _, _, value in points)])),
        _first_stage(evaluation, up(base), labels),
    ]
    for at, (name, ms, value) in enumerate(points):
        x, y = across(math.log10(ms or 1)), up(value)
        parts.append(
            f'<circle class="c{at % 8}" cx="{x:.1f}" cy="{y:.1f}" r="6"><title>{escape(name)}: {escape(measure)} {value:.4f}, '
            f"{ms:,.1f} ms</title></circle>"
        )
        parts.append(labels.beside(x, y, name, f"c{at % 8}"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" class="plot" '
        f'aria-label="{escape(measure)} against milliseconds per query" font-family="system-ui, sans-serif" font-size="14">'
        f"<style>{_style(theme)}</style>"
        f'<rect class="paper" width="{_WIDTH}" height="{_HEIGHT}"/>{"".join(parts)}</svg>\n'
    )


def _style(theme: Theme | None) -> str:
    if theme is not None:
        return _rules(theme)
    return f"{_rules('light')}@media (prefers-color-scheme: dark) {{{_rules('dark')}}}"


def _rules(theme: Theme) -> str:
    """Return rules that hold inside the picture alone, since a page may hold it among its own."""
    paper, ink, faint, lines, colours = _STYLES[theme]
    points = "".join(
        f".plot circle.c{at},.plot text.c{at}{{fill:{colour}}}" for at, colour in enumerate(colours)
    )
    return (
        f".plot .paper{{fill:{paper}}}.plot text{{fill:{ink}}}.plot .axis{{stroke:{ink};fill:none}}"
        f".plot .grid{{stroke:{lines}}}.plot .base{{stroke:{faint};stroke-dasharray:5 4}}"
        f".plot text.faint{{fill:{faint}}}{points}"
    )


@dataclass(frozen=True, slots=True)
class _Box:
    left: float
    right: float
    bottom: float

    def meets(self, other: _Box) -> bool:
        return self.left < other.right and other.left < self.right and abs(self.bottom - other.bottom) < _LINE


class _Labels:
    """Names beside their points, each where no earlier one stands."""

    def __init__(self) -> None:
        self._taken: list[_Box] = []

    def beside(self, x: float, y: float, name: str, mark: str) -> str:
        """Return a name beside a point, on the side with more room."""
        width = _LETTER * len(name)
        to_the_right = x < (_LEFT + _WIDTH) / 2
        left = x + 10 if to_the_right else x - 10 - width
        for bottom in _heights(y - 6):
            box = _Box(left, left + width, bottom)
            if not any(box.meets(other) for other in self._taken):
                break
        self._taken.append(box)
        anchor, place = ("start", x + 10) if to_the_right else ("end", x - 10)
        return f'<text class="{mark}" x="{place:.1f}" y="{box.bottom:.1f}" text-anchor="{anchor}">{escape(name)}</text>'

    def on_the_right(self, y: float, name: str) -> str:
        """Return a name at the right end of a line at `y`, above it."""
        right = float(_WIDTH - _RIGHT)
        self._taken.append(_Box(right - _LETTER * len(name), right, y - 5))
        return f'<text class="faint" x="{right:.1f}" y="{y - 5:.1f}" text-anchor="end">{escape(name)}</text>'


def _heights(wanted: float) -> Iterator[float]:
    """Yield heights at which a name may stand, nearest first, within the frame."""
    yield wanted
    for step in range(1, _HEIGHT // _LINE):
        for height in (wanted + step * _LINE, wanted - step * _LINE):
            if _TOP + _LINE <= height <= _HEIGHT - _BOTTOM:
                yield height


def _first_stage(evaluation: Evaluation, y: float, labels: _Labels) -> str:
    name = labels.on_the_right(y, f"{evaluation.first_stage.name} (first stage)")
    return f'<line class="base" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>{name}'


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
        f'<path class="axis" d="M{_LEFT} {_TOP}V{bottom}H{right}"/>'
        f'<text x="{(_LEFT + right) / 2}" y="{_HEIGHT - 10}" text-anchor="middle">milliseconds per query (median)</text>'
        f'<text transform="translate(16 {middle}) rotate(-90)" text-anchor="middle">{escape(measure)}</text>'
    )


def _time_ticks(scale: _Scale) -> list[str]:
    """Return marks at 1, 2 and 5 times the powers of ten."""
    steps = [
        digit * 10.0**power
        for power in range(math.floor(scale.low), math.ceil(scale.high) + 1)
        for digit in (1, 2, 5)
    ]
    y = _HEIGHT - _BOTTOM + 18
    return [
        f'<text class="faint" x="{scale(math.log10(step)):.1f}" y="{y}" text-anchor="middle">{step:,g}</text>'
        for step in steps
        if scale.low <= math.log10(step) <= scale.high
    ]


def _value_ticks(scale: _Scale, most: float) -> list[str]:
    """Return marks at round numbers, seven at most; of shares, whose `most` is 1 at best, none above 1."""
    least = (scale.high - scale.low) / 6
    power = math.floor(math.log10(least))
    digit = next(digit for digit in (1, 2, 5, 10) if digit * 10.0**power >= least)
    power, digit = (power + 1, 1) if digit == 10 else (power, digit)
    step = digit * 10.0**power
    high = min(scale.high, 1.0) if most <= 1 else scale.high
    places = range(math.ceil(scale.low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    return [
        f'<path class="grid" d="M{_LEFT} {scale(at * step):.1f}H{_WIDTH - _RIGHT}" stroke-width="0.5"/>'
        f'<text class="faint" x="{_LEFT - 8}" y="{scale(at * step) + 5:.1f}" text-anchor="end">'
        f"{at * step:,.{max(0, -power)}f}</text>"
        for at in places
    ]
