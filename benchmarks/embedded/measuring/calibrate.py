"""Whether `sigmoid(logit)` can be read as a probability: `python -m benchmarks.embedded.measuring.calibrate`.

Takes the development lists of the kinds that people wrote, ranks each list's candidates, and compares the scores with how
often such a passage answers: expected calibration error over 15 bins of equal count (Guo et al. 2017, "On Calibration of Modern
Neural Networks"), before and after a temperature and a bias that are fitted on half of the lists, measured on the other half.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.common.options import script_parser
from benchmarks.common.results import RESULTS, write
from benchmarks.common.tables import markdown_table
from benchmarks.embedded.records.reading import HUMAN
from localrank import rerank_sync
from localrank.compose.rules.fitting import fit_temperature
from localrank_transformers import OnnxReranker

_BINS = 15
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fit:
    """`sigmoid((logit + bias) / temperature)`."""

    temperature: float
    bias: float

    def __call__(self, logits: Floats) -> Floats:
        """Return probabilities."""
        return _sigmoid((logits + self.bias) / self.temperature)


def main() -> int:
    """Measure, fit, plot, write."""
    parser = script_parser(__doc__)
    parser.add_argument("--model", help="a folder; the embedded model if left out")
    parser.add_argument("--precision", default="int8")
    parser.add_argument("--dev", type=Path, required=True, help="dev.jsonl.gz, by prepare")
    parser.add_argument("--lists", type=int, default=160)
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    model = OnnxReranker(arguments.model, precision=arguments.precision)
    lists = _logits(model, arguments.dev, arguments.lists)
    fitted_on, measured_on = _flat(lists[::2]), _flat(lists[1::2])
    plain, fit = Fit(1.0, 0.0), fit_scores(*fitted_on)
    rows = []
    for name, one in (("as it is", plain), ("fitted", fit)):
        probabilities = one(measured_on[0])
        rows.append(
            [
                name,
                f"{one.temperature:.3f}",
                f"{one.bias:+.3f}",
                f"{calibration_error(probabilities, measured_on[1]):.4f}",
                f"{float(np.mean((probabilities - measured_on[1]) ** 2)):.4f}",
            ]
        )
    text = (
        f"{len(lists)} queries of people, {len(measured_on[0]) + len(fitted_on[0])} pairs.\n\n"
        + markdown_table(["scores", "temperature", "bias", "expected calibration error", "Brier"], rows)
    )
    _plot(arguments.output / "calibration.svg", [("as it is", plain), ("fitted", fit)], *measured_on)
    write(
        "calibration",
        "Calibration of the scores",
        text,
        {"fit": asdict(fit), "rows": rows},
        folder=arguments.output,
    )
    return 0


def _logits(model: OnnxReranker, path: Path, count: int) -> list[tuple[list[float], list[int]]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["kind"] in HUMAN]
    chosen = [rows[place * len(rows) // count] for place in range(count)] if count < len(rows) else rows
    found = []
    for row in chosen:
        result = rerank_sync(model, row["query"], row["documents"])
        found.append(
            ([float(one.metadata["logit"]) for one in result], [row["labels"][one.index] for one in result])
        )
    return found


def _flat(lists: list[tuple[list[float], list[int]]]) -> tuple[Floats, Floats]:
    return (
        np.asarray([value for logits, _ in lists for value in logits], np.float64),
        np.asarray([label for _, labels in lists for label in labels], np.float64),
    )


def fit_scores(logits: Floats, labels: Floats) -> Fit:
    """Return the temperature and bias of the highest likelihood (Platt scaling)."""
    slope, bias = fit_temperature(logits.tolist(), (labels > 0).tolist())
    return Fit(1 / slope, bias / slope)


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -60, 60))))


def calibration_error(probabilities: Floats, labels: Floats) -> float:
    """Return the mean distance of probability and frequency over bins of equal count."""
    parts = _parts(probabilities)
    gaps = [len(part) * abs(probabilities[part].mean() - labels[part].mean()) for part in parts]
    return float(sum(gaps) / len(probabilities))


def _parts(probabilities: Floats) -> list[NDArray[np.int64]]:
    """Return the places of each bin; equal scores are in one bin."""
    edges = np.unique(np.quantile(probabilities, np.linspace(0, 1, _BINS + 1)[1:-1]))
    bins = np.searchsorted(edges, probabilities, side="right")
    return [np.flatnonzero(bins == number) for number in np.unique(bins)]


def _plot(path: Path, fits: list[tuple[str, Fit]], logits: Floats, labels: Floats) -> None:
    import matplotlib as mpl  # noqa: PLC0415 - only for the picture

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(4.5, 4.5))
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for name, fit in fits:
        probabilities = fit(logits)
        parts = _parts(probabilities)
        axes.plot(
            [probabilities[part].mean() for part in parts],
            [labels[part].mean() for part in parts],
            marker="o",
            label=name,
        )
    axes.set(xlabel="score", ylabel="share of passages that answer", xlim=(0, 1), ylim=(0, 1))
    axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, bbox_inches="tight")


if __name__ == "__main__":
    raise SystemExit(main())
