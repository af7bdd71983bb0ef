"""Rules of stopping: abort, cancellation and deadline, each leaving a model that works."""

from __future__ import annotations

import anyio

from localrank.calling.rerank import rerank
from localrank.contract.errors import RerankAbortedError
from localrank.contract.model import AnyReranker, DoRerankOptions, RerankerModel
from localrank.testing.conformance.bench import DOCUMENTS, QUERY, Bench, rule

__all__ = [
    "check_abort_before_start",
    "check_abort_during_the_call",
    "check_abort_of_the_model_itself",
    "check_cancelled_by_the_host",
    "check_deadline",
]

_MANY = DOCUMENTS * 20
_BEFORE_THE_MODEL = 2
"""How often `rerank` reads the token before the model is called."""


class _SetAfter:
    """A token that is set from its n-th reading on, so that a test needs no clock."""

    def __init__(self, readings: int) -> None:
        self._left = readings

    def is_set(self) -> bool:
        self._left -= 1
        return self._left < 0


@rule
async def check_abort_before_start(bench: Bench) -> None:
    """A token that is set beforehand ends the call before the model is asked."""
    async with bench.model() as model:
        try:
            await rerank(model, QUERY, DOCUMENTS, abort_event=_SetAfter(0), max_retries=0)
        except RerankAbortedError as error:
            bench.require(error.phase == "before_start", "phase before_start", error.phase)
        else:
            bench.fail("RerankAbortedError", "a ranking")
        await bench.scores(model, DOCUMENTS)


@rule
async def check_abort_during_the_call(bench: Bench) -> None:
    """A token that is set while the model works ends the call, and the model works afterwards."""
    async with bench.model() as model:
        before = await bench.scores(model, DOCUMENTS)
        for readings in (_BEFORE_THE_MODEL, _BEFORE_THE_MODEL + 1, _BEFORE_THE_MODEL + 4):
            try:
                await rerank(model, QUERY, _MANY, abort_event=_SetAfter(readings), max_retries=0)
            except RerankAbortedError as error:
                bench.require(error.phase == "in_call", "phase in_call", error.phase)
            else:
                # The call reads it once more at its end; a quick model may be done before a later reading.
                bench.require(readings > _BEFORE_THE_MODEL, "RerankAbortedError", "a ranking")
        bench.require_same(before, await bench.scores(model, DOCUMENTS), "after an aborted call")


@rule
async def check_abort_of_the_model_itself(bench: Bench) -> None:
    """A model that looks at the token itself raises `RerankAbortedError` and nothing else."""
    async with bench.model() as model:
        before = await bench.scores(model, DOCUMENTS)
        for readings in (0, 1, 2, 5):
            try:
                await bench.raw(model, documents=_MANY, abort_event=_SetAfter(readings))
            except RerankAbortedError:
                continue
        bench.require_same(before, await bench.scores(model, DOCUMENTS), "after an aborted call")


@rule
async def check_cancelled_by_the_host(bench: Bench) -> None:
    """A task that its framework cancels keeps the framework's exception, and the model works afterwards."""
    async with bench.model() as model:
        before = await bench.scores(model, DOCUMENTS)
        for seconds in (0.0, 0.001, 0.005):
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as group:
                    group.start_soon(_cancel_later, scope, seconds)
                    await _keeps_cancellation(bench, model)
                    group.cancel_scope.cancel()
        bench.require_same(before, await bench.scores(model, DOCUMENTS), "after a cancelled call")


async def _cancel_later(scope: anyio.CancelScope, seconds: float) -> None:
    await anyio.sleep(seconds)
    scope.cancel()


async def _keeps_cancellation(bench: Bench, model: AnyReranker) -> None:
    try:
        # asked itself where it can be, since `rerank` would hide what it makes of a cancellation
        if isinstance(model, RerankerModel):
            size: int | None = getattr(model, "documents_at_once", None)
            await model.do_rerank(DoRerankOptions(query=QUERY, documents=_MANY[:size]))
        else:
            await rerank(model, QUERY, _MANY)
    except anyio.get_cancelled_exc_class():
        raise
    except BaseException as error:
        if _only_cancelled(error):
            raise
        bench.fail("the host's own cancellation", f"{type(error).__name__}: {error}")


def _only_cancelled(error: BaseException) -> bool:
    """Return whether `error` is a group of nothing but cancellations, which is how one leaves a nursery of trio."""
    if not isinstance(error, BaseExceptionGroup):
        return False
    return error.split(anyio.get_cancelled_exc_class())[1] is None


@rule
async def check_deadline(bench: Bench) -> None:
    """A deadline that cannot be met still ranks every document; what was not scored is marked and stands last."""
    async with bench.model() as model:
        before = await bench.scores(model, DOCUMENTS)
        result = await rerank(model, QUERY, _MANY, deadline=1e-6, max_retries=0)
        bench.require(len(result) == len(_MANY), f"all {len(_MANY)} documents", len(result))
        marked = [hit for hit in result if hit.metadata.get("scored") is False]
        scored = len(result) - len(marked)
        last = [hit.index for hit in result.ranked[scored:]]
        in_order = last == sorted(hit.index for hit in marked)
        bench.require(in_order, "the unscored ones last, in the caller's order", last)
        said = [warning.type for warning in result.warnings].count("deadline_exceeded")
        bench.require(said == bool(marked), "one warning deadline_exceeded where any is unscored", said)
        bench.require_same(before, await bench.scores(model, DOCUMENTS), "after a deadline")
