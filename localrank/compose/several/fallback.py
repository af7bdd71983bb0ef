"""A fallback: when a model fails, the next one serves the call, and the answer says so."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio

from localrank.compose.rules.breaker import Breaker
from localrank.compose.wrapping.stages import Stages
from localrank.compose.wrapping.wrapper import Wrapper, name_of, refuse
from localrank.contract.cancellation import raise_if_aborted
from localrank.contract.errors import (
    APICallError,
    ConnectionFailedError,
    InferenceError,
    InvalidRequestError,
    InvalidResponseError,
    MissingDependencyError,
    ModelLoadError,
    RateLimitError,
    RerankAbortedError,
    RerankTimeoutError,
    ServerError,
)
from localrank.contract.model import AnyReranker, DoRerankOptions, DoRerankResult, score_kind
from localrank.contract.types import RerankWarning
from localrank.providers.annotations import check_types

__all__ = ["DEFAULT_FAILURES", "Fallback"]

Failures = type[Exception] | tuple[type[Exception], ...]

DEFAULT_FAILURES: tuple[type[Exception], ...] = (
    RateLimitError,
    ServerError,
    ConnectionFailedError,
    ConnectionError,
    TimeoutError,
    MissingDependencyError,
    ModelLoadError,
    InferenceError,
    InvalidResponseError,
)
"""What hands a call to the next model, as any other `APICallError` that may mend does (408, 409). A refused key is not among
them: it wants to be seen."""

_NEVER = (InvalidRequestError, RerankAbortedError)


class Fallback(Wrapper):
    """Asks the models in order until one answers.

    `provider_metadata["localrank"]` names who served (`served_by`) and the kind of its scores; one warning of type `fallback`
    says what failed before. A model that keeps failing is passed over for a while (a circuit breaker a model), unless
    nothing else is left.

    Args:
        first: The model of choice.
        *others: What to turn to, in this order; `Identity()` at the end never fails.
        on: Error classes that hand the call on; None means `DEFAULT_FAILURES`. Bad arguments and aborts never do.
        stage_timeout: Seconds that each model but the last may take before it counts as failed.
        failure_threshold: Failures in a row after which a model is passed over.
        reset_after: Seconds after which one call tries it again.
        now: A clock in seconds, for the circuit breakers.

    Raises:
        InvalidRequestError: An argument out of range.
    """

    def __init__(
        self,
        first: AnyReranker | str,
        *others: AnyReranker | str,
        on: Failures | None = None,
        stage_timeout: float | None = None,
        failure_threshold: int = 5,
        reset_after: float = 30.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        check_types(locals(), Fallback.__init__)
        if stage_timeout is not None and not stage_timeout > 0:
            raise refuse(
                f"stage_timeout is {stage_timeout!r}.", "Pass a positive number of seconds, or None."
            )
        if failure_threshold < 1 or reset_after < 0:
            raise refuse(
                f"failure_threshold is {failure_threshold!r}, reset_after {reset_after!r}.",
                "Pass an integer of at least 1 and a number of seconds of at least 0.",
            )
        super().__init__("fallback", [first, *others], joint="|")
        self.on = on
        self.stage_timeout = stage_timeout
        self._breakers = [
            Breaker(threshold=failure_threshold, reset_after=reset_after, now=now) for _ in self.models
        ]

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        """Return the first answer.

        Raises:
            Exception: All models failed: the last one's error, with a note of the others'.
        """
        call = _Call(options, Stages(options, self.provider))
        for position, breaker in enumerate(self._breakers):
            if not breaker.lets_through():
                call.skipped.append(position)
                continue
            answer = await self._attempt(position, call)
            if answer is not None:
                return answer
        while call.skipped:  # an open breaker alone never fails a call
            position = call.skipped.pop(0)
            answer = await self._attempt(position, call)
            if answer is not None:
                return answer
        raise _last_of(call.failures)

    async def _attempt(self, position: int, call: _Call) -> DoRerankResult | None:
        breaker = self._breakers[position]
        try:
            answer = await self._in_time(position, call)
        except Exception as error:
            if not self._hands_on(error):
                breaker.ended_otherwise()
                raise
            breaker.failed()
            raise_if_aborted(call.options.abort_event)
            call.failures.append((self.models[position], error))
            return None
        except BaseException:
            breaker.ended_otherwise()
            raise
        if answer is None:
            breaker.ended_otherwise()
            return call.stages.out_of_time()
        breaker.succeeded()
        return self._served(answer, position, call)

    def _hands_on(self, error: Exception) -> bool:
        if isinstance(error, _NEVER):
            return False
        if self.on is not None:
            return isinstance(error, self.on)
        mends = isinstance(error, APICallError) and error.is_retryable
        return mends or isinstance(error, DEFAULT_FAILURES)

    async def _in_time(self, position: int, call: _Call) -> DoRerankResult | None:
        model = self.models[position]
        if self.stage_timeout is None or position == len(self.models) - 1:
            return await call.stages.call(model, call.options)
        with anyio.move_on_after(self.stage_timeout) as scope:
            return await call.stages.call(model, call.options)
        if not scope.cancelled_caught:
            return None
        raise RerankTimeoutError(f"{name_of(model)} took longer than stage_timeout={self.stage_timeout:g} s.")

    def _served(self, answer: DoRerankResult, position: int, call: _Call) -> DoRerankResult:
        model = self.models[position]
        told = [f"{name_of(failed)} failed with {_brief(error)}" for failed, error in call.failures]
        told += [
            f"{name_of(self.models[other])} was passed over" for other in call.skipped if other < position
        ]
        warnings = []
        if told:
            message = f"{'; '.join(told)}; {name_of(model)} served the call."
            kind = "fallback" if position else "others_failed"  # the first, passed over and tried after all
            warnings = [RerankWarning(kind, message, feature="model")]
        served = {"served_by": name_of(model), "score_kind": score_kind(model)}
        return call.stages.answer(answer.results, warnings=warnings, metadata=served)


@dataclass(slots=True)
class _Call:
    """What happened so far in one call: the models that failed, and the positions that were passed over."""

    options: DoRerankOptions
    stages: Stages
    failures: list[tuple[AnyReranker, Exception]] = field(default_factory=list[tuple[AnyReranker, Exception]])
    skipped: list[int] = field(default_factory=list[int])


def _brief(error: Exception) -> str:
    status = error.status if isinstance(error, APICallError) else None
    return type(error).__name__ if status is None else f"{type(error).__name__} (status {status})"


def _last_of(failures: list[tuple[AnyReranker, Exception]]) -> Exception:
    *earlier, (_, last) = failures
    for model, error in earlier:
        last.add_note(f"Before it, {name_of(model)} failed with {_brief(error)}.")
    return last
