"""What services of decision models answer, written from the types of their official clients.

`systemone` is TypeSafe (typesafe-sdk 0.7.5), `openrouter-systemone` OpenRouter's copy of it (openrouter 1.3.84: an id, a cost,
a score without probabilities), `decisions` OpenAI (openai 3.57.0). A request that the types do not allow is refused. Scores are
those of `rerank_answers`; words of a question count as words of the query, so that an instruction changes something.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.support import rerank_answers
from tests.support.rerank_answers import Json, Refused, score

__all__ = ["CHARACTERS_PER_TOKEN", "answer", "error"]

CHARACTERS_PER_TOKEN = 4
_STATE_TOKENS = 33_000
_ALL_TOKENS = 64_000
_JSON_BYTES = 256 * 1024
_ID = re.compile(r"\bd[0-9]+\b")
_SYSTEMONE = frozenset({"systemone", "openrouter-systemone"})


def answer(dialect: str, path: str, headers: Mapping[str, str], body: Json) -> Any:
    """Return the decoded body of a good answer.

    Raises:
        Refused: The vendor would refuse the request.
    """
    if dialect in _SYSTEMONE:
        return _systemone(dialect, body)
    if dialect == "decisions":
        return _decisions(body)
    return rerank_answers.answer(dialect, path, headers, body)


def error(dialect: str, status: int, message: str) -> bytes:
    """Return an error body in the vendor's shape."""
    if dialect in _SYSTEMONE:
        if message == "max_tokens_exceeded":  # without any message (seen by users)
            return json.dumps({"detail": {"error_type": message}}).encode()
        detail = [{"loc": ["body", "questions"], "msg": message, "type": "value_error", "input": "echoed"}]
        return json.dumps({"detail": detail if status == 422 else message}).encode()
    if dialect == "decisions":
        fault = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
        return json.dumps({"error": fault}).encode()
    return rerank_answers.error(dialect, status, message)


def _systemone(dialect: str, body: Json) -> Json:
    _only(body, {"model", "state", "questions", "assets", "provider", "session_id", "trace", "user"})
    state, questions = body.get("state"), body.get("questions")
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise Refused(422, "Field required: model")
    if not isinstance(state, (str, dict, list)):
        raise Refused(422, "Field required: state")
    if not isinstance(questions, dict) or not questions:
        raise Refused(422, "at least one question is required")
    asked = [_tokens(question) for question in questions.values()]
    if _tokens(state) + max(asked) > _STATE_TOKENS or _tokens(state) + sum(asked) > _ALL_TOKENS:
        raise Refused(400, "max_tokens_exceeded")
    own = dialect == "systemone"
    answers = {name: _named_answer(state, question, own=own) for name, question in questions.items()}
    usage: Json = {"input_tokens": _tokens(state) + sum(asked), "output_tokens": len(answers)}
    whole: Json = {"model": body["model"], "answers": answers, "usage": usage}
    if own:
        return whole
    usage["cost"] = usage["input_tokens"] * 1e-6
    return {**whole, "id": "gen-decision-1", "provider": "TypeSafe"}


def _named_answer(state: Any, question: Json, *, own: bool) -> Json:
    kind, words, criteria = question.get("type"), question.get("instructions"), question.get("criteria")
    _only(question, {"type", "instructions", "criteria"})
    if kind == "noul":
        if words is None and not criteria:
            raise Refused(422, "neither instructions nor criteria")
        return {"type": "noul", "noul": _score(state, words)}
    if kind == "score":
        if not isinstance(criteria, list) or not criteria:
            raise Refused(422, "criteria: at least one level is required")
        levels, expected = _levels(_score(state, words), len(criteria))
        if not own:
            return {"type": "score", "score": expected}
        keyed = {str(level): weight for level, weight in enumerate(levels)}
        legend = {str(level): meaning for level, meaning in enumerate(criteria)}
        return {
            "type": "score",
            "score": expected,
            "confidence": max(levels),
            "legend": legend,
            "probabilities": keyed,
        }
    if kind == "choice":
        if not isinstance(criteria, dict) or not 1 <= len(criteria) <= 255:
            raise Refused(422, "criteria: 1 to 255 choices are required")
        shares = _shares(state, words, list(criteria))
        best = max(shares, key=lambda name: shares[name])
        return {"type": "choice", "choice": best, "confidence": shares[best], "probabilities": shares}
    raise Refused(422, f"no question type {kind!r}")


def _decisions(body: Json) -> Json:
    _only(
        body,
        {"model", "input", "questions", "prompt_cache_key", "prompt_cache_options", "safety_identifier"},
    )
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise Refused(400, "Missing required parameter: 'model'.")
    state = _input(body.get("input"))
    questions = body.get("questions")
    if not isinstance(questions, list) or not 1 <= len(questions) <= 400:
        raise Refused(400, "'questions' must hold 1 to 400 questions.")
    names = [question.get("name") for question in questions]
    if len({*names}) != len(names):
        raise Refused(400, "Names of questions must be unique.")
    tokens = _tokens(state) + sum(map(_tokens, questions))
    return {
        "model": body["model"],
        "answers": [_listed_answer(state, question) for question in questions],
        "usage": {
            "input_tokens": tokens,
            "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": tokens // 2},
            "output_tokens": 0,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": tokens,
        },
    }


def _input(given: Any) -> Any:
    if isinstance(given, str):
        return given
    if not isinstance(given, list) or not given:
        raise Refused(400, "Missing required parameter: 'input'.")
    for message in given:
        if message.get("role") != "user" or message.get("type", "message") != "message":
            raise Refused(400, "Only user messages here.")
        for part in message["content"]:
            if part.get("type") != "input_json" or not isinstance(part.get("data"), dict):
                raise Refused(400, f"Invalid part: {part.get('type')!r}.")
            if (
                len(json.dumps(part["data"], ensure_ascii=False, separators=(",", ":")).encode())
                > _JSON_BYTES
            ):
                raise Refused(400, "input_json is larger than 256 KiB.")
    return given[0]["content"][0]["data"]


def _listed_answer(state: Any, question: Json) -> Json:
    kind, words, name = question.get("type"), question.get("instructions"), question.get("name")
    if not isinstance(words, (str, list)) or not words:
        raise Refused(400, "Missing required parameter: 'instructions'.")
    if kind == "predicate":
        _only(question, {"type", "name", "instructions"})
        return {"type": "predicate", "name": name, "probability": _score(state, words)}
    if kind == "score":
        _only(question, {"type", "name", "instructions", "levels"})
        labels = [level["label"] for level in question["levels"]]
        if not 2 <= len(labels) <= 10 or len({*labels}) != len(labels):
            raise Refused(400, "Provide between 2 and 10 levels.")
        levels, expected = _levels(_score(state, words), len(labels))
        rows = [
            {"label": label, "value": value + 1, "probability": levels[value]}
            for value, label in enumerate(labels)
        ]
        return {
            "type": "score",
            "name": name,
            "score": expected + 1,
            "confidence": max(levels),
            "probabilities": rows[::-1],
        }
    if kind == "choice":
        _only(question, {"type", "name", "instructions", "choices"})
        values = [choice["value"] for choice in question["choices"]]
        if not 2 <= len(values) <= 255 or len({*values}) != len(values):
            raise Refused(400, "Provide between 2 and 255 choices. Each choice must be unique.")
        shares = _shares(state, words, values)
        best = max(shares, key=lambda value: shares[value])
        rows = [{"value": value, "probability": share} for value, share in shares.items()]
        return {
            "type": "choice",
            "name": name,
            "choice": best,
            "confidence": shares[best],
            "probabilities": rows,
        }
    raise Refused(400, f"Invalid value: {kind!r}.")


def _score(state: Any, words: Any) -> float:
    named = _ID.findall(str(words))
    if not named or named[0] not in state["documents"]:
        raise Refused(422, "the question names no document of the state")
    return score(f"{state['query']} {_ID.sub('', str(words))}", state["documents"][named[0]])


def _levels(value: float, count: int) -> tuple[list[float], float]:
    """Return probabilities of levels whose expected place is `value` of the way up."""
    top = count - 1
    weights = [0.0] * count
    weights[0], weights[top] = 1 - value, value
    return weights, top * value


def _shares(state: Any, words: Any, names: list[str]) -> dict[str, float]:
    query = f"{state['query']} {words}"
    raw = {name: score(query, state["documents"][name]) if _ID.fullmatch(name) else 0.05 for name in names}
    total = sum(raw.values())
    return {name: value / total for name, value in raw.items()}


def _tokens(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False)) // CHARACTERS_PER_TOKEN


def _only(given: Json, known: set[str]) -> None:
    unknown = [name for name in given if name not in known]
    if unknown:
        raise Refused(422, f"unknown field {unknown[0]}")
