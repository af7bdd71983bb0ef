"""The journal: every finished ranking as one line, so that an interrupted evaluation goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import AnyReranker
from localrank.evaluation.results import Ranking

__all__ = ["Journal", "key_of", "ranking_of", "record_of"]

_RULES = "equal scores by lot"
"""How rankings are written down: one that an earlier version wrote by other rules is not taken for one of these."""


def key_of(
    model: AnyReranker, query: str, documents: Sequence[tuple[str, str]], instruction: str | None
) -> str:
    """Return a digest of everything that a ranking depends on: the model, the query, and its candidates with their texts."""
    told = [
        _RULES,
        model.provider,
        model.model_id,
        str(getattr(model, "fingerprint", "")),
        query,
        instruction,
        list(documents),
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def record_of(ranking: Ranking) -> dict[str, Any]:
    """Return a ranking as JSON holds it."""
    return {
        "documents": [list(pair) for pair in ranking.documents],
        "milliseconds": ranking.milliseconds,
        "tokens": ranking.tokens,
        "dollars": ranking.dollars,
        "warnings": list(ranking.warnings),
        "outcome": ranking.outcome,
    }


def ranking_of(record: Mapping[str, Any]) -> Ranking:
    """Return the ranking that `record_of` wrote.

    Raises:
        KeyError: It wrote something else.
    """
    return Ranking(
        tuple((document, score) for document, score in record["documents"]),
        record["milliseconds"],
        record["tokens"],
        record["dollars"],
        tuple(record["warnings"]),
        record.get("outcome", "ranked"),  # files of earlier versions have none
    )


class Journal:
    """Rankings that are done, by key, in a JSON Lines file; without a path they are forgotten.

    Args:
        path: The file; made when the first ranking is added.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._done, self._cut = ({}, False) if path is None else _read(path)

    def get(self, key: str) -> Ranking | None:
        """Return the ranking that an earlier run finished, or None."""
        return self._done.get(key)

    def add(self, key: str, ranking: Ranking) -> None:
        """Write one finished ranking.

        Raises:
            InvalidRequestError: The file cannot be written.
        """
        if self._path is None:
            return
        record = {"key": key, **record_of(ranking)}
        line = json.dumps({**record, "sum": _sum_of(record)}, allow_nan=False)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write("\n" + line + "\n" if self._cut else line + "\n")
                self._cut = False
        except OSError as error:
            raise InvalidRequestError(f"{self._path} cannot be written: {error.strerror}.") from None


def _read(path: Path) -> tuple[dict[str, Ranking], bool]:
    """Return the rankings, and whether the last line was cut off."""
    done: dict[str, Ranking] = {}
    try:
        data = path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise InvalidRequestError(f"{path} cannot be read: {error.strerror}.") from None
    for line in data.splitlines():
        try:
            record = json.loads(line)
            stated = record.pop("sum", None)  # files of earlier versions have none
            if stated in (None, _sum_of(record)):
                done[record["key"]] = ranking_of(record)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue  # a line that an interruption, a person or a disk changed: its query is ranked again
    return done, bool(data) and not data.endswith(b"\n")


def _sum_of(record: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(record).encode())
