"""One figure of progress for several stages: their work is counted together and told in documents."""

from __future__ import annotations

from collections.abc import Sequence

from localrank.contract.model import ReportProgress, ignore_progress

__all__ = ["SharedProgress"]


class SharedProgress:
    """Tells `report(done, total)` how far all stages together are; `done` never falls.

    Args:
        report: The caller's function.
        total: The caller's number of documents.
        work: How many documents each stage scores; equal units of work.
    """

    __slots__ = ("_done", "_report", "_told", "_total", "_work")

    def __init__(self, report: ReportProgress, total: int, work: Sequence[int]) -> None:
        self._report = report
        self._total = total
        self._work = work
        self._done = [0.0] * len(work)
        self._told = 0

    def stage(self, position: int) -> ReportProgress:
        """Return the function that stage number `position` reports to, from any thread."""
        if self._report is ignore_progress:
            return ignore_progress

        def report(done: int, total: int) -> None:
            self._done[position] = self._work[position] * done / total if total else 0.0
            self._tell()

        return report

    def finished(self, position: int) -> None:
        """Count the stage as done, whether or not it reported."""
        if self._report is not ignore_progress:
            self._done[position] = float(self._work[position])
            self._tell()

    def _tell(self) -> None:
        whole = sum(self._work)
        share = sum(self._done) / whole if whole else 1.0
        done = min(self._total, int(self._total * share + 1e-9))
        if done > self._told:
            self._told = done
            self._report(done, self._total)
