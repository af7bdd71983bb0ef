"""Listwise models: the model gives an order, not scores; what came of a call is told in one place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from localrank.contract.errors import InferenceError
from localrank.contract.model import DoRerankOptions, DoRerankResult, ScoredIndex
from localrank.contract.types import RerankUsage, RerankWarning
from localrank.providers.remarks import unread_instruction
from localrank.providers.unscored import unscored, unscored_warning
from localrank_transformers.call.deadline import OutOfMemoryError, StoppedError, Watch
from localrank_transformers.engines.torch.runtime import TorchRuntime

__all__ = ["ListwiseModel", "ListwiseTally", "Orderer"]


@dataclass(slots=True)
class ListwiseTally:
    """What a call came to so far.

    Attributes:
        read: Documents that the model has seen.
        truncated: Those of them that were cut.
        tokens: Tokens read and written.
        answers: How often the model was asked.
        mended: How many of its answers left documents out, repeated them or named others.
        query_truncated: Whether the query was cut.
        halved: Whether memory did not suffice, and half as much was computed at once from then on.
    """

    read: set[int] = field(default_factory=set[int])
    truncated: set[int] = field(default_factory=set[int])
    tokens: int = 0
    answers: int = 0
    mended: int = 0
    query_truncated: bool = False
    halved: bool = False


class Orderer(Protocol):
    """A model and its way through a list."""

    def orders(self, options: DoRerankOptions, watch: Watch, tally: ListwiseTally) -> Iterator[list[int]]:
        """Yield better and better orders of all documents, the last one being the answer.

        Raises:
            StoppedError: The call was left; the order yielded last is the best one.
            OutOfMemoryError: The device has too little memory.
        """
        ...


@dataclass(frozen=True, slots=True, repr=False)
class ListwiseModel:
    """Ranks by an order alone: the score is the reciprocal of the rank; see `Model`.

    Attributes:
        orderer: Finds the order.
        device: Where it computes.
        metadata: What every result says of the model.
    """

    orderer: Orderer
    device: TorchRuntime
    metadata: Mapping[str, Any] | None = None
    provider: str = "torch"

    def rank(self, options: DoRerankOptions, watch: Watch) -> DoRerankResult:
        """Return the order, or the best one so far where there was no time for more."""
        tally, count = ListwiseTally(), len(options.documents)
        order: list[int] | None = None
        stopped = False
        try:
            with self.device.turn(watch.should_stop):
                for better in self.orderer.orders(options, watch, tally):
                    order = better
                    options.report_progress(min(len(tally.read), count - 1), count)
            options.report_progress(count, count)
        except StoppedError:
            stopped = True
        except OutOfMemoryError as error:
            raise InferenceError(
                f"The device has too little memory for what the model reads at once: {error}",
                hint="Pass a smaller max_length, batch_tokens or listwise=Listwise(window=…), or take a smaller model.",
            ) from None
        return DoRerankResult(
            results=_results(order, count, tally)[: options.top_k],
            usage=RerankUsage(input_tokens=tally.tokens, truncated_documents=len(tally.truncated)),
            warnings=list(_warnings(options, tally, stopped=stopped, nothing=order is None)),
        )


def _results(order: list[int] | None, count: int, tally: ListwiseTally) -> list[ScoredIndex]:
    if order is None:
        return unscored(range(count))
    return [
        ScoredIndex(index, 1 / rank, truncated=index in tally.truncated)
        for rank, index in enumerate(order, 1)
    ]


def _warnings(
    options: DoRerankOptions, tally: ListwiseTally, *, stopped: bool, nothing: bool
) -> Iterator[RerankWarning]:
    count = len(options.documents)
    mended = (
        f" {tally.mended} of its {tally.answers} answers left documents out, repeated them or named others, and were mended."
        if tally.mended
        else ""
    )
    yield RerankWarning(
        "ordinal_scores",
        "This model gives an order and no scores: a score is the reciprocal of the rank and means nothing beside that of "
        f"another query.{mended}",
    )
    if tally.query_truncated:
        yield RerankWarning(
            "query_truncated", "The query leaves the documents no room, and was cut.", feature="query"
        )
    if tally.truncated:
        yield RerankWarning(
            "documents_truncated",
            f"{len(tally.truncated)} of {count} documents were cut so that the model can read them together; they are marked "
            "truncated. Pass a larger max_length or a smaller listwise=Listwise(window=…).",
            feature="documents",
        )
    yield from unread_instruction(options, "torch")
    if tally.halved:
        yield RerankWarning(
            "out_of_memory",
            "What was computed at once did not fit into the device's memory, and was halved. Pass a smaller batch_tokens.",
            feature="batch_tokens",
        )
    if stopped and nothing:
        yield unscored_warning(0, count)
    elif stopped:
        yield RerankWarning(
            "deadline_exceeded",
            f"The deadline passed after {tally.answers} answers of the model; the order is the best so far. Allow more time, "
            "send fewer documents or take a smaller model.",
            feature="deadline",
        )
