"""The one door to HTTP: a pooled `httpx2` client for each event loop, and one POST.

The rerankers of a loop share its client, so making one for every request costs nothing. It closes when the last of them is
closed, or when the loop ends: it lives in an async generator, and event loops close those before they go.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import anyio
from anyio.lowlevel import RunVar

from localrank.contract.errors import ConnectionFailedError, InvalidRequestError, MissingDependencyError
from localrank.providers.worker import run_in_thread
from localrank_cohere.headers import secrets_in, without

if TYPE_CHECKING:
    import ssl

    import httpx2

__all__ = ["Answer", "Connections"]

_CONNECT_S = 10.0
_MOST_IDLE = 64
_IDLE_S = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers with lower-case names, and the whole body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connections:
    """The way to the servers of one reranker.

    Args:
        timeout: Seconds that one request may take, from the first to the last byte; None for no limit.
        given: The caller's own client, used as it is and never closed here.
    """

    def __init__(self, timeout: float | None, given: httpx2.AsyncClient | None = None) -> None:
        self.timeout = timeout
        self.given = given
        self._addresses: dict[str, httpx2.URL] = {}

    async def post(self, url: str, headers: Mapping[str, str], content: bytes) -> Answer:
        """Send one request and return the answer, whatever its status. Redirects are not followed.

        Raises:
            ConnectionFailedError: No complete answer came.
            InvalidRequestError: The request cannot be sent, whatever the server.
            MissingDependencyError: `httpx2` is not installed.
        """
        client = self.given or await _client_for(self)
        if client is self.given and client.is_closed:
            raise InvalidRequestError("http_client is closed.", hint="Pass an open one, or none.")
        http = _httpx2()
        failure: Exception | None = None
        unsendable = ""
        with anyio.move_on_after(self.timeout):
            try:
                request = self._request(http, url, headers, content)
                response = await client.send(request, follow_redirects=False)
                return Answer(response.status_code, dict(response.headers), response.content)
            except http.DecodingError as error:
                failure = error
            except (http.UnsupportedProtocol, http.LocalProtocolError, http.InvalidURL) as error:
                unsendable = type(error).__name__
            except http.TransportError as error:
                failure = error
            # Raised outside the handlers: the client's exceptions hold the request, and the request the key.
            if failure is None:
                raise InvalidRequestError(f"The request cannot be sent as it is ({unsendable}).")
            raise _failed(failure, url, secrets_in(headers))
        raise ConnectionFailedError(f"No complete answer came within timeout={self.timeout:g} s.", url=url)

    async def aclose(self) -> None:
        """Close the running event loop's connections, unless another reranker uses them."""
        shared = _shared.get(None)
        if shared is not None:
            shared.users.discard(self)
            if not shared.users:
                await shared.life.aclose()

    def _request(self, http: Any, url: str, headers: Mapping[str, str], content: bytes) -> httpx2.Request:
        if self.given is not None:  # with the defaults that its owner set
            return self.given.build_request("POST", url, headers=headers, content=content)
        address = self._addresses.get(url)
        if address is None:
            address = self._addresses[url] = http.URL(url)
        # Built directly: merging with a client's defaults, of which there are none, takes a fifth of the whole call.
        pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        request: httpx2.Request = http.Request(
            "POST", address, headers=[(b"host", address.netloc), *pairs], content=content
        )
        return request


@dataclass(frozen=True, slots=True, eq=False)
class _Shared:
    """One event loop's client, who uses it, and the generator whose end closes it."""

    client: httpx2.AsyncClient
    users: WeakSet[Connections]
    life: AsyncGenerator[None, None]


_shared: RunVar[_Shared | None] = RunVar("localrank_http_client", None)


async def _client_for(user: Connections) -> httpx2.AsyncClient:
    shared = _shared.get(None)
    if shared is None:
        # In a thread: the first time, import and trust take long enough to hold up an event loop.
        trust = await run_in_thread(_trust, stop=_let_it_end)
        shared = _shared.get(None)  # another call may have been faster
    if shared is None:
        from http.cookiejar import DefaultCookiePolicy  # noqa: PLC0415 - half of urllib

        http = _httpx2()
        client = http.AsyncClient(
            verify=trust,
            timeout=http.Timeout(None, connect=_CONNECT_S),
            limits=http.Limits(
                max_connections=None, max_keepalive_connections=_MOST_IDLE, keepalive_expiry=_IDLE_S
            ),
        )
        # Rerankers with different keys share it, so it keeps no cookies.
        client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
        shared = _Shared(client, WeakSet(), _living(client))
        _shared.set(shared)
        await anext(shared.life)
    shared.users.add(user)
    return shared.client


async def _living(client: httpx2.AsyncClient) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        _shared.set(None)
        await client.aclose()


@cache
def _trust() -> ssl.SSLContext:
    """Return the certificates that the system trusts; read once a process."""
    trusted: ssl.SSLContext = _httpx2().create_ssl_context()
    return trusted


def _let_it_end() -> None:
    """Leave the thread alone: what it reads serves the next call."""


def _httpx2() -> Any:
    try:
        import httpx2  # noqa: PLC0415 - the package works without remote models
    except ImportError:
        raise MissingDependencyError(
            "Remote rerankers need httpx2, which is not installed.",
            hint='pip install "localrank[cohere]"',
        ) from None
    return httpx2


def _failed(error: Exception, url: str, secrets: Sequence[str]) -> ConnectionFailedError:
    reasons = [text for text in map(str, _causes(error)) if text]
    untrusted = next((text for text in reasons if "CERTIFICATE_VERIFY_FAILED" in text), None)
    what = without(untrusted or next(iter(reasons), "no answer"), secrets)
    return ConnectionFailedError(
        f"The connection failed: {type(error).__name__}: {what.rstrip('.')}.",
        url=url,
        is_retryable=None if untrusted is None else False,  # no second attempt mends it
        hint=None if untrusted is None else "Pass http_client= with a context that trusts the certificate.",
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what caused it: under trio only the innermost has words."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__
