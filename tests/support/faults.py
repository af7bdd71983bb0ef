"""Faults put into an engine on purpose, and what must come of them: the comparison that held before no longer does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from localrank.contract.errors import ModelLoadError
from localrank_transformers.families.late.tokens import LateTokenizer

Fault = Callable[[pytest.MonkeyPatch], None]
Comparison = Callable[[Path], Awaitable[None]]


async def check_noticed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    comparison: Comparison,
    *,
    refusal: str | None = None,
) -> None:
    """Fail unless `comparison` holds and is wrong once `fault` is put in, or ends in a `ModelLoadError` with `refusal`."""
    await comparison(tmp_path / "sound")
    fault(monkeypatch)

    with pytest.raises(ModelLoadError if refusal else AssertionError, match=refusal):
        await comparison(tmp_path / "faulty")


def punctuation_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let late interaction compare the tokens that its layout leaves out."""
    monkeypatch.setattr(LateTokenizer, "counted", lambda _self, row: np.ones_like(row))


def marker_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the token out that says of a row that it is a document's."""
    row = LateTokenizer.row
    monkeypatch.setattr(LateTokenizer, "row", lambda self, document: np.delete(row(self, document), 1))


def activate_twice(monkeypatch: pytest.MonkeyPatch, place: ModuleType) -> None:
    """Put the scores that `place` makes of its logits through the activation again."""
    score = place.score
    monkeypatch.setattr(place, "score", lambda logit, activation: score(score(logit, activation), activation))


def leave_logits(monkeypatch: pytest.MonkeyPatch, place: ModuleType) -> None:
    """Let `place` return logits for scores."""
    monkeypatch.setattr(place, "score", lambda logit, _activation: logit)
