"""The application: a request comes in, is understood, bounded, ranked and answered in its own dialect.

Gate            an id, the key                                    gate.py
  understood    which dialect, what is asked                      dialects/
  bounded       sizes, and how much already waits                 limits.py
  ranked        by a model, while the client is there             served.py, localrank.rerank
  answered      in the dialect's shape, or refused in it          dialects/
"""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import anyio
import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.status import HTTP_413_CONTENT_TOO_LARGE

from localrank._version import __version__
from localrank.calling.rerank import rerank
from localrank.contract.errors import RerankAbortedError, RerankError
from localrank.contract.model import AnyReranker
from localrank.contract.types import RerankResult
from localrank.server.dialects.score import SCORE, SCORE_PATHS, ScoreBody, write_scores
from localrank.server.dialects.shape import Body, Dialect
from localrank.server.dialects.table import DIALECTS, RERANK_PATHS, recognize
from localrank.server.gate import Gate, State, path_of, refused_response, too_large
from localrank.server.keys import Keys
from localrank.server.limits import Admission, Limits, check_limits
from localrank.server.metrics import Metrics
from localrank.server.openapi import description
from localrank.server.page.routes import page_routes
from localrank.server.served import DEFAULT_MODEL, Served, ServedModels
from localrank.server.wire import Answer, RankRequest, RefusedError, Scored, refusal_of

__all__ = ["TIMEOUT_HEADER", "RerankApp", "create_app"]

TIMEOUT_HEADER = "X-Request-Timeout"
"""Seconds after which the client wants no answer any more; the server's own limit holds too."""

CLIENT_CLOSED_REQUEST = 499

_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_log = logging.getLogger("localrank.server")


def create_app(
    models: Mapping[str, AnyReranker | str] | Sequence[str | tuple[str, AnyReranker | str]] = (),
    *,
    api_keys: Sequence[str] = (),
    limits: Limits | None = None,
    document_cache_mb: int | None = 256,
    page: bool = True,
) -> RerankApp:
    """Return the ASGI application, to be run by any ASGI server or mounted in an application of your own.

    Args:
        models: Names and rerankers (or what `localrank.rerank` takes for one), as a mapping or as pairs, or such strings alone;
            the first is the default. None named means the embedded model. Each is loaded when it is first used.
        api_keys: Keys that open every route but liveness; none leaves it open.
        limits: Bounds of a request and of the queue.
        document_cache_mb: Megabytes for the vectors of documents that were seen before, for models that read a document apart
            from its query; None keeps none.
        page: Whether `/` shows a page to try it in.

    Raises:
        InvalidRequestError: Two models of one name, or a key that is too short.
        UnknownModelError: A name that stands for no model.
    """
    given = models.items() if isinstance(models, Mapping) else models
    specs = [(_short(spec), spec) if isinstance(spec, str) else spec for spec in given]
    served = ServedModels(
        specs or [(_short(DEFAULT_MODEL), DEFAULT_MODEL)], document_cache_mb=document_cache_mb
    )
    return RerankApp(served, State(Keys(api_keys)), limits or Limits(), page=page)


@dataclass(slots=True)
class _Course:
    """How far a request came, for metrics and the log."""

    dialect: Dialect
    model: str = "none"
    outcome: str = "ok"


class RerankApp:
    """The application, and what its runner asks it for.

    Attributes:
        served: The models.
        state: Keys, and whether it is ending.
        admission: What is accepted and unfinished.
    """

    def __init__(self, served: ServedModels, state: State, limits: Limits, *, page: bool) -> None:
        self.served = served
        self.state = state
        self.admission = Admission(limits)
        self._limits = limits
        self._metrics = Metrics(self.admission)
        inner = Starlette(
            routes=self._routes(page=page),
            lifespan=self._lifespan,
            exception_handlers={HTTPException: _http_error, Exception: _unexpected},
            max_body_size=limits.max_body_bytes,
        )
        self._app = Gate(inner, state, max_body_bytes=limits.max_body_bytes)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer as ASGI asks."""
        await self._app(scope, receive, send)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await self.served.close()

    def _routes(self, *, page: bool) -> list[BaseRoute]:
        paths = [*RERANK_PATHS, *(f"/{name}{path}" for name in DIALECTS for path in ("", *RERANK_PATHS))]
        routes: list[BaseRoute] = [Route(path, self._rerank, methods=["POST"]) for path in paths]
        routes += [Route(path, self._score, methods=["POST"]) for path in SCORE_PATHS]
        routes += [
            Route("/health", _alive),
            Route("/ping", _alive),
            Route("/ready", self._ready),
            Route("/metrics", self._show_metrics),
            Route("/v1/models", self._models),
            Route("/info", self._info),
            Route("/openapi.json", _openapi),
        ]
        return routes + (page_routes() if page else [])

    async def _rerank(self, request: Request) -> Response:
        """Answer one request; see the top of this file."""
        return await self._answered(request, self._one_ranking)

    async def _score(self, request: Request) -> Response:
        """Answer a request for the scores of pairs: a ranking for each different query."""
        return await self._answered(request, self._scores_of_pairs)

    async def _one_ranking(self, request: Request, body: bytes, course: _Course) -> Any:
        course.dialect = _dialect_of(request, body)
        asked = _decoded(body, course.dialect).read()
        return course.dialect.write(await self._answer(request, asked, course))

    async def _scores_of_pairs(self, request: Request, body: bytes, course: _Course) -> Any:
        course.dialect = SCORE
        pairs = cast("ScoreBody", _decoded(body, SCORE)).requests()
        answers = [(await self._answer(request, asked, course), places) for asked, places in pairs]
        return write_scores(answers)

    async def _answered(
        self, request: Request, work: Callable[[Request, bytes, _Course], Awaitable[Any]]
    ) -> Response:
        """Answer with what `work` returns, or refuse in the dialect that it found; count either."""
        began, course = time.perf_counter(), _Course(recognize(path_of(request.scope), request.headers, ()))
        request_id: str = request.state.request_id
        try:
            return _json(await work(request, await request.body(), course))
        except (RerankAbortedError, ClientDisconnect):
            course.outcome = "cancelled"
            return Response(status_code=CLIENT_CLOSED_REQUEST)
        except HTTPException as error:
            if error.status_code != HTTP_413_CONTENT_TOO_LARGE:
                raise
            course.outcome = "limit"
            return _refusal(course.dialect, too_large(self._limits.max_body_bytes), request_id)
        except RefusedError as refused:
            course.outcome = refused.kind
            return _refusal(course.dialect, refused, request_id)
        except RerankError as error:
            refusal = refusal_of(error)
            course.outcome = refusal.kind
            if refusal.status >= 500:
                _log.error("%s: %s: %s", request_id, course.model, error)
            return _refusal(course.dialect, refusal, request_id)
        finally:
            self._metrics.ended(
                course.dialect.name, course.model, course.outcome, time.perf_counter() - began
            )
            request.state.ranked = {
                "dialect": course.dialect.name,
                "model": course.model,
                "outcome": course.outcome,
            }

    async def _answer(self, request: Request, asked: RankRequest, course: _Course) -> Answer:
        """Bound, rank, and put together what the dialect will write down."""
        served = self.served.get(asked.model)
        course.model = served.name
        check_limits(asked, self._limits)
        if self.state.draining:
            raise RefusedError(503, "The server is ending.", "ending", {"Retry-After": "5"})
        with self.admission.admitted(asked):
            cut = await served.cut(asked)
            result = await self._ranked(request, served, cut or asked)
        self._metrics.ranked(served.name, len(asked.texts), result.usage)
        return _answer_of(request.state.request_id, served, asked, cut, result)

    async def _ranked(self, request: Request, served: Served, asked: RankRequest) -> RerankResult[str]:
        """Rank, and stop when the client goes away or its time is over."""
        gone, failure, seconds = anyio.Event(), None, self._seconds(request)
        async with anyio.create_task_group() as group:
            group.start_soon(_watch, request, gone)
            try:
                result = await rerank(
                    served.model,
                    asked.query,
                    asked.texts,
                    asked.top_k,
                    gone,
                    instruction=asked.instruction,
                    timeout=seconds,
                )
            except RerankError as error:  # raised below: a group would wrap it
                failure = error
            group.cancel_scope.cancel()
        if failure is not None:
            raise failure
        served.scored_at = time.monotonic()
        return result

    def _seconds(self, request: Request) -> float:
        given = request.headers.get(TIMEOUT_HEADER)
        if given is None:
            return self._limits.timeout
        try:
            seconds = float(given)
        except ValueError:
            seconds = math.nan
        if not seconds > 0:
            raise RefusedError(422, f"{TIMEOUT_HEADER} is no number of seconds above 0.", "invalid_request")
        return min(seconds, self._limits.timeout)

    async def _ready(self, _: Request) -> Response:
        """Prove by a real pair that every model which was used, or the default, scores."""
        if self.state.draining:
            return JSONResponse({"status": "ending"}, status_code=503)
        used = [served for served in self.served if served.scored_at is not None]
        for served in used or [self.served.default]:
            try:
                with anyio.fail_after(self._limits.timeout):
                    await served.probe()
            except (RerankError, TimeoutError) as error:
                _log.error("%s is not ready: %s", served.name, error)
                return JSONResponse({"status": "failing", "model": served.name}, status_code=503)
        return JSONResponse({"status": "ready"})

    async def _show_metrics(self, _: Request) -> Response:
        return Response(self._metrics.text(), media_type=self._metrics.content_type)

    async def _models(self, _: Request) -> Response:
        rows = [
            {
                "id": served.name,
                "object": "model",
                "created": served.created,
                "owned_by": served.model.provider,
            }
            for served in self.served
        ]
        return JSONResponse({"object": "list", "data": rows})

    async def _info(self, _: Request) -> Response:
        limits = self._limits
        return JSONResponse(
            {
                "model_id": self.served.default.name,
                "model_type": {"reranker": {"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}},
                "version": __version__,
                "max_client_batch_size": limits.max_documents,
                "max_concurrent_requests": None,
                "payload_limit": limits.max_body_bytes,
            }
        )


def _dialect_of(request: Request, body: bytes) -> Dialect:
    """Return what `body` speaks.

    Raises:
        RefusedError: It is no JSON object.
    """
    try:
        keys = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except _UNREADABLE:
        raise RefusedError(400, "The body is no JSON object.", "malformed") from None
    return recognize(path_of(request.scope), request.headers, keys)


def _decoded(body: bytes, dialect: Dialect) -> Body:
    """Return the body in the dialect's shape.

    Raises:
        RefusedError: It has another.
    """
    try:
        return msgspec.json.decode(body, type=dialect.body)
    except _UNREADABLE as error:
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


def _number(hit: Any, asked: RankRequest) -> float:
    if not asked.raw_scores:
        return float(hit.score)
    logit = hit.metadata.get("logit")
    if logit is None:
        raise RefusedError(422, "This model tells no raw scores.", "invalid_request")
    return float(logit)


async def _watch(request: Request, gone: anyio.Event) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    gone.set()


async def _openapi(_: Request) -> Response:
    return _json(description())


async def _alive(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


def _json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        msgspec.json.encode(content), status, headers=dict(headers or {}), media_type="application/json"
    )


def _refusal(dialect: Dialect, refused: RefusedError, request_id: str) -> Response:
    status = dialect.invalid if refused.kind == "invalid_request" else refused.status
    return _json(dialect.refuse(refused, request_id), status, refused.headers)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known = {
        404: "There is nothing at this path.",
        405: "This path takes another method.",
        413: "The body is too large.",
    }
    refused = RefusedError(error.status_code, known.get(error.status_code, error.detail), "http")
    return refused_response(refused, request.state.request_id)


async def _unexpected(request: Request, error: Exception) -> Response:
    _log.error("%s: unexpected %s", request.state.request_id, type(error).__name__, exc_info=error)
    refused = RefusedError(500, "Something unexpected happened; the server's log says what.", "internal")
    return refused_response(refused, request.state.request_id)


def _short(spec: str) -> str:
    return spec.removeprefix("onnx:")
