"""Answers of decision models into scores: by name on TypeSafe's wire, by order on OpenAI's. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from localrank.contract.errors import InvalidResponseError
from localrank.contract.model import ScoredIndex
from localrank.contract.texts import shortened
from localrank.contract.types import RerankUsage
from localrank.providers.unscored import UNSCORED, UNSCORED_TIER
from localrank_cohere.decisions.forms import BEST, LEVELS, NONE, Form, document_id
from localrank_cohere.dialects.decisions import DecisionService
from localrank_cohere.wire.answers import Reading
from localrank_cohere.wire.values import count_in, number_in, word_in
from localrank_cohere.wire.words import one_line, said

__all__ = ["REFUSED", "read_answers"]

REFUSED = {**UNSCORED, "refused": True}
"""The mark, in `metadata`, of a document that the model declined to judge."""

_TOLERANCE = 1e-6
"""How far a probability may lie outside 0–1: sums of rounded parts do."""


def read_answers(form: Form, service: DecisionService, text: str, *, count: int, source: str) -> Reading:
    """Return what the body `text` of a good answer says about `count` documents.

    A refusal is an unscored document. The model's confidence is in the metadata of a rubric's entries, and the probability that
    no document answers is `none` in `rest`, where the form is a choice.

    Raises:
        InvalidResponseError: No JSON, an answer missing, too many, of another type than its question, or no probability.
    """
    body = _decoded(text, source)
    names = [BEST] if form.is_choice else [document_id(index) for index in range(count)]
    by_name = service.wire == "systemone"
    answers = _by_name(body, names, source) if by_name else _by_order(body, names, source)
    wanted = form.systemone if by_name else form.decisions
    rest = {key: value for key, value in body.items() if key not in {"answers", "id", "model", "object"}}
    if form.is_choice:
        results, none = _chosen(answers[0], wanted, count, source)
        rest |= {} if none is None else {"none": none}
    else:
        pairs = zip(names, answers, strict=True)
        results = [_judged(index, *pair, wanted, source) for index, pair in enumerate(pairs)]
    return Reading(
        results=results,
        usage=_usage(body.get("usage")),
        id=word_in(body.get("id")),
        model_id=word_in(body.get("model")),
        warnings=(),
        rest=rest,
    )


def _decoded(text: str, source: str) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        _refuse(
            source, f"is no JSON: {shortened(said(text) or one_line(text))!r}" if text.strip() else "is empty"
        )
    if not isinstance(body, dict) or "answers" not in body:
        words = said(text)
        _refuse(source, "holds no 'answers'" + (f". It says: {words!r}" if words else ""))
    return body


def _by_name(body: Mapping[str, Any], names: Sequence[str], source: str) -> list[Any]:
    answers = body["answers"]
    if not isinstance(answers, dict):
        _refuse(source, f"holds 'answers' of type {type(answers).__name__} instead of an object")
    missing = next((name for name in names if name not in answers), None)
    if missing is not None:
        _refuse(source, f"holds no answer to the question {missing!r}")
    return [answers[name] for name in names]


def _by_order(body: Mapping[str, Any], names: Sequence[str], source: str) -> list[Any]:
    answers = body["answers"]
    if not isinstance(answers, list):
        _refuse(source, f"holds 'answers' of type {type(answers).__name__} instead of a list")
    if len(answers) != len(names):
        _refuse(source, f"holds {len(answers)} answers to {len(names)} questions")
    for name, answer in zip(names, answers, strict=True):
        own = answer.get("name") if isinstance(answer, dict) else None
        if own is not None and own != name:
            shown = shortened(repr(own))
            _refuse(source, f"holds the answer to {shown} where that to {name!r} belongs")
    return answers


def _judged(index: int, name: str, answer: Any, wanted: str, source: str) -> ScoredIndex:
    kind = _kind(answer, name, wanted, source)
    if kind == "refusal":
        return ScoredIndex(index, 0.0, tier=UNSCORED_TIER, metadata=REFUSED)
    if kind != "score":
        field = "noul" if kind == "noul" else "probability"
        return ScoredIndex(index, _probability(answer.get(field), name, source))
    confidence = number_in(answer.get("confidence"))
    metadata = None if confidence is None else {"confidence": confidence}
    return ScoredIndex(index, _share(answer, name, source), metadata=metadata)


def _share(answer: Mapping[str, Any], name: str, source: str) -> float:
    """Return the expected level as a share of the highest, from the levels' probabilities where there are some."""
    top = len(LEVELS) - 1
    weights = _weights(answer.get("probabilities"), name, source)
    if weights is None:
        score = number_in(answer.get("score"))
        if score is None:
            _refuse(source, f"holds no score for {name!r} that is a number")
        return _probability(score / top, name, source)
    total = math.fsum(weights)
    if not total > 0:
        _refuse(source, f"holds no probability above 0 for a level of {name!r}")
    return min(math.fsum(level * weight for level, weight in enumerate(weights)) / (top * total), 1.0)


def _weights(given: Any, name: str, source: str) -> list[float] | None:
    """Return the probability of each level: keyed by its place on TypeSafe's wire, listed with its label on OpenAI's."""
    if isinstance(given, dict) and given:
        keyed = {key: given.get(str(key)) for key in range(len(LEVELS))}
    elif isinstance(given, list) and given:
        labels = {label: level for level, (label, _) in enumerate(LEVELS)}
        rows = [row for row in given if isinstance(row, dict)]
        keyed = {labels.get(str(row.get("label")), -1): row.get("probability") for row in rows}
    else:
        return None
    if sorted(keyed) != list(range(len(LEVELS))):
        _refuse(source, f"holds probabilities of other levels for {name!r} than were asked for")
    return [_probability(keyed[level], name, source) for level in range(len(LEVELS))]


def _chosen(answer: Any, wanted: str, count: int, source: str) -> tuple[list[ScoredIndex], float | None]:
    """Return the share of each document, and that of none of them."""
    if _kind(answer, BEST, wanted, source) == "refusal":
        refused = [ScoredIndex(index, 0.0, tier=UNSCORED_TIER, metadata=REFUSED) for index in range(count)]
        return refused, None
    given = answer.get("probabilities")
    if isinstance(given, list):
        given = {str(row.get("value")): row.get("probability") for row in given if isinstance(row, dict)}
    if not isinstance(given, dict):
        _refuse(source, "holds a choice without probabilities")
    results = [
        ScoredIndex(index, _probability(given.get(document_id(index)), document_id(index), source))
        for index in range(count)
    ]
    return results, number_in(given.get(NONE))


def _kind(answer: Any, name: str, wanted: str, source: str) -> str:
    kind = answer.get("type") if isinstance(answer, dict) else None
    if kind not in (wanted, "refusal"):  # no set, which cannot be asked for a list
        _refuse(
            source, f"holds an answer to {name!r} of type {shortened(repr(kind))} where {wanted!r} was asked"
        )
    return str(kind)


def _probability(value: Any, name: str, source: str) -> float:
    number = number_in(value)
    if number is None or not -_TOLERANCE <= number <= 1 + _TOLERANCE:
        shown = shortened(repr(value)) if isinstance(value, (str, float, int)) else type(value).__name__
        _refuse(source, f"holds {shown} for {name!r}, which is no probability")
    return min(max(number, 0.0), 1.0)


def _usage(given: Any) -> RerankUsage:
    usage = given if isinstance(given, dict) else {}
    tokens, cost = count_in(usage.get("input_tokens")), count_in(usage.get("cost"))
    return RerankUsage(input_tokens=None if tokens is None else int(tokens), api_calls=1, estimated_cost=cost)


def _refuse(source: str, what: str) -> NoReturn:
    raise InvalidResponseError(
        f"The answer of {source} {what}.", hint="Look whether base_url and service fit the server."
    )
