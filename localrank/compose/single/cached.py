"""A cache of scores: a document that was scored before for this query is not scored again."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from localrank.compose.stores.memory import MemoryStore
from localrank.compose.stores.scores import CachedScore, ScoreStore
from localrank.compose.stores.trouble import damaged_scores, is_unusable, unusable_store
from localrank.compose.wrapping.progress import SharedProgress
from localrank.compose.wrapping.stages import DOCUMENTS_AT_ONCE, Stages, moved, subset
from localrank.compose.wrapping.wrapper import (
    Transparent,
    fingerprint_of,
    innermost,
    name_of,
    refuse,
    refuse_incomparable,
)
from localrank.contract.cancellation import raise_if_aborted
from localrank.contract.errors import InvalidResponseError
from localrank.contract.model import (
    AnyReranker,
    DoRerankOptions,
    DoRerankResult,
    ScoredIndex,
    reads_objects,
)
from localrank.contract.types import RerankWarning
from localrank.providers.annotations import check_types
from localrank.providers.unscored import unscored
from localrank.providers.worker import run_in_thread

__all__ = ["Cached", "cache_keys"]

T = TypeVar("T")

CACHED = {"cached": True}
"""The mark, in `metadata`, of a score that came from the cache."""


class Cached(Transparent):
    """Keeps each document's score, by the model's fingerprint, instruction, query, text and provider options.

    Only documents without a kept score are sent on, each distinct text once. Of a score from the cache, `metadata` holds only
    `cached`: what else the model had said of the document is not kept. A store that fails costs one warning, not the call, and
    kept scores that are damaged are asked for and kept again. An answer that a deadline cut short is not kept.

    Args:
        model: A model whose scores do not depend on the other documents of the call.
        store: Where scores are kept; None means a `MemoryStore` of its own.

    Raises:
        InvalidRequestError: The model is listwise or ordinal, or reads the caller's objects, which no key covers; or `store` is
            none.
    """

    documents_at_once = DOCUMENTS_AT_ONCE
    accepts_objects = False
    reads_images = False

    def __init__(self, model: AnyReranker | str, store: ScoreStore | None = None) -> None:
        check_types(locals(), Cached.__init__)
        super().__init__("cached", model)
        refuse_incomparable(
            "Cached", self.model, "Put Cached around each inner model whose scores stand for themselves."
        )
        if reads_objects(self.model):
            raise refuse(
                f"Cached cannot hold {name_of(self.model)}, which reads the caller's own objects.",
                "The cache knows documents by their text: use a model that reads text.",
            )
        self.store: ScoreStore = MemoryStore() if store is None else _checked_store(store)

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        """Answer from the store, and ask the model for the rest."""
        stages = Stages(options, self.provider)
        warnings: list[RerankWarning] = []
        keys = cache_keys(self.model, options)
        kept = await self._kept(keys, warnings)
        results = [
            ScoredIndex(index, score.score, truncated=score.truncated, metadata=CACHED)
            for index, score in enumerate(kept)
            if score is not None
        ]
        hits = len(results)
        if hits < len(keys):
            missing: dict[bytes, list[int]] = {}
            for index, (key, score) in enumerate(zip(keys, kept, strict=True)):
                if score is None:
                    missing.setdefault(key, []).append(index)
            results += await self._asked(missing, hits, options, stages, warnings)
        else:
            options.report_progress(hits, hits)
        served_by = name_of(innermost(self.model))
        return stages.answer(results, warnings=warnings, cache_hits=hits, served_by=served_by)

    async def _asked(
        self,
        missing: Mapping[bytes, list[int]],
        hits: int,
        options: DoRerankOptions,
        stages: Stages,
        warnings: list[RerankWarning],
    ) -> list[ScoredIndex]:
        """Score each missing text once, keep the scores, and return them for all its places."""
        places = list(missing.values())
        progress = SharedProgress(
            options.report_progress, len(options.documents), [hits, len(options.documents) - hits]
        )
        progress.finished(0)
        request = replace(
            subset(options, [indexes[0] for indexes in places]),
            top_k=None,
            report_progress=progress.stage(1),
        )
        answer = await stages.call(self.model, request)
        if answer is None:
            return unscored(index for indexes in places for index in indexes)
        raise_if_aborted(options.abort_event)
        if not stages.cut:
            texts = list(missing)
            fresh = {
                texts[item.index]: CachedScore(item.score, item.truncated)
                for item in answer.results
                if item.tier == 0
            }
            await self._keep(fresh, warnings)
        return [moved(item, index) for item in answer.results for index in places[item.index]]

    async def _kept(self, keys: list[bytes], warnings: list[RerankWarning]) -> list[CachedScore | None]:
        try:
            found = await self._run(partial(self.store.get_many, keys))
            sound, damaged = _sound(found, len(keys))
        except Exception as error:
            warnings.append(unusable_store(error))
            return [None] * len(keys)
        if damaged:
            warnings.append(damaged_scores(damaged))
        return sound

    async def _keep(self, scores: Mapping[bytes, CachedScore], warnings: list[RerankWarning]) -> None:
        if not scores or any(is_unusable(warning) for warning in warnings):
            return
        try:
            await self._run(partial(self.store.put_many, scores))
        except Exception as error:
            warnings[:] = [unusable_store(error)]

    async def _run(self, work: Callable[[], T]) -> T:
        if not getattr(self.store, "blocking", True):
            return work()
        return await run_in_thread(work, stop=_let_it_end)

    async def aclose(self) -> None:
        """Close the store, then the model, even where the store fails."""
        try:
            self.store.close()
        finally:
            await super().aclose()


def _checked_store(store: Any) -> ScoreStore:
    for name in ("get_many", "put_many", "close"):
        if not callable(getattr(store, name, None)):
            raise refuse(
                f"store of type {type(store).__name__} has no {name}.",
                'Pass a MemoryStore, SQLiteStore("scores.sqlite"), or a ScoreStore of your own.',
            )
    return store  # type: ignore[no-any-return]  # checked above, member by member


def _sound(found: Sequence[Any], count: int) -> tuple[list[CachedScore | None], int]:
    """Return the kept scores that can be used, and how many others there were."""
    if len(found) != count:
        raise InvalidResponseError(
            f"The store returned {len(found)} scores for {count} keys.",
            hint="It returns one score, or None, a key, in order.",
        )
    sound = [score if _is_score(score) else None for score in found]
    return sound, sum(score is None for score in sound) - sum(score is None for score in found)


def _is_score(kept: Any) -> bool:
    return isinstance(kept, CachedScore) and type(kept.score) is float and math.isfinite(kept.score)


def cache_keys(model: AnyReranker, options: DoRerankOptions) -> list[bytes]:
    """Return one 16-byte key a document: BLAKE2b over all that its score depends on."""
    extra = _written(options.provider_options or {})
    prefix = hashlib.blake2b(digest_size=16)
    for part in (fingerprint_of(model), repr(options.instruction), extra, options.query):
        encoded = part.encode("utf-8", "surrogatepass")
        prefix.update(len(encoded).to_bytes(8, "little"))
        prefix.update(encoded)
    keys: list[bytes] = []
    for document in options.documents:
        key = prefix.copy()
        key.update(document.encode("utf-8", "surrogatepass"))
        keys.append(key.digest())
    return keys


def _written(options: Mapping[str, Any]) -> str:
    try:
        return json.dumps(options, sort_keys=True, default=repr)
    except (TypeError, ValueError):  # keys of several types, or a value that holds itself
        return repr(options)


def _let_it_end() -> None:
    """Do nothing: a read or write of the store takes milliseconds."""
