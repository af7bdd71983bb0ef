"""What is refused before work begins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

from localrank.contract.errors import InvalidRequestError
from localrank.server.dialects.wire import RankRequest, RefusedError

__all__ = ["Limits", "check_limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a request and of the queue. Each is an option of `localrank serve` of the same name.

    Attributes:
        max_body_bytes: Bytes of a request's body.
        max_held_bytes: Bytes of all bodies that are being read or ranked at once.
        max_documents: Documents of a request.
        max_document_characters: Characters of one document.
        max_query_characters: Characters of a query.
        max_waiting_tokens: Estimated tokens that may be accepted and unfinished at once, over all requests.
        timeout: Seconds a request may take, reading its body and waiting included.

    Raises:
        InvalidRequestError: A bound that lets nothing through, or is no number.
    """

    max_body_bytes: int = 32 * 1024 * 1024
    max_held_bytes: int = 512 * 1024 * 1024
    max_documents: int = 10_000
    max_document_characters: int = 1_000_000
    max_query_characters: int = 32_000
    max_waiting_tokens: int = 2_000_000
    timeout: float = 60.0

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if not (0 < value < math.inf):
                raise InvalidRequestError(f"{one.name} is {value}; give a number above 0.")


def check_limits(asked: Sequence[RankRequest], limits: Limits) -> None:
    """Refuse what is larger than the server allows; the documents of all that one HTTP request asks are counted together.

    Raises:
        RefusedError: 422, with the limit and the option that raises it.
    """
    count = sum(len(one.texts) for one in asked)
    if count > limits.max_documents:
        raise _over("The request has", count, "documents", limits, "max_documents")
    for one in asked:
        if len(one.query) > limits.max_query_characters:
            raise _over("The query has", len(one.query), "characters", limits, "max_query_characters")
        for index, text in enumerate(one.texts):
            if len(text) > limits.max_document_characters:
                raise _over(
                    f"Document {index} has", len(text), "characters", limits, "max_document_characters"
                )


def _over(what: str, count: int, unit: str, limits: Limits, name: str) -> RefusedError:
    return RefusedError(
        422,
        f"{what} {count:,} {unit}; this server takes {getattr(limits, name):,} "
        f"(--{name.replace('_', '-')} raises it).",
        "limit",
    )
