"""Call one model, whichever of the two protocols it follows, and hand back an answer that is checked, sorted and cut."""

from __future__ import annotations

import asyncio
import inspect
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn

from localrank.contract.cancellation import LinkedToken
from localrank.contract.errors import InferenceError, InvalidRequestError, InvalidResponseError
from localrank.contract.model import (
    AnyReranker,
    DoRerankOptions,
    DoRerankResult,
    ScoredIndex,
    needs_text,
    reads_images,
    scores_comparable,
)
from localrank.contract.texts import is_blank, shortened
from localrank.contract.types import (
    CALLERS_ORDER,
    OUTCOME_OF_WARNING,
    OutcomeKind,
    RerankOutcome,
    RerankResponse,
    RerankUsage,
    RerankWarning,
)
from localrank.providers.arguments import real_number, whole_number
from localrank.providers.beside import ENDS_PROGRAMS, ending_error, is_main_thread
from localrank.providers.cancelled import pass_cancellation, raise_what_ends_programs
from localrank.providers.images import image_of
from localrank.providers.unscored import RestUnscored, is_unscored, placed_unscored
from localrank.providers.windows import in_windows
from localrank.providers.worker import cancel_requests, run_in_thread

__all__ = ["call_model", "check_model", "checked", "outcome_of", "sort_and_cut"]


def check_model(model: object) -> AnyReranker:
    """Return `model` if it looks like a reranker.

    Raises:
        InvalidRequestError: A member is missing; the message names it.
    """
    if inspect.isclass(model):
        raise InvalidRequestError(
            f"model is the class {model.__name__}, not a reranker.",
            hint=f"Pass an instance: {model.__name__}(…).",
        )
    for name in ("model_id", "provider"):
        if not isinstance(getattr(model, name, None), str):
            from localrank.providers.no_model import what_to_pass  # noqa: PLC0415  # only then

            raise InvalidRequestError(
                f"model of type {type(model).__name__} has no string member {name!r}.",
                hint=what_to_pass(model),
            )
    if not any(callable(getattr(model, name, None)) for name in ("do_rerank", "do_rerank_sync")):
        raise InvalidRequestError(
            f"model of type {type(model).__name__} has neither do_rerank nor do_rerank_sync.",
            hint="Write `async def do_rerank(self, options)`, or `def do_rerank_sync(self, options)`.",
        )
    return model  # type: ignore[return-value]  # checked above, member by member


async def call_model(model: AnyReranker, options: DoRerankOptions) -> DoRerankResult:
    """Return the model's answer with `results` checked, sorted by (tier, −score, index) and cut to `top_k`.

    Wrappers call their inner models through this too, so every answer is checked where it is made.

    Raises:
        InvalidResponseError: The answer breaks the contract.
        InferenceError: The model raised what ends a program, such as `SystemExit`, in a loop or thread that other calls share,
            or the `CancelledError` of a task of its own.
    """
    size: int | None = getattr(model, "documents_at_once", None)
    if size is None or len(options.documents) <= size or not scores_comparable(model):
        return await _called(model, options)
    whole = await in_windows(partial(_called, model), options, size)
    return checked(whole, model=model, options=options)


async def _called(model: AnyReranker, options: DoRerankOptions) -> DoRerankResult:
    before = cancel_requests()
    try:
        answer = await _asked(model, options)
    except (Exception, BaseExceptionGroup) as error:
        if isinstance(error, BaseExceptionGroup):
            raise_what_ends_programs(error)
        await pass_cancellation(before)
        raise
    except (
        asyncio.CancelledError
    ) as error:  # of a task of the model's own; here it would end a worker without a word
        await pass_cancellation(0)
        raise InferenceError(
            f"The model {model.provider}:{model.model_id} raised CancelledError, and nobody cancelled the call.",
            hint="Await its own tasks where their cancellation is handled.",
        ) from error
    except ENDS_PROGRAMS as error:
        if is_main_thread():
            raise
        raise ending_error(error, f"The model {model.provider}:{model.model_id}") from error
    return checked(answer, model=model, options=options)


async def _asked(model: AnyReranker, options: DoRerankOptions) -> Any:
    do_rerank: Callable[[DoRerankOptions], Any] | None = getattr(model, "do_rerank", None)
    if do_rerank is None:
        return await _in_thread(model.do_rerank_sync, options)  # type: ignore[union-attr]
    awaitable = do_rerank(options)
    if not inspect.isawaitable(awaitable):
        raise InvalidResponseError(
            f"do_rerank of {model.provider}:{model.model_id} returned {type(awaitable).__name__}, "
            "which cannot be awaited.",
            hint="Write `async def do_rerank`, or rename it to do_rerank_sync.",
        )
    return await awaitable


async def _in_thread(
    do_rerank_sync: Callable[[DoRerankOptions], DoRerankResult], options: DoRerankOptions
) -> DoRerankResult:
    token = LinkedToken(options.abort_event)
    linked = replace(options, abort_event=token)
    return await run_in_thread(partial(do_rerank_sync, linked), stop=token.set)


def checked(answer: object, *, model: AnyReranker, options: DoRerankOptions) -> DoRerankResult:
    """Return `answer` with valid, sorted results, cut to `options.top_k`; indexes become `int`, scores `float`.

    A ranking that leaves documents out is passed on with the warning `incomplete_ranking`, and one that leaves documents
    unscored without a word with the warning `unscored_documents`.

    Raises:
        InvalidResponseError: Wrong type, an index out of range or twice, or a score that is no finite real number.
    """
    if not isinstance(answer, DoRerankResult):
        _refuse(model, f"returned {type(answer).__name__} instead of DoRerankResult")
    _refuse_wrong_parts(answer, model)
    count = len(options.documents)
    given = answer.results.scored if isinstance(answer.results, RestUnscored) else answer.results
    in_callers_order = isinstance(answer.results, RestUnscored) and not given
    blank = frozenset[int]() if in_callers_order else _blank_documents(options, model)
    items = _valid_items(given, count, model)
    if blank and isinstance(answer.results, RestUnscored):
        items = [item for item in items if item.index not in blank]
    elif blank:
        items = [item if item.index not in blank else placed_unscored(item.index) for item in items]
    everything = sort_and_cut(items, None)
    ranked: Sequence[ScoredIndex] = everything[: options.top_k]
    if isinstance(answer.results, RestUnscored):
        ranked = RestUnscored(ranked, count, options.top_k, answer.results.scored_count)
    wanted = count if options.top_k is None else min(options.top_k, count)
    warnings: Sequence[RerankWarning] = tuple(answer.warnings)
    if blank and not any(warning.type == "blank_documents" for warning in warnings):
        warnings = (*warnings, _blank_warning(len(blank)))
    if len(ranked) < wanted:
        warnings = (*warnings, _incomplete(len(ranked), wanted))
    if everything and _stands_unscored(everything[-1]) and not any(map(_is_told, warnings)):
        warnings = (*warnings, _UNSCORED_DOCUMENTS)
    return replace(answer, results=ranked, warnings=warnings)


def _blank_documents(options: DoRerankOptions, model: AnyReranker) -> frozenset[int]:
    """Return the positions of documents without a word or an image, whose score by any model says nothing.

    None where the model reads more of the objects than that.
    """
    documents, objects = options.documents, options.objects
    if objects is not None and not (reads_images(model) and needs_text(model)):
        return frozenset()
    if not ("" in documents or any(map(str.isspace, documents))):
        return frozenset()
    blank = (index for index, text in enumerate(documents) if is_blank(text))
    return frozenset(index for index in blank if objects is None or image_of(objects[index]) is None)


def _blank_warning(count: int) -> RerankWarning:
    has = "1 document has" if count == 1 else f"{count} documents have"
    return RerankWarning(
        "blank_documents",
        f"{has} no text; what has none stands last, marked metadata['scored'] = False.",
        feature="documents",
    )


_UNSCORED_DOCUMENTS = RerankWarning(
    "unscored_documents",
    "The model left documents unscored; they stand last in your order, marked metadata['scored'] = False.",
    feature="documents",
)


def _stands_unscored(item: ScoredIndex) -> bool:
    return item.tier > 0 and is_unscored(item)


def _is_told(warning: RerankWarning) -> bool:
    """Return whether `warning` says already that documents stand unscored."""
    return OUTCOME_OF_WARNING.get(warning.type) in {"skipped", "partial"}


_BY_BADNESS: tuple[OutcomeKind, ...] = ("ranked", "skipped", "partial", "degraded")


def outcome_of(model: AnyReranker, answer: DoRerankResult) -> RerankOutcome:
    """Return what became of a call of `model`, by its checked answer: the worst that a warning says.

    Where no document was scored, the caller's order stands, and the call is `degraded` unless the model was skipped on purpose.
    """
    served_by = answer.served_by or f"{model.provider}:{model.model_id}"
    results = answer.results
    none_scored = bool(results) and _stands_unscored(results[0])
    if not answer.warnings and not none_scored:
        return RerankOutcome("ranked", (), served_by)
    reasons = tuple(dict.fromkeys(one.type for one in answer.warnings if one.type in OUTCOME_OF_WARNING))
    kinds = [OUTCOME_OF_WARNING[reason] for reason in reasons]
    kind = max(kinds, key=_BY_BADNESS.index, default=_BY_BADNESS[0])
    if none_scored:
        return RerankOutcome("skipped" if kind == "skipped" else "degraded", reasons, CALLERS_ORDER)
    return RerankOutcome(kind, reasons, served_by)


_INDEX, _SCORE, _TIER = map(operator.attrgetter, ("index", "score", "tier"))


def sort_and_cut(results: Iterable[ScoredIndex], top_k: int | None) -> list[ScoredIndex]:
    """Return `results` sorted by (tier, −score, index) and cut to `top_k`."""
    ranked = sorted(results, key=_INDEX)  # three stable sorts by one number each take a fifth of one by three
    ranked.sort(key=_SCORE, reverse=True)
    ranked.sort(key=_TIER)
    return ranked[:top_k]


def _refuse_wrong_parts(answer: DoRerankResult, model: AnyReranker) -> None:
    parts: tuple[tuple[str, object, type], ...] = (
        ("results", answer.results, Iterable),
        ("warnings", answer.warnings, Iterable),
        ("usage", answer.usage or RerankUsage(), RerankUsage),
        ("provider_metadata", answer.provider_metadata or {}, Mapping),
        ("response", answer.response or RerankResponse(""), RerankResponse),
        ("served_by", answer.served_by or "", str),
    )
    for name, value, wanted in parts:
        if not isinstance(value, wanted):
            _refuse(model, f"returned {name} of type {type(value).__name__} instead of {wanted.__name__}")


def _valid_items(results: Iterable[Any], count: int, model: AnyReranker) -> list[ScoredIndex]:
    seen = bytearray(count)
    items: list[ScoredIndex] = []
    for given in results:
        item = given if _is_plain(given, count) else _mended(given, count, model)
        if seen[item.index]:
            _refuse(model, f"returned index {item.index} twice")
        seen[item.index] = 1
        items.append(item)
    return items


def _is_plain(item: Any, count: int) -> bool:
    """Return whether `item` is as nearly all are, so that nothing more need be looked at."""
    return (
        type(item) is ScoredIndex
        and type(item.index) is int
        and 0 <= item.index < count
        and type(item.score) is float
        and math.isfinite(item.score)
        and (item.score != 0 or math.copysign(1, item.score) > 0)
        and type(item.tier) is int
        and (item.metadata is None or type(item.metadata) is dict)
    )


def _mended(item: Any, count: int, model: AnyReranker) -> ScoredIndex:
    """Return `item` with a plain index and score, or refuse it."""
    if not isinstance(item, ScoredIndex):
        _refuse(model, f"returned {type(item).__name__} among the results instead of ScoredIndex")
    index, score = _valid_index(item.index, count, model), _valid_score(item, model)
    tier = whole_number(item.tier)
    if tier is None:
        _refuse(model, f"returned the tier {item.tier!r} for index {index}, which is no integer")
    if item.metadata is not None and not isinstance(item.metadata, Mapping):
        _refuse(model, f"returned metadata of type {type(item.metadata).__name__} for index {index}")
    return replace(item, index=index, score=score, tier=tier, metadata=_metadata(item.metadata, index, model))


def _metadata(given: Mapping[str, Any] | None, index: int, model: AnyReranker) -> dict[str, Any] | None:
    try:
        return None if given is None else dict(given)
    except Exception as error:
        _refuse(model, f"returned metadata for index {index} that cannot be read ({type(error).__name__})")


def _valid_index(index: Any, count: int, model: AnyReranker) -> int:
    position = whole_number(index)
    if position is None:
        _refuse(model, f"returned the index {shortened(repr(index))}, which is no integer")
    if not 0 <= position < count:
        _refuse(model, f"returned index {position} for {count} documents")
    return position


def _valid_score(item: ScoredIndex, model: AnyReranker) -> float:
    score = real_number(item.score)
    if score is None:
        kind = type(item.score).__name__
        _refuse(model, f"returned a score of type {kind} for index {item.index} that is no one number")
    if not math.isfinite(score):
        _refuse(model, f"returned the score {score} for index {item.index}")
    return score or 0.0


def _incomplete(given: int, wanted: int) -> RerankWarning:
    return RerankWarning(
        "incomplete_ranking", f"The model ranked {given} of the {wanted} documents asked for."
    )


def _refuse(model: AnyReranker, what: str) -> NoReturn:
    raise InvalidResponseError(
        f"The model {model.provider}:{model.model_id} {what}.",
        hint="A ranking holds ScoredIndex items with unique indexes in range and finite scores.",
    )
