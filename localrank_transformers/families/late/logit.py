"""The logit of a late-interaction model: the mean of best cosines, or what its files state: weights, and a line through it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from localrank.contract.errors import ModelLoadError
from localrank_transformers.call.contract import Activation
from localrank_transformers.families.logits import margins
from localrank_transformers.models.folder.exported import EXPORTED_FILE, ExportedGraph

__all__ = ["LateLogit", "folder_activation", "late_logit", "late_settings"]

_BY_LENGTH = "length"


@dataclass(frozen=True, slots=True)
class LateLogit:
    """What the best cosines of a query's tokens are turned into: scale · mean + bias.

    Attributes:
        scale: Above 0, so that the order stays.
        bias: What is added.
        activation: What turns such a logit into a score where the user does not say: a line that was fitted gives
            probabilities, a bare cosine is none.
        by_length: Whether a query's token counts in the mean by the length of its vector instead of like every other. An
            encoder whose vectors were trained to be averaged says by their lengths what matters in a text.
    """

    scale: float = 1.0
    bias: float = 0.0
    activation: Activation = "none"
    by_length: bool = False

    @property
    def fitted(self) -> bool:
        """Whether scale and bias were stated, so that the sigmoid is a probability."""
        return self.activation == "sigmoid"

    def margins(self, cosines: npt.NDArray[Any]) -> list[float]:
        """Return one logit a document.

        Args:
            cosines: Shape (documents,).

        Raises:
            InferenceError: A number that is not finite.
        """
        return margins(self.scale * cosines.astype(np.float64) + self.bias)


def late_logit(exported: ExportedGraph | None) -> LateLogit:
    """Return what `localrank.json` states: `scale`, `bias` and `query_weights`, or the mean cosine as it is without them.

    Raises:
        ModelLoadError: Scale and bias are no two finite numbers, the scale is not above 0, or the weights are not known.
    """
    settings: Mapping[str, Any] = {} if exported is None else exported.settings
    weights = settings.get("query_weights")
    if weights not in (None, _BY_LENGTH):
        raise ModelLoadError(
            f"{EXPORTED_FILE} states the query_weights {weights!r}.",
            hint=f"It must be {_BY_LENGTH!r}, or absent: then all tokens of a query count the same.",
        )
    by_length = weights == _BY_LENGTH
    stated = [settings.get(name) for name in ("scale", "bias")]
    if stated == [None, None]:
        return LateLogit(by_length=by_length)
    scale, bias = (_finite(value) for value in stated)
    if scale is None or bias is None or scale <= 0:
        raise ModelLoadError(
            f"{EXPORTED_FILE} states the scale {stated[0]!r} and the bias {stated[1]!r}.",
            hint="Both must be finite numbers, and the scale above 0; without both, the score is the cosine.",
        )
    return LateLogit(scale, bias, "sigmoid", by_length)


def late_settings(logit: LateLogit) -> dict[str, Any]:
    """Return the settings in `localrank.json` that `late_logit` reads as `logit`."""
    weights = {"query_weights": _BY_LENGTH} if logit.by_length else {}
    return {"scale": logit.scale, "bias": logit.bias, **weights}


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def folder_activation(folder: Path) -> Activation:
    """Return what turns a logit of the model in `folder` into a score where the user does not say.

    Raises:
        ModelLoadError: A file is missing or damaged.
    """
    # The embedded model has its logit too, and reads no folder.
    from localrank_transformers.models.folder.reading import exported_of, layout_of  # noqa: PLC0415
    from localrank_transformers.models.folder.settings_files import read_settings_files  # noqa: PLC0415

    files = read_settings_files(folder)
    return "sigmoid" if layout_of(files) is None else late_logit(exported_of(files)).activation
