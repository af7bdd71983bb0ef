"""What a run tells: how far it is, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Calibrated", "Progress", "TrainResult"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far training is.

    Attributes:
        step: Steps done.
        total: Steps of the whole run.
        loss: The mean loss since the last report, or None.
        development: The development measure, where it was just taken.
    """

    step: int
    total: int
    loss: float | None = None
    development: float | None = None


@dataclass(frozen=True, slots=True)
class Calibrated:
    """How well a score reads as a probability, on the development set.

    Attributes:
        scale: What logits were multiplied by; it is inside the weights. 1 where that did not help.
        shift: What was then added; likewise, 0 where it did not help.
        before: Expected calibration error of sigmoid(logit) in ten bins, before.
        after: The same, after.
        pairs: How many labelled pairs it was measured on.
    """

    scale: float
    shift: float
    before: float
    after: float
    pairs: int


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What a run came to.

    Attributes:
        out: The folder of the model, or of the checkpoints where it was stopped.
        finished: False after Ctrl-C; `resume` then goes on.
        steps: Steps done.
        total: Steps planned.
        first_stage: nDCG@10 of the development lists' own order.
        before: nDCG@10 of the start weights.
        after: nDCG@10 of the trained weights in float32; None where it was stopped.
        int8: nDCG@10 of the int8 graph; None where it was stopped, or the architecture has none.
        calibrated: None where it was stopped.
        seconds: Time spent training, in this run.
    """

    out: Path
    finished: bool
    steps: int
    total: int
    first_stage: float
    before: float
    after: float | None = None
    int8: float | None = None
    calibrated: Calibrated | None = None
    seconds: float = 0.0
