"""A web handler that stays responsive: other requests are answered during a long ranking, and a client that leaves stops it.

Needs `pip install starlette uvicorn`. Run it with `python examples/web_app.py`, then:

    curl -s localhost:8000/rerank -d '{"query": "What is RAG?", "documents": ["Paris is a city.", "RAG retrieves first."]}'
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localrank import InvalidRequestError, RerankAbortedError, RerankError, RerankResult, rerank
from localrank_transformers import OnnxReranker

CLIENT_CLOSED_REQUEST = 499


@dataclass(slots=True)
class Counts:
    """What the service has done."""

    running: int = 0
    finished: int = 0
    stopped: int = 0


def make_app(model: OnnxReranker) -> Starlette:
    """Return the app; it loads the model at the start and releases it at the end."""
    counts = Counts()

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with model:
            await model.warm_up()
            yield

    async def rank(request: Request) -> Response:
        body = await request.json()
        counts.running += 1
        try:
            result = await rank_while_connected(request, model, body["query"], body["documents"])
        except RerankAbortedError:
            counts.stopped += 1
            return Response(status_code=CLIENT_CLOSED_REQUEST)
        except (InvalidRequestError, KeyError) as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        finally:
            counts.running -= 1
        counts.finished += 1
        return JSONResponse([{"index": hit.index, "score": hit.score} for hit in result])

    async def health(_: Request) -> Response:
        return JSONResponse(
            {"running": counts.running, "finished": counts.finished, "stopped": counts.stopped}
        )

    return Starlette(
        routes=[Route("/rerank", rank, methods=["POST"]), Route("/health", health)], lifespan=lifespan
    )


async def rank_while_connected(
    request: Request, model: OnnxReranker, query: str, documents: list[str]
) -> RerankResult[str]:
    """Rank, and stop when the client goes away."""
    gone = anyio.Event()

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        gone.set()

    outcome: RerankResult[str] | RerankError
    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        try:
            outcome = await rerank(model, query, documents, abort_event=gone)
        except RerankError as error:  # raised below: a task group would wrap it
            outcome = error
        group.cancel_scope.cancel()
    if isinstance(outcome, RerankError):
        raise outcome
    return outcome


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(make_app(OnnxReranker()), port=8000)
