"""One blocking request, for libraries that fetch their tokens themselves: sent from a thread, by our client's rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localrank_cohere.http.client import httpx2_module
from localrank_cohere.http.proxies import proxy_for
from localrank_cohere.http.trust import nobody, trusted

__all__ = ["blocking_request"]

_TIMEOUT_S = 30.0


def blocking_request(
    method: str, url: str, headers: Mapping[str, str] | None, body: bytes | str | None, timeout: float | None
) -> Any:
    """Send one request and return the client's response, whatever its status; redirects are not followed.

    Raises:
        InvalidRequestError: A variable names a proxy or certificates that cannot be used.
        MissingDependencyError: `httpx2` is not installed.
    """
    proxy = proxy_for(url)
    http = httpx2_module()
    encrypted = url.startswith("https:") or (proxy is not None and proxy.url.startswith("https:"))
    trust = trusted() if encrypted else nobody()
    way = None if proxy is None else http.Proxy(proxy.url, ssl_context=trust if encrypted else None)
    with http.Client(verify=trust, proxy=way, trust_env=False, timeout=timeout or _TIMEOUT_S) as client:
        return client.request(method, url, headers=dict(headers or {}), content=body)
