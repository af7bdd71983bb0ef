"""The application: what answers at which path, and what its runner asks it for.

The gate lets a request in      door/
one route answers rankings      answering.py
and one the page, or what       page/, here
whoever runs the server asks
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from localrank._version import __version__
from localrank.contract.model import AnyReranker
from localrank.providers.arguments import check_count, check_path
from localrank.server.answering import Answering
from localrank.server.dialects.openapi import description
from localrank.server.dialects.score import SCORE_PATHS
from localrank.server.dialects.table import DIALECTS, RERANK_PATHS
from localrank.server.dialects.wire import RefusedError
from localrank.server.door.admission import Admission
from localrank.server.door.gate import LIVENESS, Gate, course_of, refused_response
from localrank.server.door.hosts import Hosts
from localrank.server.door.keys import Keys
from localrank.server.door.limits import Limits
from localrank.server.door.state import State
from localrank.server.failures import reason_of
from localrank.server.metrics import Metrics
from localrank.server.models import DEFAULT_MODEL, Keeping, ServedModels
from localrank.server.page.routes import page_routes
from localrank.server.tracing import Tracing

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

__all__ = ["RerankApp", "create_app"]

_log = logging.getLogger("localrank.server")


Models: TypeAlias = str | Mapping[str, AnyReranker | str] | Sequence[str | tuple[str, AnyReranker | str]]


def create_app(
    models: Models = (),
    *,
    api_keys: Sequence[str] = (),
    limits: Limits | None = None,
    allowed_hosts: Sequence[str] | None = None,
    document_cache_mb: int | None = 256,
    document_store: str | Path | None = None,
    page: bool = True,
    tracer: Tracer | None = None,
) -> RerankApp:
    """Return the ASGI application, to be run by any ASGI server or mounted in an application of your own.

    Args:
        models: Names and rerankers (or what `localrank.rerank` takes for one), as a mapping or as pairs, or such strings alone;
            the first is the default. None named means the embedded model. Each is loaded when it is first used. What is made
            here from a string is closed at the end; a reranker of yours stays yours.
        api_keys: Keys that open every route but liveness; none leaves it open.
        limits: Bounds of a request and of the queue.
        allowed_hosts: Names that the `Host` of a request may have besides addresses, `localhost` and names that no one can
            register; None means any. A server on loopback should have some, or none of the web's pages is kept out.
        document_cache_mb: Megabytes for the vectors of documents that were seen before, for models that read a document apart
            from its query; None keeps none.
        document_store: A folder in which each such model keeps the same on disk, for all workers and for longer than they run,
            in a folder of its own called as the model; None keeps nothing there.
        page: Whether `/` shows a page to try it in.
        tracer: For OpenTelemetry's spans; None means the global provider's tracer `localrank`.

    Raises:
        InvalidRequestError: Two models of one name, a key that is too short or holds white space, or a host that is none.
        UnknownModelError: A name that stands for no model.
    """
    state = State(Keys(api_keys), limits or Limits(), Hosts(allowed_hosts))
    store = None if document_store is None else check_path("document_store", document_store)
    kept_mb = check_count("document_cache_mb", document_cache_mb, least=0)
    served = ServedModels(_specs(models), Keeping(kept_mb, store))
    return RerankApp(served, state, page=page, tracer=tracer)


def _specs(models: Models) -> list[tuple[str, AnyReranker | str]]:
    named = [models] if isinstance(models, str) else models
    given = named.items() if isinstance(named, Mapping) else named
    return [(_short(one), one) if isinstance(one, str) else one for one in given or [DEFAULT_MODEL]]


class RerankApp:
    """The application, and what its runner asks it for.

    Attributes:
        models: By the names that requests use; see `change_models`.
        state: Keys, limits, hosts, and whether it is ending; each may change while the application runs.
        admission: What is accepted and unfinished.
    """

    def __init__(
        self, models: ServedModels, state: State, *, page: bool, tracer: Tracer | None = None
    ) -> None:
        self.models = models
        self.state = state
        self.admission = Admission(state)
        self._metrics = Metrics(self.admission)
        self._giving_way = anyio.Lock()
        self._answering = Answering(models, state, self.admission, self._metrics, Tracing(tracer))
        inner = Starlette(
            routes=self._routes(page=page),
            lifespan=self._lifespan,
            exception_handlers={HTTPException: _http_error},
        )
        self._app = Gate(inner, state)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer as ASGI asks."""
        await self._app(scope, receive, send)

    def stop(self) -> None:
        """Stop what is being ranked; it is answered with 503. Call it from the event loop."""
        self._answering.stop()

    async def change_models(self, models: Models, *, preload: bool = False) -> None:
        """Serve other models from now on; those that stay under their spec stay loaded, with what they know.

        Returns once no request uses the former ones and what was made for them alone has let go.

        Args:
            models: As for `create_app`.
            preload: Whether the new ones rank a pair before any request meets them.

        Raises:
            RerankError: A name or spec that cannot be served, or a model that cannot be loaded; the former ones go on.
        """
        former = self.models
        coming = former.followed_by(_specs(models))
        if preload:
            try:
                for served in coming:
                    if served.scored_at is None:
                        await served.probe()
            except BaseException:
                await coming.give_way(former)
                raise
        self.models = self._answering.models = coming
        async with self._giving_way:
            await former.give_way(coming)

    async def aclose(self) -> None:
        """Let the models that were made here go of what they hold; an application that is mounted has no end of its own."""
        await self.models.aclose()

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await self.aclose()

    def _routes(self, *, page: bool) -> list[BaseRoute]:
        paths = [*RERANK_PATHS, *(f"/{name}{path}" for name in DIALECTS for path in ("", *RERANK_PATHS))]
        routes: list[BaseRoute] = [Route(path, self._answering.ranking, methods=["POST"]) for path in paths]
        routes += [Route(path, self._answering.scores, methods=["POST"]) for path in SCORE_PATHS]
        routes += [
            Route("/health", _alive),
            Route("/ping", _alive),
            Route("/ready", self._ready),
            Route("/metrics", self._show_metrics),
            Route("/v1/models", self._list_models),
            Route("/info", self._info),
            Route("/openapi.json", _openapi),
        ]
        return routes + (page_routes() if page else [])

    async def _ready(self, _: Request) -> Response:
        """Prove by a real pair that every model which was used, or the default, scores."""
        if self.state.draining:
            return JSONResponse({"status": "ending"}, status_code=503)
        used = [served for served in self.models if served.scored_at is not None]
        for served in used or [self.models.default]:
            try:
                with anyio.fail_after(self.state.limits.timeout):
                    await served.probe()
            except Exception as error:
                _log.error("%s is not ready: %s", served.name, reason_of(error))
                return JSONResponse({"status": "failing", "model": served.name}, status_code=503)
        return JSONResponse({"status": "ready"})

    async def _show_metrics(self, _: Request) -> Response:
        return Response(self._metrics.text(), media_type=self._metrics.content_type)

    async def _list_models(self, _: Request) -> Response:
        rows = [
            {
                "id": served.name,
                "object": "model",
                "created": served.created,
                "owned_by": served.model.provider,
            }
            for served in self.models
        ]
        return JSONResponse({"object": "list", "data": rows})

    async def _info(self, _: Request) -> Response:
        """Tell what TEI's own clients ask for."""
        limits = self.state.limits
        return JSONResponse(
            {
                "model_id": self.models.default.name,
                "model_type": {"reranker": {"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}},
                "version": __version__,
                "max_client_batch_size": limits.max_documents,
                "max_concurrent_requests": None,
                "payload_limit": limits.max_body_bytes,
            }
        )


async def _openapi(_: Request) -> Response:
    return JSONResponse(description(LIVENESS))


async def _alive(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = _told(request, error)
    refused = RefusedError(error.status_code, message, "http", error.headers)
    return refused_response(refused, course_of(request.scope).request_id)


def _told(request: Request, error: HTTPException) -> str:
    """Return what is wrong with a path or its method, and where the right one is found."""
    if error.status_code == 404:
        described = f"{request.scope.get('root_path', '')}/openapi.json"
        return f"There is nothing at this path; {described} describes those that there are."
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        return f"This path takes {allowed}, not {request.method[:20]}."
    return error.detail


def _short(spec: str) -> str:
    return spec.removeprefix("onnx:")
