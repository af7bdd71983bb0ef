"""Every wrapper around a single model, by its name."""

from __future__ import annotations

from localrank import Batched, Cached, Calibrated, Chunked, Diversified, Limited, When, wrapped
from localrank.compose.otel import traced
from localrank.compose.single.calibration import fit_calibration

AROUND_ONE = {
    "batched": lambda model: Batched(model, max_documents=2),
    "cached": Cached,
    "calibrated": lambda model: Calibrated(model, fit_calibration([1.0, 2.0], [False, True])),
    "chunked": lambda model: Chunked(model, chunk_tokens=4),
    "diversified": Diversified,
    "limited": lambda model: Limited(model, concurrency=1),
    "traced": traced,
    "when": lambda model: When(model, min_documents=1),
    "wrapped": lambda model: wrapped(model, transform_options=lambda options: options),
}
