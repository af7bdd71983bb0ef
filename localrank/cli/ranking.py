"""One ranking of what the command line read: the request, the call, and each place as a record or a row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, TypeVar

import click

from localrank.calling.sync import rerank_sync
from localrank.cli.reading import InputDocument
from localrank.cli.terminal import progress_bar
from localrank.contract.types import RankedDocument, RerankOutcome, RerankResult
from localrank.providers.environment import check_named_by
from localrank.providers.registry import DEFAULT_MODEL, provider_names, resolve
from localrank.providers.unscored import is_scored

__all__ = ["RankRequest", "model_names", "model_option", "place_of", "rank", "record_of", "spent"]

Command = TypeVar("Command", bound=Callable[..., Any])


def model_names(_context: click.Context, _parameter: click.Parameter, beginning: str) -> list[str]:
    """Return what a shell completes: the names that providers know, and the providers themselves."""
    known = [name for entry in entry_points(group="localrank.names") for name in entry.load()()]
    names = [*known, *(f"{provider}:" for provider in provider_names())]
    return [name for name in names if name.startswith(beginning)]


def _model_option(callback: Callable[..., Any] | None) -> Callable[[Command], Command]:
    return click.option(
        "-m",
        "--model",
        metavar="NAME",
        default=DEFAULT_MODEL,
        envvar="LOCALRANK_MODEL",
        callback=callback,
        shell_complete=model_names,
        show_default=True,
        show_envvar=True,
        help="provider:model-id, an alias or a folder.",
    )


model_option = _model_option(check_named_by)
"""The model of a command that takes one."""

tested_model_option = _model_option(None)
"""The same for the doctor, which reports what is wrong with it."""


@dataclass(frozen=True, slots=True)
class RankRequest:
    """What is asked of a model.

    Attributes:
        query: The text to rank against.
        documents: What was read, or what the first stage kept of it, best first.
        places: The position of each document in what was read; None means its own.
        top_k: How many places are wanted; None means all.
        threshold: The lowest score that is shown; counts before `top_k`.
        instruction: What "relevant" means here.
        timeout: Seconds after which the command fails.
        deadline: Seconds after which the best ranking so far is printed.
    """

    query: str
    documents: tuple[InputDocument, ...]
    places: tuple[int, ...] | None = None
    top_k: int | None = None
    threshold: float | None = None
    instruction: str | None = None
    timeout: float | None = None
    deadline: float | None = None


def rank(model: str, request: RankRequest) -> RerankResult[InputDocument]:
    """Rank with `model`, with a progress bar where a person watches."""
    reranker = resolve(model)
    with progress_bar(f"Ranking with {reranker.model_id}", len(request.documents)) as on_progress:
        return rerank_sync(
            reranker,
            request.query,
            request.documents,
            request.top_k,
            min_score=request.threshold,
            text=_scored_text,
            instruction=request.instruction,
            timeout=request.timeout,
            deadline=request.deadline,
            on_progress=on_progress,
        )


def record_of(
    ranked: RankedDocument[InputDocument], request: RankRequest, outcome: RerankOutcome | None = None
) -> dict[str, Any]:
    """Return one place as it is printed in JSON Lines, with what became of the call; keys that do not apply are absent."""
    return {
        "rank": ranked.rank,
        "index": ranked.index if request.places is None else request.places[ranked.index],
        "score": ranked.score,
        "text": ranked.document.text,
        **dict(_where_from(ranked.document)),
        **({"truncated": True} if ranked.truncated else {}),
        **({} if is_scored(ranked) else {"scored": False}),
        **({} if outcome is None else {"outcome": outcome.to_dict()}),
    }


def place_of(document: InputDocument) -> str:
    """Return `source:line` and the nearest heading, for a person; empty for a line of standard input."""
    place = f"{document.source}:{document.line}" if document.source else ""
    return " · ".join(part for part in (place, document.heading.rpartition(" > ")[2]) if part)


def spent(result: RerankResult[Any]) -> str:
    """Return the time the call took, for a person."""
    load = result.usage.load_ms
    loading = f" (and {_milliseconds(load)} to load the model)" if load >= 1 else ""
    return f"{_milliseconds(result.usage.duration_ms or 0.0)}{loading}"


def _milliseconds(value: float) -> str:
    return f"{value / 1000:.1f} s" if value >= 10_000 else f"{value:,.0f} ms"


def _scored_text(document: InputDocument) -> str:
    return document.scored_text


def _where_from(document: InputDocument) -> Iterator[tuple[str, Any]]:
    if document.source is not None:
        yield "source", document.source
    yield "line", document.line
    if document.heading:
        yield "heading", document.heading
    if document.record is not None:
        yield "document", document.record
