"""`localrank doctor --server`: find how a running server is asked, and tell whether its scores make sense.

Three questions, each with a text that answers it and one that has nothing to do with it, in both orders. Any reranker worth its
name puts the answer first six times.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from localrank.calling.sync import rerank_sync
from localrank.contract.errors import (
    AuthenticationError,
    ConnectionFailedError,
    MissingAPIKeyError,
    MissingDependencyError,
    RateLimitError,
    RerankError,
)
from localrank.contract.texts import shortened
from localrank.contract.types import RerankResult
from localrank.providers.diagnosis import Finding, Section, Way, ways_to_ask
from localrank.providers.unscored import is_scored

__all__ = ["KEY_VARIABLE", "ServerCheck", "check_server", "read_key"]

KEY_VARIABLE = "LOCALRANK_API_KEY"
"""Where the key comes from without --api-key-file."""

TIMEOUT_S = 60.0
"""For one answer: a server may load its model at the first."""

PAIRS = (
    (
        "What is the capital of France?",
        "Paris is the capital of France.",
        "Bananas grow where it is warm and wet.",
    ),
    (
        "How do I reset my password?",
        "To reset your password, open the settings and choose Reset password.",
        "The museum is closed on Mondays.",
    ),
    (
        "How many legs does a spider have?",
        "A spider has eight legs.",
        "The evening train to the coast leaves at seven.",
    ),
)
"""A question, a text that answers it, and one that does not."""

_STOPS = (
    AuthenticationError,
    MissingAPIKeyError,
    ConnectionFailedError,
    RateLimitError,
    MissingDependencyError,
)
"""What another dialect would meet too."""

_NOT_THERE = frozenset({404, 405})

_SHOWN, _SHOWN_CHARACTERS = 3, 200
"""Of what a server said that no dialect fits, so many answers, and so much of each, are shown."""

_HARDLY = 0.01
"""Scores that differ by less than this share of the larger one are too near to each other to be sense."""


@dataclass(frozen=True, slots=True)
class ServerCheck:
    """What was found: the section to print; `is_asked` is False where the server could not be asked at all."""

    section: Section
    is_asked: bool = True


@dataclass(frozen=True, slots=True)
class _Answer:
    """The scores of one pair, with the right text sent first or second."""

    right: float
    wrong: float
    right_first: bool


def read_key(path: Path | None) -> str | None:
    """Return the first word of the file, or what the environment holds; None where there is neither.

    Raises:
        UsageError: The file cannot be read, or is empty.
    """
    if path is None:
        return os.environ.get(KEY_VARIABLE, "").strip() or None
    try:
        lines = path.read_text("utf-8").split()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no text"
        raise click.UsageError(f"--api-key-file {str(path)!r} cannot be read: {reason}.") from None
    if not lines:
        raise click.UsageError(f"--api-key-file {str(path)!r} is empty.")
    return lines[0]


def check_server(url: str, *, model: str | None, api_key: str | None) -> ServerCheck:
    """Find the dialect by trying, then ask the three pairs in both orders."""
    refused: list[tuple[str, RerankError]] = []
    try:
        for way in ways_to_ask(url, model=model, api_key=api_key):
            try:
                first = _ask(way, 0, right_first=True)
            except _STOPS:
                raise
            except RerankError as error:
                refused.append((way.name, error))
                continue
            return ServerCheck(Section("Server", tuple(_findings(url, way, first))))
    except RerankError as error:
        return _not_asked(url, error.message, error.hint)
    if not refused:
        return _not_asked(url, "nothing installed here asks servers.", 'pip install "localrank[cohere]"')
    return _not_asked(
        url,
        f"it answers none of the {len(refused)} dialects tried. {_told(refused)}",
        "Name its model with --model, and give the address of its API, such as http://127.0.0.1:8000/v1.",
    )


def _told(refused: Sequence[tuple[str, RerankError]]) -> str:
    """Return what the server said, the most telling first: an address that is not there tells least."""
    told = [(name, error) for name, error in refused if getattr(error, "status", None) not in _NOT_THERE]
    lines = [
        f"Asked as {name}: {shortened(error.message, _SHOWN_CHARACTERS)}" for name, error in told[:_SHOWN]
    ]
    more = [f"{len(told) - _SHOWN} more were refused otherwise."] if len(told) > _SHOWN else []
    absent = len(refused) - len(told)
    return " ".join([*lines, *more, *([f"404 or 405 for {absent} of them."] if absent else [])])


def _not_asked(url: str, what: str, hint: str | None) -> ServerCheck:
    return ServerCheck(Section("Server", (Finding(_shown(url), what, "broken", hint),)), is_asked=False)


def _shown(url: str) -> str:
    return url.partition("?")[0]


def _ask(way: Way, pair: int, *, right_first: bool) -> tuple[_Answer, RerankResult[str]]:
    query, right, wrong = PAIRS[pair]
    documents = [right, wrong] if right_first else [wrong, right]
    result = rerank_sync(way.model, query, documents, max_retries=0, timeout=TIMEOUT_S)
    scores = {hit.document: hit.score for hit in result if is_scored(hit)}
    if len(scores) < len(documents):
        raise RerankError(f"It scored {len(scores)} of {len(documents)} documents.")
    return _Answer(scores[right], scores[wrong], right_first), result


def _findings(url: str, way: Way, first: tuple[_Answer, RerankResult[str]]) -> Iterator[Finding]:
    """Yield what is to be said of a server that answers."""
    answer, result = first
    yield Finding("address", _shown(url))
    yield Finding("asked as", way.name)
    yield Finding("model", result.response.model_id)
    yield Finding("one request", f"{result.usage.duration_ms or 0.0:,.0f} ms")
    answers = [answer]
    try:
        answers.append(_ask(way, 0, right_first=False)[0])
        for pair in range(1, len(PAIRS)):
            answers += [_ask(way, pair, right_first=order)[0] for order in (True, False)]
    except RerankError as error:
        yield Finding("verdict", f"it failed: {error.message}", "broken", error.hint)
        return
    for pair, (query, *_) in enumerate(PAIRS):
        both = answers[2 * pair : 2 * pair + 2]
        told = ", ".join(f"{one.right:.4g} to {one.wrong:.4g}" for one in both)
        right = all(one.right > one.wrong for one in both)
        yield Finding(query, f"right to wrong text: {told}", "ok" if right else "broken")
    yield _verdict(answers)


def _verdict(answers: Sequence[_Answer]) -> Finding:
    right = sum(one.right > one.wrong for one in answers)
    fault = next((told for holds, *told in _faults(answers) if holds), None)
    if fault is not None:
        return Finding("verdict", f"nonsense: {fault[0]}", "broken", fault[1])
    if all(one.right - one.wrong < _HARDLY * max(abs(one.right), abs(one.wrong)) for one in answers):
        return Finding(
            "verdict",
            "it ranks right, but the scores hardly differ",
            "note",
            "See whether the model gets the template and the head that it was trained with.",
        )
    return Finding("verdict", f"it makes sense: the right text first in {right} of {len(answers)} requests")


def _faults(answers: Sequence[_Answer]) -> Iterator[tuple[bool, str, str]]:
    """Yield what can be wrong, the plainest first: whether it is, what it is, and what to look at."""
    count, scores = len(answers), {score for one in answers for score in (one.right, one.wrong)}
    yield (
        len(scores) == 1,
        f"every score is {next(iter(scores)):.4g}",
        "A softmax over a single label gives 1 to every text: let the server use a sigmoid, or no activation. It may also "
        "serve a model that is no reranker.",
    )
    yield (
        all(one.right == one.wrong for one in answers),
        "both texts of a question score the same",
        "The scores do not look at the documents: see which model it serves, and how it puts query and document together.",
    )
    yield (
        all(one.right < one.wrong for one in answers),
        "it ranks the wrong text first every time",
        "Its scores are the wrong way round: distances, or the label that means “not relevant”.",
    )
    first = sum((one.right > one.wrong) == one.right_first for one in answers)
    yield (
        first in {0, count},
        f"the text sent {'first' if first else 'last'} wins every time",
        "Its scores say the place in the request, not the relevance: see which model it serves.",
    )
    right = sum(one.right > one.wrong for one in answers)
    yield (
        right < count,
        f"the right text comes first in {right} of {count} requests",
        "A model that generates “yes” and “no” (Qwen3-Reranker and its kind) scores noise without its chat template, and one "
        "of pairs without its head: see how the server was started.",
    )
