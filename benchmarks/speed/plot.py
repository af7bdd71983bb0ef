"""Latency against the number of documents: one panel a kind of text, one line a system, both axes logarithmic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.speed.measurements import ModelResult
from benchmarks.speed.systems import SYSTEMS

__all__ = ["plot"]

_COLOURS = {
    "localrank": "#c2410c",
    "st-torch": "#1f77b4",
    "st-onnx": "#2ca02c",
    "st-openvino": "#9467bd",
    "transformers": "#e377c2",
    "rerankers": "#7f7f7f",
    "flashrank": "#bcbd22",
    "fastembed": "#17becf",
}
"""By the beginning of a system's name; float32 is dashed, `refined` dotted, a half precision dash-dotted."""

_OTHER_LINES = {"localrank-refined": ":", "st-torch-bf16": "-."}


def plot(model: ModelResult, place: Path) -> list[Path]:
    """Write `place`.svg and `place`.png and return their paths; nothing without matplotlib or with one size only."""
    kinds = [kind for kind in ("short", "mixed") if len(_sizes(model, kind)) > 1]
    if not kinds:
        return []
    import matplotlib as mpl  # noqa: PLC0415 - in the bench extra

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "localrank"
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, panels = plt.subplots(
        1, len(kinds), figsize=(6.4 * len(kinds), 5.2), sharey=True, squeeze=False, layout="constrained"
    )
    for panel, kind in zip(panels[0], kinds, strict=True):
        _panel(panel, model, kind)
    panels[0][0].set_ylabel("milliseconds a call (median)")
    handles, labels = panels[0][-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    figure.suptitle(f"Reranking on the CPU, same weights ({model.shape}), same documents")
    paths = [place.with_name(place.name + suffix) for suffix in (".svg", ".png")]
    for path in paths:
        figure.savefig(path, dpi=150)
    plt.close(figure)
    return paths


def _sizes(model: ModelResult, kind: str) -> list[int]:
    return [one.size for one in model.workloads if one.kind == kind]


def _panel(panel: Any, model: ModelResult, kind: str) -> None:
    workloads = [one for one in model.workloads if one.kind == kind]
    for name, system in SYSTEMS.items():
        medians = [(one.size, one.systems[name].median) for one in workloads if name in one.systems]
        points = [(size, value * 1000) for size, value in medians if value is not None]
        if not points:
            continue
        colour = next(colour for start, colour in _COLOURS.items() if name.startswith(start))
        line = _OTHER_LINES.get(name, "--" if system.exact else "-")
        width, marker = (2.6, 4.5) if system.is_own else (1.2, 2.5)
        style: dict[str, Any] = {"color": colour, "linestyle": line, "linewidth": width}
        style |= {"marker": "o", "markersize": marker, "zorder": 3 if system.is_own else 2}
        panel.plot(*zip(*points, strict=True), label=system.title.replace("*", ""), **style)
    panel.set(xscale="log", yscale="log", xlabel="documents")
    panel.set_title(f"{kind} documents", fontsize=10)
    panel.set_xticks(_sizes(model, kind), [f"{size:,}" for size in _sizes(model, kind)])
    panel.minorticks_off()
    panel.grid(visible=True, alpha=0.25)
    panel.spines[["top", "right"]].set_visible(False)
