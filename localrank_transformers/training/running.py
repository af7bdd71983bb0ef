"""A training run on prepared data, top to bottom: start weights, train, calibrate, publish."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from localrank.contract.errors import InvalidRequestError
from localrank_transformers.training.data.development import first_stage_scores, measure
from localrank_transformers.training.data.preparing import Prepared, read_prepared, write_prepared
from localrank_transformers.training.fitting.fitting import fit, load_model
from localrank_transformers.training.fitting.watching import list_logits
from localrank_transformers.training.model.start import write_start
from localrank_transformers.training.publishing.publishing import Material, publish
from localrank_transformers.training.request import (
    RECORD,
    WORK,
    Progress,
    TrainRequest,
    TrainResult,
    load_request,
    save_request,
)

__all__ = ["resume_run", "start_run"]

OnStep = Callable[[str], None]
OnProgress = Callable[[Progress], None]


def start_run(
    request: TrainRequest, prepared: Prepared, on_step: OnStep, on_progress: OnProgress
) -> TrainResult:
    """Keep the data and the start weights, then train; see `localrank_transformers.training.train`."""
    work = request.out / WORK
    write_prepared(work, *prepared)
    on_step(f"start weights: {request.base}")
    write_start(request.base, work / "start", shape=request.student, seed=request.settings.seed)
    save_request(request, work)
    return _run(request, on_step, on_progress, resumed=False)


def resume_run(out: Path, on_step: OnStep, on_progress: OnProgress) -> TrainResult:
    """Go on from the last checkpoint; see `localrank_transformers.training.resume`."""
    if (out / RECORD).is_file():  # it is written last
        raise InvalidRequestError(f"The run in {out} is finished.", hint="Train again into another folder.")
    request = replace(load_request(out / WORK), out=out)
    return _run(request, on_step, on_progress, resumed=True)


def _run(request: TrainRequest, on_step: OnStep, on_progress: OnProgress, *, resumed: bool) -> TrainResult:
    work = request.out / WORK
    lists, dev = read_prepared(work)
    model = load_model(work / "start", request.settings)
    first, before = measure(dev, first_stage_scores(dev)), measure(dev, list_logits(model, dev))
    on_step(
        f"train on {len(lists)} lists; {len(dev)} to measure on: first stage {first:.4f}, base {before:.4f}"
    )
    begun = time.monotonic()
    fitted = fit(
        model,
        lists,
        dev,
        request.settings,
        checkpoints=work / "checkpoints",
        resume=resumed and (work / "checkpoints").exists(),
        on_progress=on_progress,
    )
    seconds = time.monotonic() - begun
    result = TrainResult(
        request.out, not fitted.stopped, fitted.steps, fitted.total, first, before, seconds=seconds
    )
    return result if fitted.stopped else publish(fitted, result, request, Material(lists, dev), on_step)
