"""The HTTP client's own log, without the keys that servers echo in headers and addresses."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

from localrank_cohere.http.redaction import Redactor

__all__ = ["logged_without"]

_LOGGERS = (
    "httpx2",
    "httpcore2.connection",
    "httpcore2.http11",
    "httpcore2.http2",
    "httpcore2.proxy",
    "httpcore2.socks",
    "hpack.hpack",
    "hpack.table",
    "botocore.auth",
    "botocore.endpoint",
    "botocore.parsers",
)
"""Who writes addresses, status lines and headers, all but the first at DEBUG; botocore writes what it signs, and what passes
between it and the service that gives a role its keys."""

_current: ContextVar[Redactor | None] = ContextVar("localrank_redactor", default=None)


@contextmanager
def logged_without(redactor: Redactor) -> Iterator[None]:
    """Take the secrets of `redactor` out of what the HTTP client logs inside the block."""
    _attach()
    token = _current.set(redactor)
    try:
        yield
    finally:
        _current.reset(token)


class _Filter(logging.Filter):
    """Leaves the records of other users of the client as they are."""

    def filter(self, record: logging.LogRecord) -> bool:
        redactor = _current.get()
        if redactor is not None:
            record.msg, record.args = redactor.text(record.getMessage()), None
        return True


@cache
def _attach() -> None:
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_Filter())
