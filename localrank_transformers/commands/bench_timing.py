"""Times a reranker over numbers of documents: medians, tokens a second, memory."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from localrank.contract.model import AnyReranker, DoRerankOptions, DoRerankResult
from localrank.providers.calls import call_model
from localrank_transformers.call.cores import usable_cores

__all__ = ["BenchRequest", "BenchResult", "BenchRow", "measure"]


@dataclass(frozen=True, slots=True)
class BenchRequest:
    """What is asked, over and over.

    Attributes:
        query: For every call.
        documents: Repetition r takes the r-th slice of them, and starts again where they end.
        repetitions: Timed calls a size; an untimed one comes first.
        top_k: For every call.
    """

    query: str
    documents: Sequence[str]
    repetitions: int
    top_k: int | None = None

    def options(self, size: int, repetition: int) -> DoRerankOptions:
        """Return the request of one call."""
        start = repetition * size % (len(self.documents) - size + 1)
        return DoRerankOptions(self.query, tuple(self.documents[start : start + size]), top_k=self.top_k)


@dataclass(frozen=True, slots=True)
class BenchRow:
    """One number of documents.

    Attributes:
        documents: How many.
        median_ms: Of the repetitions, a whole call.
        fastest_ms: The lowest.
        slowest_ms: The highest.
        tokens_per_s: Tokens that the model read in a second of the calls, None where it does not count them.
    """

    documents: int
    median_ms: float
    fastest_ms: float
    slowest_ms: float
    tokens_per_s: float | None


@dataclass(frozen=True, slots=True)
class BenchResult:
    """What was measured.

    Attributes:
        model_id: The model.
        cores: Cores that the process may use.
        repetitions: Timed calls a row.
        load_ms: Time until the first call could compute.
        rows: By number of documents.
        peak_memory_mb: Highest resident memory of the process, in 10⁶ bytes; None where the system does not say.
    """

    model_id: str
    cores: int
    repetitions: int
    load_ms: float
    rows: tuple[BenchRow, ...]
    peak_memory_mb: float | None


async def measure(model: AnyReranker, request: BenchRequest, sizes: Sequence[int]) -> BenchResult:
    """Rank slices of the documents and return the times.

    Args:
        model: What to measure.
        request: What to rank.
        sizes: Numbers of documents, none above what `request` has.

    Raises:
        RerankError: What the model raises.
    """
    first = await call_model(model, request.options(1, 0))
    load_ms = first.usage.load_ms if first.usage else 0.0
    rows = [await _row(model, request, size) for size in sizes]
    return BenchResult(
        model.model_id, usable_cores(), request.repetitions, load_ms, tuple(rows), _peak_memory_mb()
    )


async def _row(model: AnyReranker, request: BenchRequest, size: int) -> BenchRow:
    seconds: list[float] = []
    tokens: list[int | None] = []
    for repetition in range(request.repetitions + 1):
        options = request.options(size, repetition)
        started = time.perf_counter()
        answer = await call_model(model, options)
        seconds.append(time.perf_counter() - started)
        tokens.append(_tokens(answer))
    timed, counted = seconds[1:], [count for count in tokens[1:] if count is not None]
    rate = sum(counted) / sum(timed) if len(counted) == len(timed) else None
    return BenchRow(size, median(timed) * 1000, min(timed) * 1000, max(timed) * 1000, rate)


def _tokens(answer: DoRerankResult) -> int | None:
    return None if answer.usage is None else answer.usage.input_tokens


def _peak_memory_mb() -> float | None:
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415 - not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
