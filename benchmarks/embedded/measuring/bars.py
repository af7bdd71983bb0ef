"""What new embedded models must reach: against the first stage, on questions, over the model before, small beside large."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from benchmarks.common.results import Bar
from benchmarks.common.statistics import Interval

__all__ = ["Measured", "bars_of"]

_TOGETHER = ("wikiqa", "squad_heldout", "scifact")
_LOSS = 0.005
_GAIN = 1.10
_OVER_BEFORE = 1.05
_LARGE, _SMALL = "localrank-mini", "localrank-tiny"
_KEPT = 0.6


@dataclass(frozen=True, slots=True)
class Measured:
    """One model over one first stage of one collection.

    Attributes:
        collection: Name.
        stage: The first stage.
        model: Name and precision.
        queries: How many.
        first: nDCG@10 of the first stage.
        value: nDCG@10 of the model, with its interval.
        change: Against the first stage, with its paired interval.
    """

    collection: str
    stage: str
    model: str
    queries: int
    first: Interval
    value: Interval
    change: Interval


def bars_of(rows: Sequence[Measured]) -> list[Bar]:
    """Return the bars of every model; of several names, each is held against the last one too."""
    bars: list[Bar] = []
    models = list(dict.fromkeys(row.model for row in rows))
    for stage in dict.fromkeys(row.stage for row in rows):
        own = [row for row in rows if row.stage == stage]
        for model in models:
            mine = [row for row in own if row.model == model]
            bars += [_not_below(row) for row in mine]
            bars += _together(mine, stage, model)
        bars += _over_before(own, stage, models)
        bars += _kept(own, stage)
    return bars


def _not_below(row: Measured) -> Bar:
    change = row.value.mean - row.first.mean
    name = f"{row.model}, {row.collection} over {row.stage}: against the first stage"
    return Bar(name, f"≥ −{_LOSS}", f"{change:+.4f}", change >= -_LOSS)


def _together(rows: Iterable[Measured], stage: str, model: str) -> list[Bar]:
    found = [row for row in rows if row.collection in _TOGETHER]
    if not found:
        return []
    ratio = fmean(row.value.mean for row in found) / fmean(row.first.mean for row in found)
    names = " + ".join(row.collection for row in found)
    return [Bar(f"{model}, {names} over {stage}", f"≥ × {_GAIN}", f"× {ratio:.3f}", ratio >= _GAIN)]


def _over_before(rows: Sequence[Measured], stage: str, models: Sequence[str]) -> list[Bar]:
    """Hold each model against the last name given, in the same precision; the small one is none that came before."""
    bars = []
    before = models[-1].rsplit(" ", 1)[0]
    if before == _SMALL:
        return []
    means = {model: fmean(row.value.mean for row in rows if row.model == model) for model in models}
    for model in models:
        name, precision = model.rsplit(" ", 1)
        other = f"{before} {precision}"
        if name == before or other not in means:
            continue
        ratio = means[model] / means[other]
        bars.append(
            Bar(
                f"{model} over {before}, mean of all, {stage}",
                f"≥ × {_OVER_BEFORE}",
                f"× {ratio:.3f}",
                ratio >= _OVER_BEFORE,
            )
        )
    return bars


def _kept(rows: Sequence[Measured], stage: str) -> list[Bar]:
    """Hold the small model's mean gain against the large one's, in the same precision."""
    bars = []
    for model in dict.fromkeys(row.model for row in rows if row.model.startswith(_SMALL)):
        small, large = (
            [row.value.mean - row.first.mean for row in rows if row.model == name]
            for name in (model, model.replace(_SMALL, _LARGE))
        )
        if large and fmean(large) > 0:
            share = fmean(small) / fmean(large)
            name = f"{model}: of the mean gain of {_LARGE}, {stage}"
            bars.append(Bar(name, f"≥ {_KEPT:.0%}", f"{share:.0%}", share >= _KEPT))
    return bars
