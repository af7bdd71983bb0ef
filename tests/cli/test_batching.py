"""How far a job is, in words."""

from __future__ import annotations

import signal

import pytest

from localrank.batches.running import BatchProgress
from localrank.cli import batching


@pytest.fixture
def progress(monkeypatch: pytest.MonkeyPatch) -> batching._Progress:
    """Words on progress to a terminal, without a pause between two of them."""
    monkeypatch.setattr(batching, "stderr_is_terminal", lambda: True)
    monkeypatch.setitem(batching._BETWEEN_LINES_S, True, 0.0)
    return batching._Progress()


def ranked(rows: int) -> BatchProgress:
    return BatchProgress("ranking", rows, 60, rows, 0, 0.0)


def test_what_is_done_has_no_time_left(
    progress: batching._Progress, capsys: pytest.CaptureFixture[str]
) -> None:
    for rows in (0, 30, 60):
        progress.show(ranked(rows))

    _, _, half, whole = capsys.readouterr().err.split("\r")
    assert half.endswith(" left")
    assert whole.startswith("60 of 60 rows (100%)")
    assert "left" not in whole


def test_the_word_on_ctrl_c_stands_on_a_line_of_its_own(
    progress: batching._Progress, capsys: pytest.CaptureFixture[str]
) -> None:
    with batching._stopping(progress) as stop:
        progress.show(ranked(30))
        signal.raise_signal(signal.SIGINT)

    assert stop.is_set()
    assert "\rlocalrank: finishing this part" in capsys.readouterr().err
