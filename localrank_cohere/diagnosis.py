"""What `localrank doctor` learns of remote models: the HTTP client, the way out, and for which vendors there is a key.

No key and no password is shown.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from localrank.contract.errors import MissingDependencyError, RerankError
from localrank.providers.diagnosis import Finding, Section
from localrank_cohere.dialects.decisions import DECISION_SERVICES
from localrank_cohere.dialects.table import DIALECTS
from localrank_cohere.http.proxies import proxy_for
from localrank_cohere.http.trust import named_by, trusted

__all__ = ["diagnose"]

_ANY_HOST = "a-host.example"


def diagnose() -> tuple[Section, ...]:
    """Return what there is to say, without connecting to anything."""
    return (Section("Remote models", (_client(), *_ways(), *_keys())),)


def _client() -> Finding:
    try:
        return Finding("httpx2", version("httpx2"))
    except PackageNotFoundError:
        return Finding("httpx2", "not installed", "note", 'pip install "localrank[cohere]"')


def _ways() -> Iterator[Finding]:
    """Yield what the environment says of proxies and certificates, and what of it cannot work."""
    for scheme in ("http", "https"):
        try:
            proxy = proxy_for(f"{scheme}://{_ANY_HOST}")
        except RerankError as error:
            yield Finding(f"{scheme} proxy", error.message, "broken", error.hint)
        else:
            yield Finding(f"{scheme} proxy", "none" if proxy is None else f"named by {proxy.variable}")
    try:
        trusted()
    except MissingDependencyError:
        return  # said above
    except RerankError as error:
        yield Finding("certificates", error.message, "broken", error.hint)
    else:
        yield Finding("certificates", named_by() or "the system's")


def _keys() -> Iterator[Finding]:
    """Yield where a key is found, and in one line the services for which there is none."""
    services = (*DIALECTS, *DECISION_SERVICES)
    variables = {service.provider: service.key_variables for service in services if service.key_variables}
    without = []
    for provider, names in sorted(variables.items()):
        holder = next((name for name in names if os.environ.get(name, "").strip()), None)
        if holder is None:
            without.append(f"{provider} ({' or '.join(names)})")
        else:
            yield Finding(provider, f"a key in {holder}")
    if without:
        yield Finding("no key for", ", ".join(without))
