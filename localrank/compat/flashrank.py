"""FlashRank's `Ranker` and `RerankRequest` over our models.

After FlashRank 0.2.10 (https://github.com/PrithivirajDamodaran/FlashRank, `flashrank/Ranker.py`): `rerank` writes `score` into
the caller's passages, sorts the caller's list in place and returns it. Other than there, a score is a Python float, an empty
list gives an empty answer, and a passage without text is refused before anything is changed.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, MutableSequence
from contextlib import suppress
from operator import is_not
from pathlib import Path
from typing import Any

from localrank.calling.logged import logged
from localrank.calling.sync import rerank_sync
from localrank.contract.errors import InvalidRequestError, UnknownModelError
from localrank.contract.model import AnyReranker
from localrank.contract.texts import shortened
from localrank.providers.registry import DEFAULT_MODEL, make_model, resolve

__all__ = ["Ranker", "RerankRequest"]

_WITHOUT_WEIGHTS = (
    "ms-marco-MultiBERT-L-12",
    "rank-T5-flan",
    "ce-esci-MiniLM-L12-v2",
    "rank_zephyr_7b_v1_full",
    "miniReranker_arabic_v1",
)
"""FlashRank's names of models that only FlashRank publishes in the form it uses."""


_ABSENT = object()


class RerankRequest:
    """A query and its passages, mappings with a `text` each.

    Args:
        query: The text to rank against.
        passages: The passages; `rerank` changes them.
    """

    def __init__(self, query: str | None = None, passages: list[dict[str, Any]] | None = None) -> None:
        self.query = query
        self.passages: list[dict[str, Any]] = passages if passages is not None else []


class Ranker:
    """Ranks as FlashRank's `Ranker` does, with one of our models.

    Args:
        model_name: A reranker, one of our names, or one of FlashRank's whose weights are on the hub. None means the embedded
            model, which needs no download.
        cache_dir: Where fetched models are kept; None means the hub client's own cache.
        max_length: Tokens of a pair; None means the model's own limit. A reranker that is made already keeps its own.
        log_level: Accepted and not used: localrank leaves logging to the application.

    Raises:
        UnknownModelError: No such model, or one that only FlashRank has.
    """

    def __init__(
        self,
        model_name: AnyReranker | str | None = None,
        cache_dir: str | Path | None = None,
        max_length: int | None = None,
        log_level: str = "INFO",  # noqa: ARG002  # FlashRank's signature
    ) -> None:
        settings = {"cache_dir": cache_dir, "max_length": max_length}
        given = {name: value for name, value in settings.items() if value is not None}
        if isinstance(model_name, str) or model_name is None:
            name = _name(model_name)
            self.model = make_model(name, given) if given else resolve(name)
        else:
            self.model = resolve(model_name)

    def rerank(self, request: RerankRequest) -> list[dict[str, Any]]:
        """Write a score into each passage of the request, sort its list, best first, and return that list.

        Passages that the model left out follow as they were. Nothing is changed before the ranking is there, and where one
        passage cannot be written to, none is changed.

        Raises:
            InvalidRequestError: No query, no list of passages, a passage without text, or passages that cannot be written to or
                changed during the call.
            RerankError: Whatever `rerank` raises.
        """
        if request.query is None:
            raise InvalidRequestError("The request has no query.", hint="Pass RerankRequest(query=…).")
        passages = _passages(request.passages)
        texts = [_text(passage, index) for index, passage in enumerate(passages)]
        result = logged(rerank_sync(self.model, request.query, texts))
        if len(request.passages) != len(passages) or any(map(is_not, request.passages, passages)):
            raise InvalidRequestError(
                "The list of passages was changed during the call.",
                hint="Pass a list that nothing else changes.",
            )
        _write({hit.index: hit.score for hit in result}, passages)
        ranked = dict.fromkeys([*(hit.index for hit in result), *range(len(passages))])
        request.passages[:] = [passages[index] for index in ranked]
        return request.passages


def _name(model_name: str | None) -> str:
    if model_name is None:
        return DEFAULT_MODEL
    if model_name in _WITHOUT_WEIGHTS:
        raise UnknownModelError(
            f"{model_name!r} is published for FlashRank only.",
            hint="Leave model_name out for the embedded model, or pass from_flashrank(flashrank.Ranker(…)).",
        )
    return model_name


def _passages(given: Any) -> list[Any]:
    if not isinstance(given, MutableSequence):
        raise InvalidRequestError(
            f"passages is of type {type(given).__name__}.", hint="Pass a list: it is sorted in place."
        )
    return list(given)


def _write(scores: Mapping[int, float], passages: list[Any]) -> None:
    """Write all the scores, or none."""
    before: list[tuple[Any, Any]] = []
    try:
        for index, score in scores.items():
            passage = passages[index]
            before.append((passage, passage.get("score", _ABSENT)))
            passage["score"] = score
    except BaseException as error:
        for passage, score in reversed(before):
            with suppress(Exception):
                _restore(passage, score)
        if not isinstance(error, Exception):
            raise
        raise InvalidRequestError(
            f"passages[{index}], of type {type(passages[index]).__name__}, takes no score: {type(error).__name__}.",
            hint="Pass dictionaries.",
        ) from error


def _restore(passage: Any, score: Any) -> None:
    if score is not _ABSENT:
        passage["score"] = score
    elif "score" in passage:
        del passage["score"]


def _text(passage: object, index: int) -> str:
    text = passage.get("text") if isinstance(passage, MutableMapping) else None
    if not isinstance(text, str):
        raise InvalidRequestError(
            f"passages[{index}] is {shortened(repr(passage))}.", hint='Pass {"text": "…"} for each passage.'
        )
    return text
