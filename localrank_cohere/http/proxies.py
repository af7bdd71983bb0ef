"""Which proxy the environment names for an address: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, and what NO_PROXY excludes.

httpx2 reads the same variables when a client is made, and fails for every address where one of them is wrong. Here one address
is looked up, so that a proxy that does not concern it does no harm, and what is wrong is named.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from importlib.util import find_spec
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from localrank.contract.errors import InvalidRequestError, MissingDependencyError
from localrank.contract.texts import shortened

__all__ = ["Proxy", "proxy_for"]

_PORTS = {"http": 80, "https": 443}
_SYSTEM = "the system's settings"


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and the environment variable that names it.

    Attributes:
        variable: The variable's name.
        url: The proxy's address, which may hold a user and a password.
    """

    variable: str
    url: str = field(repr=False)


def proxy_for(url: str) -> Proxy | None:
    """Return the proxy that requests to `url` go through, or None where they go straight.

    Raises:
        InvalidRequestError: The variable names what cannot be a proxy.
        MissingDependencyError: It names a SOCKS proxy, and the package for that is not installed.
    """
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - slow, and loaded with the HTTP client

    target = urlsplit(url)
    named = getproxies()  # of the environment; on Windows and macOS the system's where that says nothing
    scheme = next((scheme for scheme in (target.scheme, "all") if named.get(scheme)), None)
    if scheme is None or _is_excluded(target, named.get("no", "")):
        return None
    variable = next(
        (name for name in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY") if os.environ.get(name)), _SYSTEM
    )
    if variable == _SYSTEM and proxy_bypass(target.hostname or ""):
        return None
    return _checked(variable, named[scheme])


def _checked(variable: str, value: str) -> Proxy:
    address = value.strip() if "://" in value else f"http://{value.strip()}"
    try:
        parts = urlsplit(address)
        usable = parts.scheme in {"http", "https", "socks5", "socks5h"} and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, half an IPv6 address
        usable = False
    if not usable:
        raise InvalidRequestError(
            f"{variable} names no proxy that can be used: {shortened(value.rpartition('@')[2])!r}.",
            hint="Write http://host:port or socks5://host:port, unset it, or name the server in NO_PROXY.",
        )
    if parts.scheme.startswith("socks") and find_spec("socksio") is None:
        raise MissingDependencyError(
            f"{variable} names a SOCKS proxy, and the package for those is not installed.",
            hint='pip install "httpx2[socks]", unset the variable, or name the server in NO_PROXY.',
        )
    return Proxy(variable, address)


def _is_excluded(target: SplitResult, no_proxy: str) -> bool:
    """Return whether NO_PROXY names the target, in the forms that curl and Go understand."""
    return any(entry == "*" or _names(entry, target) for entry in no_proxy.replace(",", " ").split())


def _names(entry: str, target: SplitResult) -> bool:
    """Return whether one entry (`host`, `.suffix`, `*.suffix`, `host:port`, an address, a network) names the target."""
    scheme, _, rest = entry.lower().rpartition("://")
    host = (target.hostname or "").rstrip(".")
    address = _address(host)
    if scheme not in {"", "all", target.scheme}:
        return False
    try:
        network = ip_network(rest.strip("[]"), strict=False)
    except ValueError:
        pass
    else:
        return address is not None and address in network
    try:
        named = urlsplit(f"//{rest}")
        port = named.port
    except ValueError:
        return False
    if port is not None and port != (target.port or _PORTS.get(target.scheme)):
        return False
    name = (named.hostname or "").removeprefix("*").strip(".")
    if name == "localhost" and address is not None:
        return address.is_loopback  # the name and its addresses are one machine
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
