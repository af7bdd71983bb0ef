"""One request: understood, bounded, ranked while its client is there, and answered or refused in its own dialect.

understood   which dialect, what is asked              reading.py, dialects/
bounded      sizes, and how much already waits         door/
ranked       by a model, until the client or its       models.py, localrank.rerank
             time is gone
answered     in the dialect's shape, or refused in it  dialects/, failures.py
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast, get_args

import anyio
import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from localrank.calling.rerank import rerank
from localrank.contract.errors import RerankAbortedError, RerankTimeoutError
from localrank.contract.types import OutcomeKind, RankedDocument, RerankResult
from localrank.server.dialects.score import SCORE, ScoreBody, write_scores
from localrank.server.dialects.table import recognize
from localrank.server.dialects.wire import Answer, RankRequest, RefusedError, Scored
from localrank.server.door.admission import Admission
from localrank.server.door.bodies import HeldBody
from localrank.server.door.clock import Clock
from localrank.server.door.gate import Course, course_of, path_of
from localrank.server.door.limits import check_limits
from localrank.server.door.state import State
from localrank.server.failures import ending, reason_of, refused_for
from localrank.server.metrics import Metrics
from localrank.server.models import Served, ServedModels
from localrank.server.reading import decoded, dialect_of, read_body
from localrank.server.tracing import RequestSpan, Tracing

__all__ = ["Answering"]

CLIENT_CLOSED_REQUEST = 499

OUTCOME_HEADER = "X-Localrank-Outcome"
"""What became of the ranking: `ranked`, `skipped`, `partial` or `degraded`; of several the worst."""

_WORSE: Sequence[OutcomeKind] = get_args(OutcomeKind)

T = TypeVar("T")

_log = logging.getLogger("localrank.server")


class Answering:
    """What answers requests for rankings and for scores.

    Args:
        models: By the names that requests use.
        state: The limits, and whether the server is ending.
        admission: What is accepted and unfinished.
        metrics: Where each request is counted.
        tracing: Makes the spans.

    Attributes:
        models: What the next request is answered from.
    """

    def __init__(
        self,
        models: ServedModels,
        state: State,
        admission: Admission,
        metrics: Metrics,
        tracing: Tracing,
    ) -> None:
        self.models = models
        self._state = state
        self._admission = admission
        self._metrics = metrics
        self._tracing = tracing
        self._running: set[anyio.Event] = set()
        self._reading: set[anyio.CancelScope] = set()

    def stop(self) -> None:
        """Stop what is being ranked or read; it is answered with 503. Call it from the event loop."""
        for stopped in self._running:
            stopped.set()
        for reading in self._reading:
            reading.cancel()

    async def ranking(self, request: Request) -> Response:
        """Answer a request to rank documents."""
        return await self._answered(request, self._one_ranking)

    async def scores(self, request: Request) -> Response:
        """Answer a request for the scores of pairs: a ranking for each different query."""
        return await self._answered(request, self._scores_of_pairs)

    async def _one_ranking(self, exchange: _Exchange) -> Any:
        body = await self._body(exchange)
        dialect = exchange.course.dialect = dialect_of(exchange.request, body)
        asked = decoded(body, dialect).read()
        (answer,) = await self._ranked(exchange, [asked])
        return dialect.write(answer)

    async def _scores_of_pairs(self, exchange: _Exchange) -> Any:
        exchange.course.dialect = SCORE
        body = cast("ScoreBody", decoded(await self._body(exchange), SCORE))
        asked, places = zip(*body.requests(), strict=True)
        return write_scores(list(zip(await self._ranked(exchange, asked), places, strict=True)))

    async def _body(self, exchange: _Exchange) -> bytes:
        with anyio.CancelScope() as reading:
            self._reading.add(reading)
            try:
                return await read_body(exchange.request, exchange.clock, exchange.bytes_held)
            finally:
                self._reading.discard(reading)
        raise ending()

    async def _answered(self, request: Request, work: Callable[[_Exchange], Awaitable[Any]]) -> Response:
        """Answer with what `work` returns, or refuse in the dialect that it found; count and trace either."""
        began, course = time.perf_counter(), course_of(request.scope)
        course.dialect = recognize(path_of(request.scope), request.headers, ())
        course.outcome = "cancelled"  # what holds if the server stops this task
        try:
            with self._tracing.request(request, course) as span, self._admission.bodies.hold() as held:
                try:
                    clock = Clock(request, self._state.limits.timeout)
                    content = await work(_Exchange(request, clock, course, span, held))
                    response = _json(content, headers={OUTCOME_HEADER: course.ranking})
                    course.outcome = "ok"
                except ClientDisconnect:
                    response = Response(status_code=CLIENT_CLOSED_REQUEST)
                except Exception as error:
                    response = _refused(error, course)
                span.status = response.status_code
        finally:
            seconds = time.perf_counter() - began
            self._metrics.ended(course.dialect.name, course.model, course.outcome, seconds)
        return response

    async def _ranked(self, exchange: _Exchange, asked: Sequence[RankRequest]) -> list[Answer]:
        """Bound, rank, and put together what the dialect will write down; all of `asked` is for one model."""
        served = self.models.get(asked[0].model)
        exchange.course.model = served.name
        check_limits(asked, self._state.limits)
        if self._state.draining:
            raise ending()

        async def rank() -> list[Answer]:
            answers = [await self._answer(exchange, served, one) for one in asked]
            exchange.course.ranking = max((one.outcome.kind for one in answers), key=_WORSE.index)
            return answers

        with self._admission.admitted(asked), served.in_use():
            self._running.add(exchange.stopped)
            try:
                return await _while_connected(exchange.request, exchange.stopped, rank)
            finally:
                self._running.discard(exchange.stopped)

    async def _answer(self, exchange: _Exchange, served: Served, asked: RankRequest) -> Answer:
        clock = exchange.clock
        try:
            with anyio.fail_after(clock.left):
                cut = await served.cut(asked, exchange.stopped)
            given = cut or asked
            result = await rerank(
                served.model,
                given.query,
                given.texts,
                given.top_k,
                exchange.stopped,
                instruction=given.instruction,
                timeout=clock.left,
                **exchange.span.hooks,
            )
        except (RerankTimeoutError, TimeoutError):
            if clock.is_over:
                raise clock.over() from None
            raise
        served.scored_at = time.monotonic()
        self._metrics.ranked(served.name, len(asked.texts), result)
        return _answer_of(exchange.course.request_id, served, asked, cut, result)


@dataclass(slots=True)
class _Exchange:
    """One request on its way.

    Attributes:
        stopped: Set when the client goes away or the server ends.
    """

    request: Request
    clock: Clock
    course: Course
    span: RequestSpan
    bytes_held: HeldBody
    stopped: anyio.Event = field(default_factory=anyio.Event)


async def _while_connected(request: Request, stopped: anyio.Event, work: Callable[[], Awaitable[T]]) -> T:
    """Return what `work` returns; `stopped`, which it heeds, is set when the client goes away.

    Raises:
        ClientDisconnect: The client went away.
        RefusedError: Something else set `stopped`: the server is ending.
    """
    left = False

    async def watch() -> None:
        nonlocal left
        # Ray Serve ends the channel by an error of its own: nobody reads the answer then either
        with suppress(Exception):
            while (await request.receive())["type"] != "http.disconnect":
                pass
        left = True
        stopped.set()

    try:
        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            result = await work()
            group.cancel_scope.cancel()
    except BaseExceptionGroup as grouped:
        if len(grouped.exceptions) > 1:
            raise
        error = grouped.exceptions[0]
        if isinstance(error, RerankAbortedError) and stopped.is_set():
            raise ClientDisconnect if left else ending() from None
        raise error from error.__cause__
    return result


def _answer_of(
    request_id: str, served: Served, asked: RankRequest, cut: RankRequest | None, result: RerankResult[str]
) -> Answer:
    if asked.refuse_long and result.usage.truncated_documents:
        raise RefusedError(
            422,
            f"{result.usage.truncated_documents} documents are longer than the model's window, and the request "
            "forbids to cut them.",
            "invalid_request",
        )
    unheeded = list(asked.unheeded)
    if asked.tokens_a_document is not None and cut is None:
        unheeded.append("max_tokens_per_doc")
    return Answer(
        id=request_id,
        model=served.name,
        ranked=[
            Scored(
                hit.index,
                _number(hit, asked),
                truncated=hit.truncated
                or (cut is not None and len(cut.texts[hit.index]) < len(asked.texts[hit.index])),
            )
            for hit in result
        ],
        request=asked,
        tokens=result.usage.input_tokens or 0,
        outcome=result.outcome,
        warnings=[
            *(warning.message for warning in result.warnings),
            *(f"{name} has no meaning here and was not heeded." for name in unheeded),
        ],
    )


def _number(hit: RankedDocument[str], asked: RankRequest) -> float:
    if not asked.raw_scores:
        return float(hit.score)
    logit = hit.metadata.get("logit")
    if logit is None or not math.isfinite(logit):
        raise RefusedError(422, "This model tells no raw scores.", "invalid_request")
    return float(logit)


def _refused(error: Exception, course: Course) -> Response:
    dialect, refused = course.dialect or SCORE, refused_for(error)
    course.outcome = refused.kind
    if refused.status >= 500 and not isinstance(error, RefusedError):
        _log.error("%s: %s: %s", course.request_id, course.model, reason_of(error))
    status = dialect.invalid if refused.kind == "invalid_request" else refused.status
    return _json(dialect.refuse(refused, course.request_id), status, refused.headers)


def _json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        msgspec.json.encode(content), status, headers=dict(headers or {}), media_type="application/json"
    )
