"""One request: understood, bounded, ranked while its client is there, and answered or refused in its own dialect.

understood   which dialect, what is asked              dialects/
bounded      sizes, and how much already waits         door/
ranked       by a model, until the client or its       models.py, localrank.rerank
             time is gone
answered     in the dialect's shape, or refused in it  dialects/
"""

from __future__ import annotations

import logging
import math
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

import anyio
import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from localrank.calling.rerank import rerank
from localrank.contract.errors import (
    APICallError,
    InvalidResponseError,
    MissingAPIKeyError,
    MissingDependencyError,
    ModelLoadError,
    RerankAbortedError,
    RerankError,
    RerankTimeoutError,
    RetryError,
    UnknownModelError,
)
from localrank.contract.types import RankedDocument, RerankResult
from localrank.server.dialects.score import SCORE, ScoreBody, write_scores
from localrank.server.dialects.shape import Body, Dialect
from localrank.server.dialects.table import recognize
from localrank.server.dialects.wire import Answer, RankRequest, RefusedError, Scored, refusal_of
from localrank.server.door.admission import Admission
from localrank.server.door.clock import Clock
from localrank.server.door.gate import Course, course_of, path_of, too_large
from localrank.server.door.limits import check_limits
from localrank.server.door.state import State
from localrank.server.metrics import Metrics
from localrank.server.models import Served, ServedModels

__all__ = ["Answering", "reason_of"]

CLIENT_CLOSED_REQUEST = 499

_SPEAK_OF_NO_TEXT = (
    InvalidResponseError,
    MissingAPIKeyError,
    MissingDependencyError,
    ModelLoadError,
    UnknownModelError,
)
"""Errors whose words are ours and speak of the model and the machine only."""

_CAUSES = 4

T = TypeVar("T")

_log = logging.getLogger("localrank.server")


class Answering:
    """What answers requests for rankings and for scores.

    Args:
        models: By the names that requests use.
        state: The limits, and whether the server is ending.
        admission: What is accepted and unfinished.
        metrics: Where each request is counted.
    """

    def __init__(self, models: ServedModels, state: State, admission: Admission, metrics: Metrics) -> None:
        self._models = models
        self._state = state
        self._admission = admission
        self._metrics = metrics
        self._running: set[anyio.Event] = set()

    def stop(self) -> None:
        """Stop what is being ranked; it is answered with 503. Call it from the event loop."""
        for stopped in self._running:
            stopped.set()

    async def ranking(self, request: Request) -> Response:
        """Answer a request to rank documents."""
        return await self._answered(request, self._one_ranking)

    async def scores(self, request: Request) -> Response:
        """Answer a request for the scores of pairs: a ranking for each different query."""
        return await self._answered(request, self._scores_of_pairs)

    async def _one_ranking(self, request: Request, clock: Clock, course: Course) -> Any:
        body = await self._body(request, clock)
        dialect = course.dialect = _dialect_of(request, body)
        asked = _decoded(body, dialect).read()
        (answer,) = await self._ranked(request, [asked], clock, course)
        return dialect.write(answer)

    async def _scores_of_pairs(self, request: Request, clock: Clock, course: Course) -> Any:
        course.dialect = SCORE
        body = cast("ScoreBody", _decoded(await self._body(request, clock), SCORE))
        asked, places = zip(*body.requests(), strict=True)
        return write_scores(list(zip(await self._ranked(request, asked, clock, course), places, strict=True)))

    async def _answered(
        self, request: Request, work: Callable[[Request, Clock, Course], Awaitable[Any]]
    ) -> Response:
        """Answer with what `work` returns, or refuse in the dialect that it found; count either."""
        began, course = time.perf_counter(), course_of(request.scope)
        dialect = course.dialect = recognize(path_of(request.scope), request.headers, ())
        course.outcome = "cancelled"  # what holds if the server stops this task
        try:
            response = _json(await work(request, Clock(request, self._state.limits.timeout), course))
            course.outcome = "ok"
        except ClientDisconnect:
            response = Response(status_code=CLIENT_CLOSED_REQUEST)
        except Exception as error:
            dialect = course.dialect
            refused = _refusal_of(error)
            course.outcome = refused.kind
            if refused.status >= 500 and not isinstance(error, RefusedError):
                _log.error("%s: %s: %s", course.request_id, course.model, reason_of(error))
            status = dialect.invalid if refused.kind == "invalid_request" else refused.status
            response = _json(dialect.refuse(refused, course.request_id), status, refused.headers)
        finally:
            seconds = time.perf_counter() - began
            self._metrics.ended(course.dialect.name, course.model, course.outcome, seconds)
        return response

    async def _body(self, request: Request, clock: Clock) -> bytes:
        """Return the body.

        Raises:
            RefusedError: It is too large, packed, or not there in time.
            ClientDisconnect: The client went away before it was whole.
        """
        packed = request.headers.get("content-encoding", "identity").lower()
        if packed != "identity":
            raise RefusedError(
                415,
                "The body is compressed; this server takes it as it is, without Content-Encoding.",
                "limit",
            )
        most, parts, size = self._state.limits.max_body_bytes, [], 0
        try:
            with anyio.fail_after(clock.left):
                async for part in request.stream():
                    parts.append(part)
                    size += len(part)
                    if size > most:
                        raise too_large(most)
        except TimeoutError:
            raise clock.over() from None
        return b"".join(parts)

    async def _ranked(
        self, request: Request, asked: Sequence[RankRequest], clock: Clock, course: Course
    ) -> list[Answer]:
        """Bound, rank, and put together what the dialect will write down; all of `asked` is for one model."""
        served = self._models.get(asked[0].model)
        course.model = served.name
        check_limits(asked, self._state.limits)
        if self._state.draining:
            raise _ending()
        stopped = anyio.Event()

        async def rank() -> list[Answer]:
            return [await self._answer(served, one, stopped, clock, course) for one in asked]

        with self._admission.admitted(asked):
            self._running.add(stopped)
            try:
                return await _while_connected(request, stopped, rank)
            finally:
                self._running.discard(stopped)

    async def _answer(
        self, served: Served, asked: RankRequest, stopped: anyio.Event, clock: Clock, course: Course
    ) -> Answer:
        try:
            with anyio.fail_after(clock.left):
                cut = await served.cut(asked)
            given = cut or asked
            result = await rerank(
                served.model,
                given.query,
                given.texts,
                given.top_k,
                stopped,
                instruction=given.instruction,
                timeout=clock.left,
            )
        except (RerankTimeoutError, TimeoutError):
            if clock.is_over:
                raise clock.over() from None
            raise
        served.scored_at = time.monotonic()
        self._metrics.ranked(served.name, len(asked.texts), result.usage)
        return _answer_of(course.request_id, served, asked, cut, result)


async def _while_connected(request: Request, stopped: anyio.Event, work: Callable[[], Awaitable[T]]) -> T:
    """Return what `work` returns; `stopped`, which it heeds, is set when the client goes away.

    Raises:
        ClientDisconnect: The client went away.
        RefusedError: Something else set `stopped`: the server is ending.
    """
    left = False

    async def watch() -> None:
        nonlocal left
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
            raise ClientDisconnect if left else _ending() from None
        raise error from error.__cause__
    return result


def _ending() -> RefusedError:
    return RefusedError(503, "The server is ending.", "ending", {"Retry-After": "5"})


def _dialect_of(request: Request, body: bytes) -> Dialect:
    """Return what `body` speaks.

    Raises:
        RefusedError: It is no JSON object.
    """
    try:
        keys = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise RefusedError(400, "The body is no JSON object.", "malformed") from None
    return recognize(path_of(request.scope), request.headers, keys)


def _decoded(body: bytes, dialect: Dialect) -> Body:
    """Return the body in the dialect's shape.

    Raises:
        RefusedError: It has another.
    """
    try:
        # some applications write true and numbers as texts (RAGFlow's Xinference: "return_documents": "true")
        return msgspec.json.decode(body, type=dialect.body, strict=False)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        # msgspec names the place and the types, never the value
        raise RefusedError(dialect.invalid, f"The body does not fit: {error}.", "invalid_request") from None


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


def _refusal_of(error: Exception) -> RefusedError:
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, RerankError):
        return refusal_of(error)
    return RefusedError(500, "Something unexpected happened; the server's log says what.", "internal")


def reason_of(error: BaseException) -> str:
    """Return the kinds of an error and its causes, and where it was raised, but no foreign words: they may quote a document."""
    kinds: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(kinds) < _CAUSES:
        kinds.append(_kind_of(seen))
        last, seen = seen, seen.last_error if isinstance(seen, RetryError) else seen.__cause__
    frames = traceback.extract_tb(last.__traceback__)[-2:]
    places = ", ".join(f"{frame.filename}:{frame.lineno}" for frame in frames)
    return f"{' from '.join(kinds)} at {places}" if places else " from ".join(kinds)


def _kind_of(error: BaseException) -> str:
    name = type(error).__name__
    if isinstance(error, APICallError):
        return f"{name} ({error.status or 'no answer'})"
    return f"{name}: {error}" if isinstance(error, _SPEAK_OF_NO_TEXT) else name


def _json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        msgspec.json.encode(content), status, headers=dict(headers or {}), media_type="application/json"
    )
