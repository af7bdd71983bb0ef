"""Long documents in chunks: each is scored, and the best one says why the document stands where it does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, get_args

from localrank.compose.rules.chunking import Pool, Span, chunk_spans, pooled, surely_short, word_spans
from localrank.compose.wrapping.stages import DOCUMENTS_AT_ONCE, Stages, moved
from localrank.compose.wrapping.wrapper import (
    TokenSpans,
    Wrapper,
    is_ordinal,
    name_of,
    refuse,
)
from localrank.contract.cancellation import LinkedToken, raise_if_aborted
from localrank.contract.model import (
    AnyReranker,
    DoRerankOptions,
    DoRerankResult,
    ScoredIndex,
    reads_objects,
    scores_comparable,
)
from localrank.providers.annotations import check_types
from localrank.providers.arguments import check_choice, whole_number
from localrank.providers.unscored import UNSCORED_TIER
from localrank.providers.worker import run_in_thread

__all__ = ["Chunked"]

_INLINE_CHARACTERS = 100_000


class Chunked(Wrapper):
    """Cuts documents longer than `chunk_tokens`, scores all chunks in one call, and pools their scores.

    `metadata` of each document holds `chunk` (the text of the best chunk), `chunk_span` (its characters in the document) and
    `chunks` (how many there were). Tokens are the model's own where it has `token_spans`, else words.

    Args:
        model: The model that scores chunks.
        chunk_tokens: The longest chunk, in tokens of the document; leave room for the query in the model's window.
        overlap: How many tokens neighbouring chunks share at most; below half of `chunk_tokens`. None means an eighth.
        pool: `max`, `first`, `mean` or `top3`. With `first` only the first chunk is scored.

    Raises:
        InvalidRequestError: Numbers out of range; a pool that adds ordinal scores; a model that reads the caller's objects.
    """

    def __init__(
        self,
        model: AnyReranker | str,
        *,
        chunk_tokens: int = 256,
        overlap: int | None = None,
        pool: Pool = "max",
    ) -> None:
        check_types(locals(), Chunked.__init__)
        longest = whole_number(chunk_tokens) or 0
        shared = longest // 8 if overlap is None else whole_number(overlap)
        if longest < 1 or shared is None or not 0 <= shared <= (longest - 1) // 2:
            raise refuse(
                f"chunk_tokens is {chunk_tokens!r}, overlap {overlap!r}.",
                "chunk_tokens is at least 1, overlap at least 0 and below half of it.",
            )
        check_choice("pool", pool, get_args(Pool))
        super().__init__("chunked", [model])
        self.model = self.models[0]
        if is_ordinal(self.model) and pool in {"mean", "top3"}:
            raise refuse(
                f"pool is {pool!r}, and the scores of {name_of(self.model)} are ordinal.",
                "Their sums mean nothing: use pool='max' or 'first'.",
            )
        if reads_objects(self.model):
            raise refuse(
                f"Chunked cannot hold {name_of(self.model)}, which reads the caller's own objects.",
                "A chunk has a text and no object: use a model that reads text.",
            )
        self.chunk_tokens, self.overlap, self.pool = longest, shared, pool

    documents_at_once = DOCUMENTS_AT_ONCE
    accepts_objects = False
    reads_images = False

    @property
    def scores_comparable(self) -> bool:
        """The inner model's."""
        return scores_comparable(self.model)

    @property
    def settings(self) -> tuple[object, ...]:
        """How documents are cut and pooled."""
        return (self.chunk_tokens, self.overlap, self.pool)

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        """Cut, score all chunks in one call, pool."""
        stages = Stages(options, self.provider)
        chunks = await self._cut(options)
        answer = await stages.call(self.model, _over_chunks(options, chunks))
        if answer is None:
            return stages.out_of_time()
        results: list[ScoredIndex] = []
        cut: dict[int, list[ScoredIndex]] = {}
        for item in answer.results:
            chunk = chunks[item.index]
            if chunk.of > 1:
                cut.setdefault(chunk.document, []).append(item)
            elif item.tier < UNSCORED_TIER:
                results.append(_placed(chunk, item, item.score, truncated=item.truncated))
            else:
                results.append(moved(item, chunk.document))
        results += [self._pooled(scored, chunks) for scored in cut.values()]
        return stages.answer(results)

    async def _cut(self, options: DoRerankOptions) -> list[_Chunk]:
        spans: TokenSpans | None = getattr(self.model, "token_spans", None)
        token = LinkedToken(options.abort_event)
        work = partial(self._chunks, options.documents, spans, token)
        if self._is_quick(options.documents, words=spans is None):
            return work()
        return await run_in_thread(work, stop=token.set)

    def _is_quick(self, documents: Sequence[str], *, words: bool) -> bool:
        """Return whether cutting takes less than the event loop should be kept for; a model's tokens may need it loaded."""
        if words:
            return sum(map(len, documents)) <= _INLINE_CHARACTERS
        return all(surely_short(text, self.chunk_tokens, words=False) for text in documents)

    def _chunks(self, documents: Sequence[str], spans: TokenSpans | None, token: LinkedToken) -> list[_Chunk]:
        chunks: list[_Chunk] = []
        for document, text in enumerate(documents):
            if surely_short(text, self.chunk_tokens, words=spans is None):
                chunks.append(_Chunk(document, text, (0, len(text)), 1))
            else:
                raise_if_aborted(token)
                chunks += self._chunks_of(document, text, (spans or word_spans)(text))
        return chunks

    def _chunks_of(self, document: int, text: str, tokens: Sequence[Span]) -> Iterator[_Chunk]:
        real = [span for span in tokens if span[0] < span[1]]
        cut = chunk_spans(text, real, chunk_tokens=self.chunk_tokens, overlap=self.overlap)
        for start, end in cut[:1] if self.pool == "first" else cut:
            yield _Chunk(document, text[start:end], (start, end), len(cut))

    def _pooled(self, scored: Sequence[ScoredIndex], chunks: Sequence[_Chunk]) -> ScoredIndex:
        """Return the document of the chunks `scored`, best first; chunks of a higher tier do not count."""
        best = scored[0]
        chunk = chunks[best.index]
        if best.tier >= UNSCORED_TIER:
            return moved(best, chunk.document)
        in_order = sorted(scored, key=lambda item: item.index)
        score = pooled([item.score for item in in_order if item.tier == best.tier], self.pool)
        return _placed(chunk, best, score, truncated=best.truncated or self.pool == "first")


class _Chunk(NamedTuple):
    """A piece of one document: its text, its characters there, and how many pieces the document has."""

    document: int
    text: str
    span: Span
    of: int


def _placed(chunk: _Chunk, best: ScoredIndex, score: float, *, truncated: bool) -> ScoredIndex:
    metadata: dict[str, Any] = {"chunk": chunk.text, "chunk_span": chunk.span, "chunks": chunk.of}
    if best.metadata:
        metadata = {**best.metadata, **metadata}
    return ScoredIndex(chunk.document, score, best.tier, truncated, metadata)


def _over_chunks(options: DoRerankOptions, chunks: Sequence[_Chunk]) -> DoRerankOptions:
    scores = options.first_stage_scores
    report, total = options.report_progress, len(options.documents)

    def report_documents(done: int, of: int) -> None:
        report(total * done // of if of else total, total)

    return replace(
        options,
        documents=tuple(chunk.text for chunk in chunks),
        objects=None,
        first_stage_scores=None if scores is None else tuple(scores[chunk.document] for chunk in chunks),
        top_k=None,
        report_progress=report_documents,
    )
