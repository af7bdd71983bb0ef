"""Which names of itself the server answers to: on loopback a web page could otherwise reach it by a name that it rebinds."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

from localrank.contract.errors import InvalidRequestError
from localrank.server.dialects.wire import RefusedError

__all__ = ["Hosts", "is_loopback"]

_OURS = (".localhost", ".internal", ".local")
"""Endings that no one can register (RFC 6761, RFC 6762, and ICANN's resolution on `.internal`)."""


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address to listen on."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Hosts:
    """The names that a request's `Host` may have.

    An address, `localhost`, this machine's own name, and names that no one can register are always allowed: no page of the web
    is at one of them.

    Args:
        names: What else is allowed; `*` allows all, as does None.

    Raises:
        InvalidRequestError: A name with a port or a path.
    """

    def __init__(self, names: Iterable[str] | None = None) -> None:
        self._names = None if names is None else frozenset(map(_checked, names))
        if self._names is not None and "*" in self._names:
            self._names = None

    def refusal(self, host: str) -> RefusedError | None:
        """Return why a request whose `Host` is `host` is not answered, or None where it is."""
        if self._names is None:
            return None
        name = _without_port(host).lower().rstrip(".")
        if not name or name in self._names or _is_ours(name):
            return None
        return RefusedError(
            403,
            f"This server does not answer for {name[:100]!r}; --allowed-host adds a name.",
            "unknown_host",
        )


def _is_ours(name: str) -> bool:
    if name == "localhost" or name.endswith(_OURS) or name == socket.gethostname().lower():
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def _checked(name: str) -> str:
    written = name.strip().lower().rstrip(".")
    if not written or any(mark in written for mark in ":/ "):
        raise InvalidRequestError(
            f"{name!r} is no host name.", hint="Write it without scheme, port and path, or * for any."
        )
    return written
