"""Pointwise families: each document is scored by itself; slices, batches and the tally of one call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from localrank.contract.errors import InferenceError
from localrank.contract.model import DoRerankOptions, DoRerankResult, ScoredIndex
from localrank.contract.types import RerankUsage, RerankWarning
from localrank.providers import remarks
from localrank.providers.answers import sort_and_cut, unscored, unscored_warning
from localrank_transformers.call.answer import score
from localrank_transformers.call.contract import Activation, DocumentTokens
from localrank_transformers.call.deadline import OutOfMemoryError, StoppedError, Watch
from localrank_transformers.call.passes import SLICE, distinct_slices
from localrank_transformers.call.planner import batches

__all__ = ["OpenQuery", "PointwiseFamily", "PointwiseQuery"]

DEADLINE_SLICE = 32
"""With a deadline, so that the first scores are there before the last document is tokenized."""


class PointwiseQuery(Protocol):
    """One query, tokenized and ready to meet documents; it lives for one call."""

    @property
    def truncated(self) -> bool:
        """Whether the query was cut."""
        ...

    @property
    def query_tokens(self) -> int:
        """Tokens that the model reads once for all documents: the query's, where it is read apart from them."""
        ...

    def documents(self, texts: Sequence[str]) -> list[DocumentTokens]:
        """Tokenize documents, each cut to what fits beside the query."""
        ...

    def length(self, document: DocumentTokens) -> int:
        """Return the tokens that the model reads for one document, with query and template where they are in its row."""
        ...

    def batch_length(self, document: DocumentTokens) -> int:
        """Return the tokens of a document's row in a batch: `length`, less what is computed once for all documents."""
        ...

    def margins(self, documents: Sequence[DocumentTokens]) -> list[float]:
        """Return one logit a document, of one batch.

        Raises:
            StoppedError: The pass was left.
            OutOfMemoryError: The device had no room.
        """
        ...


OpenQuery = Callable[[str, str | None], PointwiseQuery]
"""Takes a query and an instruction."""


@dataclass(frozen=True, slots=True)
class _Item:
    document: DocumentTokens
    indexes: list[int]


@dataclass(slots=True)
class _Tally:
    scored: dict[int, ScoredIndex] = field(default_factory=dict[int, ScoredIndex])
    tokens: int = 0
    truncated: int = 0
    halved: bool = False


class PointwiseFamily:
    """Ranks by one logit a document.

    Args:
        open_query: Tokenizes a query.
        activation: Turns a logit into a score.
        reads_instruction: Whether the template has a place for the instruction of a call.
        batch_tokens: Padded tokens of a batch; halved for good once a batch did not fit into memory.
    """

    def __init__(
        self,
        open_query: OpenQuery,
        *,
        activation: Activation,
        reads_instruction: bool,
        batch_tokens: int,
    ) -> None:
        self._open_query = open_query
        self._activation = activation
        self._reads_instruction = reads_instruction
        self.batch_tokens = batch_tokens

    def rank(self, options: DoRerankOptions, watch: Watch) -> DoRerankResult:
        """Score every document, or those for which there was time."""
        tally = _Tally()
        truncated_query = False
        size = SLICE if options.deadline is None else DEADLINE_SLICE
        try:
            query = self._open_query(options.query, options.instruction)
            truncated_query = query.truncated
            tally.tokens = query.query_tokens
            for places in distinct_slices(options.documents, range(len(options.documents)), size):
                self._score_slice(query, places, options, watch, tally)
        except StoppedError:
            pass  # what there is, is the answer; whether it is wanted, the caller of this method knows
        return self._answer(options, tally, watch, truncated_query=truncated_query)

    def _score_slice(
        self,
        query: PointwiseQuery,
        places: dict[str, list[int]],
        options: DoRerankOptions,
        watch: Watch,
        tally: _Tally,
    ) -> None:
        if watch.should_stop():
            raise StoppedError
        items = [
            _Item(document, indexes)
            for document, indexes in zip(query.documents(list(places)), places.values(), strict=True)
        ]
        left = items
        while left:
            left = self._score_until_full(query, left, options, watch, tally)

    def _score_until_full(
        self,
        query: PointwiseQuery,
        items: list[_Item],
        options: DoRerankOptions,
        watch: Watch,
        tally: _Tally,
    ) -> list[_Item]:
        """Score `items`; return those that are left when memory did not suffice and the budget was halved."""
        lengths = [query.batch_length(item.document) for item in items]
        plan = batches(lengths, budget=self.batch_tokens)
        for done, positions in enumerate(plan):
            if watch.should_stop():
                raise StoppedError
            batch = [items[position] for position in positions]
            try:
                margins = query.margins([item.document for item in batch])
            except OutOfMemoryError as error:
                failure = str(error)
            else:
                self._note(query, batch, margins, tally)
                options.report_progress(len(tally.scored), len(options.documents))
                continue
            self._halve(failure, tally)
            return [items[position] for rest in plan[done:] for position in rest]
        return []

    def _halve(self, failure: str, tally: _Tally) -> None:
        if tally.halved:
            raise InferenceError(
                f"The device has no room for {self.batch_tokens} tokens: {failure}",
                hint="Pass a smaller batch_tokens or max_length, or take a smaller model.",
            )
        tally.halved = True
        self.batch_tokens = max(1, self.batch_tokens // 2)

    def _note(
        self, query: PointwiseQuery, batch: Sequence[_Item], margins: Sequence[float], tally: _Tally
    ) -> None:
        for item, margin in zip(batch, margins, strict=True):
            value = score(margin, self._activation)
            tally.tokens += query.length(item.document)
            tally.truncated += len(item.indexes) if item.document.truncated else 0
            for index in item.indexes:
                tally.scored[index] = ScoredIndex(
                    index, value, truncated=item.document.truncated, metadata={"logit": margin}
                )

    def _answer(
        self, options: DoRerankOptions, tally: _Tally, watch: Watch, *, truncated_query: bool
    ) -> DoRerankResult:
        count = len(options.documents)
        left = [index for index in range(count) if index not in tally.scored]
        return DoRerankResult(
            results=sort_and_cut([*tally.scored.values(), *unscored(left)], options.top_k),
            usage=RerankUsage(
                input_tokens=tally.tokens,
                duration_ms=watch.elapsed_ms(),
                truncated_documents=tally.truncated,
            ),
            warnings=list(self._warnings(options, tally, len(left), truncated_query=truncated_query)),
        )

    def _warnings(
        self, options: DoRerankOptions, tally: _Tally, left: int, *, truncated_query: bool
    ) -> Iterator[RerankWarning]:
        count = len(options.documents)
        if truncated_query:
            yield remarks.query_truncated("what this model reads of one")
        if tally.truncated:
            yield remarks.documents_truncated(tally.truncated, count)
        if not self._reads_instruction:
            yield from remarks.unread_instruction(options, "torch")
        if tally.halved:
            yield RerankWarning(
                "out_of_memory",
                f"A batch did not fit into the device's memory; from now on {self.batch_tokens} tokens run at once. "
                "Pass batch_tokens to say so from the start.",
                feature="batch_tokens",
            )
        if left:
            yield unscored_warning(count - left, count)
