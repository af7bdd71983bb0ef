"""The first part of a run, which needs no torch: is there a folder to write to, and can the data be used."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from localrank.contract.errors import InvalidRequestError
from localrank_transformers.training.data.preparing import Prepared, prepare
from localrank_transformers.training.request import RECORD, WORK, TrainRequest

__all__ = ["begin"]


def begin(request: TrainRequest, on_step: Callable[[str], None]) -> Prepared:
    """Make the folder of the run, and return the data to train on; where they cannot be used, no empty folder is left.

    Raises:
        InvalidRequestError: There is a run or a model in `request.out` already.
        InvalidDataError: Data that cannot be used.
    """
    out, work = request.out, request.out / WORK
    if (out / RECORD).is_file():
        hint = "Take another folder, or delete that one."
        raise InvalidRequestError(f"{out} holds a model that was trained already.", hint=hint)
    if (work / "checkpoints").exists():
        hint = f"Go on with it (--resume {out}), or take another folder."
        raise InvalidRequestError(f"{out} holds a run already.", hint=hint)
    work.mkdir(parents=True, exist_ok=True)
    try:
        return prepare(request, on_step)
    except BaseException:
        with suppress(OSError):
            work.rmdir()
            out.rmdir()
        raise
