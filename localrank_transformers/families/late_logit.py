"""The logit of a late-interaction model: the mean of best cosines, or the line through it that its files state."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from localrank.contract.errors import ModelLoadError
from localrank_transformers.families.exported import EXPORTED_FILE, ExportedGraph
from localrank_transformers.scoring import Activation, margins

__all__ = ["LateLogit", "late_logit"]


@dataclass(frozen=True, slots=True)
class LateLogit:
    """What a mean of best cosines is turned into: scale · cosine + bias.

    Attributes:
        scale: Above 0, so that the order stays.
        bias: What is added.
        activation: What turns such a logit into a score where the user does not say: a line that was fitted gives
            probabilities, a bare cosine is none.
    """

    scale: float = 1.0
    bias: float = 0.0
    activation: Activation = "none"

    def margins(self, cosines: npt.NDArray[Any]) -> list[float]:
        """Return one logit a document.

        Args:
            cosines: Shape (documents,).

        Raises:
            InferenceError: A number that is not finite.
        """
        return margins(self.scale * cosines.astype(np.float64) + self.bias)


def late_logit(exported: ExportedGraph | None) -> LateLogit:
    """Return what `localrank.json` states: `scale` and `bias` in its settings, or the cosine as it is without them.

    Raises:
        ModelLoadError: They are no two finite numbers, or the scale is not above 0.
    """
    settings: Mapping[str, Any] = {} if exported is None else exported.settings
    stated = [settings.get(name) for name in ("scale", "bias")]
    if stated == [None, None]:
        return LateLogit()
    scale, bias = (_finite(value) for value in stated)
    if scale is None or bias is None or scale <= 0:
        raise ModelLoadError(
            f"{EXPORTED_FILE} states the scale {stated[0]!r} and the bias {stated[1]!r}.",
            hint="Both must be finite numbers, and the scale above 0; without both, the score is the cosine.",
        )
    return LateLogit(scale, bias, "sigmoid")


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
