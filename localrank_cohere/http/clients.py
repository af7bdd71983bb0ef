"""The HTTP clients of each event loop: one for each way out (straight, or through a proxy; encrypted, or not).

The rerankers of a loop share them, so making one for every request costs nothing. They close when the last reranker is closed,
or when the loop ends: they live in an async generator, and event loops close those before they go.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from weakref import WeakSet

from anyio.lowlevel import RunVar

from localrank.providers.forking import hold_off_forks
from localrank.providers.worker import run_in_thread
from localrank_cohere.http.client import httpx2_module
from localrank_cohere.http.proxies import Proxy, proxy_for
from localrank_cohere.http.trust import nobody, trusted

if TYPE_CHECKING:
    import ssl

    import httpx2

__all__ = ["Way", "forget", "way_to"]

_CONNECT_S = 10.0
_MOST_IDLE = 64
_IDLE_S = 30.0


@dataclass(frozen=True, slots=True)
class Way:
    """How one server is reached.

    Attributes:
        client: Sends the requests.
        proxy: Named by the environment; None where requests go straight.
    """

    client: httpx2.AsyncClient = field(repr=False)
    proxy: Proxy | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Shared:
    """One event loop's clients, who uses them, and the generator whose end closes them."""

    users: WeakSet[Any]
    life: AsyncGenerator[None, None]
    clients: dict[tuple[str | None, bool], httpx2.AsyncClient] = field(default_factory=dict)
    ways: dict[str, Way] = field(default_factory=dict)


_shared: RunVar[_Shared | None] = RunVar("localrank_http_clients", None)


async def way_to(url: str, user: object) -> Way:
    """Return how `url` is reached on the running event loop, by the environment as it was at the first request there.

    Args:
        url: The address.
        user: Who asks; the clients stay open while one of the users lives and has not called `forget`.

    Raises:
        InvalidRequestError: A variable names a proxy or certificates that cannot be used.
        MissingDependencyError: `httpx2` is not installed, or what a SOCKS proxy needs.
    """
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    while True:
        shared = await _open()
        shared.users.add(user)
        way = shared.ways.get(origin)
        if way is not None:
            return way
        # In a thread: the first time, import and trust take long enough to hold up an event loop.
        proxy, trust = await run_in_thread(lambda: _prepared(url), stop=_let_it_end)
        if _shared.get(None) is shared:  # nobody closed it meanwhile
            key = (None if proxy is None else proxy.url, parts.scheme == "https")
            client = shared.clients.get(key) or shared.clients.setdefault(key, _client(proxy, trust))
            shared.ways[origin] = Way(client, proxy)


async def forget(user: object) -> None:
    """Close the running event loop's clients, unless somebody else uses them."""
    shared = _shared.get(None)
    if shared is not None:
        shared.users.discard(user)
        if not shared.users:
            await shared.life.aclose()


async def _open() -> _Shared:
    shared = _shared.get(None)
    if shared is None:
        shared = _Shared(WeakSet(), _living())
        _shared.set(shared)
        await anext(shared.life)
    return shared


async def _living() -> AsyncGenerator[None, None]:
    shared = _shared.get()
    try:
        yield
    finally:
        if _is_in_loop():
            _shared.set(None)
            for client in shared.clients.values() if shared else ():
                await client.aclose()


def _is_in_loop() -> bool:
    """Whether a loop runs here; at the end of the process none does, where `nest_asyncio` kept loops from being closed."""
    try:
        _shared.get(None)
    except RuntimeError:
        return False
    return True


def _prepared(url: str) -> tuple[Proxy | None, ssl.SSLContext]:
    with hold_off_forks():  # a child could not end an import that another thread began
        httpx2_module()
    proxy = proxy_for(url)
    encrypted = url.startswith("https:") or (proxy is not None and proxy.url.startswith("https:"))
    return proxy, trusted() if encrypted else nobody()


def _client(proxy: Proxy | None, trust: ssl.SSLContext) -> httpx2.AsyncClient:
    from http.cookiejar import DefaultCookiePolicy  # noqa: PLC0415 - half of urllib

    http = httpx2_module()
    encrypted = trust if proxy is not None and proxy.url.startswith("https:") else None
    client: httpx2.AsyncClient = http.AsyncClient(
        verify=trust,
        proxy=None if proxy is None else http.Proxy(proxy.url, ssl_context=encrypted),
        trust_env=False,  # what the environment says is known by now
        timeout=http.Timeout(None, connect=_CONNECT_S),
        limits=http.Limits(
            max_connections=None, max_keepalive_connections=_MOST_IDLE, keepalive_expiry=_IDLE_S
        ),
    )
    # Rerankers with different keys share it, so it keeps no cookies.
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
    return client


def _let_it_end() -> None:
    """Leave the thread alone: what it reads serves the next call."""
