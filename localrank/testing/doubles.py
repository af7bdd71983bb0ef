"""Rerankers for tests, without a model: one that answers what it is told, one that counts shared words."""

from __future__ import annotations

import re
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import anyio
import anyio.lowlevel

from localrank.contract.cancellation import POLL_INTERVAL_S, raise_if_aborted
from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import DoRerankOptions, DoRerankResult, ScoredIndex
from localrank.contract.types import RerankUsage, ScoreKind
from localrank.providers.registry import unknown_model
from localrank.providers.remarks import unread_settings
from localrank.providers.unscored import RestUnscored, unscored_warning

__all__ = ["Answer", "LexicalReranker", "MockReranker"]

Answer: TypeAlias = Sequence[float] | DoRerankResult | Exception
"""What a `MockReranker` does with one call: give these scores, give this answer, or raise this error."""

_SLICE = 64
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
"""A word; of scripts written without spaces, one character."""


class MockReranker:
    """A reranker that gives queued answers and remembers what it was asked.

    With nothing queued, every document scores 0.5, so the caller's order stays.

    Args:
        answers: One answer a call, in order: scores (one a document), a whole `DoRerankResult`, or an error to raise.
        delay: Seconds that each call takes; an abort or a cancelled task ends it at once, a deadline in time.
        score_kind: Copied to the result.
        scores_comparable: Whether scores of different calls can be compared.
        accepts_objects: Whether the caller's own objects are wanted.
        model_id: The model's name.
        provider: The provider's name.

    Attributes:
        calls: The options of each call, in order.
    """

    def __init__(
        self,
        answers: Iterable[Answer] = (),
        *,
        delay: float = 0.0,
        score_kind: ScoreKind = "unknown",
        scores_comparable: bool = True,
        accepts_objects: bool = False,
        model_id: str = "mock",
        provider: str = "testing",
    ) -> None:
        self.model_id = model_id
        self.provider = provider
        self.score_kind = score_kind
        self.scores_comparable = scores_comparable
        self.accepts_objects = accepts_objects
        self.delay = delay
        self.calls: list[DoRerankOptions] = []
        self._answers = deque(answers)

    def queue(self, *answers: Answer) -> None:
        """Add answers behind those that wait."""
        self._answers.extend(answers)

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        """Give the next answer.

        Raises:
            InvalidRequestError: The queued scores are not one a document.
            RerankAbortedError: The abort token was set.
        """
        self.calls.append(options)
        answer = self._answers.popleft() if self._answers else [0.5] * len(options.documents)
        if not await self._waited(options):
            return _unscored_answer(len(options.documents))
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, DoRerankResult):
            return answer
        if len(answer) != len(options.documents):
            raise InvalidRequestError(
                f"{len(answer)} scores are queued for a call with {len(options.documents)} documents.",
                hint="Queue one score a document.",
            )
        return DoRerankResult(
            [ScoredIndex(index, score) for index, score in enumerate(answer)],
            usage=_estimated_usage(options),
            warnings=unread_settings(options, self.provider),
        )

    async def _waited(self, options: DoRerankOptions) -> bool:
        """Wait for `delay`; return False where the deadline comes first."""
        seconds = self.delay if options.deadline is None else min(self.delay, options.deadline)
        end = anyio.current_time() + seconds
        while True:
            raise_if_aborted(options.abort_event)
            left = end - anyio.current_time()
            await anyio.sleep(max(0.0, min(left, POLL_INTERVAL_S)))
            if left <= 0:
                return seconds == self.delay


class LexicalReranker:
    """A reranker that scores shared words, with no model, no dependency and always the same answer.

    BM25's saturation and length normalisation (Robertson and Zaragoza, 2009, equation 3.15) with a fixed average length, over
    its largest possible value, so a score is in 0–1 and depends on nothing but the pair. In place of the inverse document
    frequency, which needs a collection, a word of the query weighs as much as it has characters: rare words are
    long (Zipf, 1935).

    It is good for tests and as a fallback, and no match for a cross-encoder.

    Args:
        model_id: `default`; there is no other.
        k1: How slowly a repeated word stops to count.
        b: How far long documents are held back, from 0 to 1.
        average_length: The length, in words, of a document that is neither long nor short.

    Raises:
        UnknownModelError: `model_id` is something else.
    """

    provider = "lexical"
    score_kind: ScoreKind = "unknown"

    def __init__(
        self, model_id: str = "default", *, k1: float = 1.2, b: float = 0.75, average_length: float = 64.0
    ) -> None:
        if model_id != "default":
            raise unknown_model("lexical model", model_id, ["default"])
        if k1 < 0 or not 0 <= b <= 1 or average_length <= 0:
            raise InvalidRequestError(
                f"k1 is {k1:g}, b is {b:g}, average_length is {average_length:g}.",
                hint="k1 is at least 0, b from 0 to 1, average_length above 0.",
            )
        self.model_id = model_id
        self.fingerprint = f"lexical:1:{k1:g}:{b:g}:{average_length:g}"
        self._k1, self._b, self._average_length = k1, b, average_length

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        """Score `options.documents` against `options.query`.

        Raises:
            RerankAbortedError: The abort token was set.
        """
        started = time.perf_counter()
        weights = {word: len(word) for word in _words(options.query)}
        results: list[ScoredIndex] = []
        count = len(options.documents)
        for start in range(0, count, _SLICE):
            raise_if_aborted(options.abort_event)
            await anyio.lowlevel.checkpoint()
            if options.deadline is not None and time.perf_counter() - started >= options.deadline:
                break
            for index, text in enumerate(options.documents[start : start + _SLICE], start):
                results.append(ScoredIndex(index, self._score(weights, text)))
            options.report_progress(len(results), count)
        warnings = unread_settings(options, self.provider)
        scored = len(results)
        if scored < count:
            warnings.append(unscored_warning(scored, count))
        return DoRerankResult(
            results if scored == count else RestUnscored(results, count),
            usage=_estimated_usage(options, scored),
            warnings=warnings,
        )

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the (start, end) characters of each word."""
        return [match.span() for match in _WORD.finditer(text)]

    def _score(self, weights: dict[str, int], text: str) -> float:
        counts = Counter(_words(text))
        length = counts.total() / self._average_length
        slowness = self._k1 * (1 - self._b + self._b * length)
        gained = sum(
            weight * counts[word] / (counts[word] + slowness)
            for word, weight in weights.items()
            if word in counts
        )
        return gained / sum(weights.values()) if gained else 0.0


def _words(text: str) -> Iterator[str]:
    return (match.group() for match in _WORD.finditer(text.casefold()))


def _estimated_usage(options: DoRerankOptions, scored: int | None = None) -> RerankUsage:
    query = sum(1 for _ in _words(options.query))
    documents = options.documents[:scored]
    words = sum(query + sum(1 for _ in _words(text)) for text in documents)
    return RerankUsage(input_tokens=words, tokens_estimated=True, truncated_documents=0)


def _unscored_answer(count: int) -> DoRerankResult:
    return DoRerankResult(RestUnscored([], count), warnings=[unscored_warning(0, count)])
