"""The dialects of remote reranking as a table: what differs between services is data, the code path is one."""

from __future__ import annotations

import copyreg
from collections.abc import Callable

from localrank.contract.errors import InvalidRequestError
from localrank.providers.registry import unknown_model
from localrank_cohere.dialects.dialect import Dialect
from localrank_cohere.dialects.rows import clouds, hosts, makers, servers

__all__ = ["DIALECTS", "Dialect", "dialect_named"]

DIALECTS: tuple[Dialect, ...] = (*makers.ROWS, *hosts.ROWS, *servers.ROWS)
"""Every dialect that an address and a key are enough for."""


def dialect_named(name: str) -> Dialect:
    """Return the dialect called `name`.

    Raises:
        InvalidRequestError: There is none; the hint offers near names.
    """
    for dialect in DIALECTS:
        if dialect.name == name:
            return dialect
    hint = unknown_model("dialect", str(name), (dialect.name for dialect in DIALECTS)).hint
    raise InvalidRequestError(f"There is no dialect {name!r}.", hint=hint)


def _by_name(dialect: Dialect) -> tuple[Callable[[str], Dialect], tuple[str]]:
    return _row, (dialect.name,)


def _row(name: str) -> Dialect:
    return next((row for row in clouds.ROWS if row.name == name), None) or dialect_named(name)


copyreg.pickle(
    Dialect, _by_name
)  # a pickle holds the name: checks of options are functions that cannot be pickled
