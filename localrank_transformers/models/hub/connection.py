"""Requests over the session of the hub's client, with its proxies, certificates, offline switch and token.

Its own functions for downloads read listings, error pages, bodies of redirects and a list of agents to their end, whatever that
is; so requests are opened here, and their bodies are left to who bounds them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import urljoin, urlsplit

from localrank._version import __version__
from localrank.contract.errors import ModelLoadError
from localrank.providers.loading import ShouldStop
from localrank_transformers.models.hub.transfer import FIRST_ANSWER_S, Answer, within

__all__ = ["asked", "headers_for", "hub_headers", "is_broken_line"]

_PIECE = 4_096
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_BROKEN = frozenset(
    {
        "NetworkError",
        "TimeoutException",
        "RemoteProtocolError",
        "ConnectionError",
        "Timeout",
        "ChunkedEncodingError",
    }
)
"""Bases of the exceptions of httpx2, httpx and requests, which the hub's client is built on in its versions."""


@contextmanager
def asked(
    method: str, url: str, headers: dict[str, str], should_stop: ShouldStop, what: str
) -> Iterator[Answer]:
    """Send a request, follow its redirects, and close the last answer when the block is left.

    A HEAD stops at a redirect to another server that says what the file is: that server is the storage.

    Args:
        method: `GET` or `HEAD`.
        url: The address.
        headers: Of the request; a token goes to the same server only.
        should_stop: Polled until an answer begins.
        what: What is asked for, for errors.

    Raises:
        ModelLoadError: No answer begins in time.
        RerankAbortedError: `should_stop` became true.
        ValueError: Redirects without end.
    """
    for _ in range(_MOST_REDIRECTS):
        ask = partial(_open, method, url, headers)
        answer, close = within(FIRST_ANSWER_S, ask, should_stop, what, undo=lambda late: late[1]())
        try:
            location = answer.headers.get("location")
            target = urljoin(url, location or "")
            leaves = not _same_origin(url, target)
            is_last = method == "HEAD" and leaves and "x-repo-commit" in answer.headers
            if answer.status not in _REDIRECTS or not location or is_last:
                yield answer
                return
        finally:
            close()
        headers, url = headers_for(target, url, headers), target
    raise ValueError("redirects without end")


def hub_headers() -> dict[str, str]:
    """Return the headers of a request to the hub, with the token of whoever is logged in."""
    from huggingface_hub.utils._headers import get_token_to_send  # noqa: PLC0415 - slow, and only to connect

    token = get_token_to_send(None)
    own = {"user-agent": f"localrank/{__version__}", "accept-encoding": "identity"}
    return own if token is None else {**own, "authorization": f"Bearer {token}"}


def headers_for(target: str, url: str, headers: dict[str, str] | None = None) -> dict[str, str]:
    """Return the headers for `target`, to which `url` points: a token goes to the hub only, never to its storage."""
    headers = hub_headers() if headers is None else headers
    if _same_origin(url, target):
        return headers
    return {name: value for name, value in headers.items() if name.lower() != "authorization"}


def is_broken_line(error: Exception) -> bool:
    """Return whether an exception of the client is a connection that broke or fell silent, by the names it has in each."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return not isinstance(error, ModelLoadError) and not names.isdisjoint(_BROKEN)


def _open(method: str, url: str, headers: dict[str, str]) -> tuple[Answer, Callable[[], object]]:
    from huggingface_hub import constants, get_session  # noqa: PLC0415 - slow, and only to connect

    session: Any = get_session()
    timeout = constants.HF_HUB_ETAG_TIMEOUT if method == "HEAD" else constants.HF_HUB_DOWNLOAD_TIMEOUT
    if hasattr(session, "build_request"):  # httpx2, or httpx before it
        request = session.build_request(method, url, headers=headers, timeout=timeout)
        response = session.send(request, stream=True, follow_redirects=False)
        return Answer(response.status_code, response.headers, response.iter_bytes(), url), response.close
    # requests, before version 1 of the hub's client
    response = session.request(
        method, url, headers=headers, timeout=timeout, stream=True, allow_redirects=False
    )
    return Answer(response.status_code, response.headers, response.iter_content(_PIECE), url), response.close


def _same_origin(url: str, other: str) -> bool:
    return urlsplit(url)[:2] == urlsplit(other)[:2]
