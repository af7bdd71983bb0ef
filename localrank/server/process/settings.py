"""What `localrank serve` was told: by options, and by a file in TOML that holds the same words."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from localrank.contract.errors import InvalidRequestError
from localrank.server.door.hosts import Hosts, is_loopback
from localrank.server.door.keys import Keys, read_keys
from localrank.server.door.limits import Limits

__all__ = ["FIXED", "ServeSettings", "read_settings"]

FIXED = ("host", "port", "page", "document_cache_mb", "document_store")
"""Settings that hold until the process ends; the others may change while it runs."""

_LAST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """Everything that starting and reloading need.

    Raises:
        InvalidRequestError: A blank host, no such port, or no such time.

    Attributes:
        models: Name and spec of each model, the first one the default.
        host: The address to listen on.
        port: The port; 0 takes a free one.
        preload: Whether models are loaded before requests meet them.
        page: Whether `/` shows the page.
        api_key_file: A file of keys, one a line.
        document_cache_mb: Megabytes for vectors of documents seen before; 0 keeps none.
        document_store: A folder in which each model keeps the same on disk, in a folder of its own.
        drain_seconds: How long the end waits for what was accepted.
        allowed_hosts: Names that a request's `Host` may have; `*` means any. Without one, a server on loopback answers to its
            own names, and another to any.
        max_idle_connections: Connections without a request that are kept.
        limits: Bounds of requests and of the queue.
    """

    models: tuple[tuple[str, str], ...] = ()
    host: str = "127.0.0.1"
    port: int = 8787
    preload: bool = False
    page: bool = True
    api_key_file: Path | None = None
    document_cache_mb: int = 256
    document_store: Path | None = None
    drain_seconds: float = 30.0
    allowed_hosts: tuple[str, ...] = ()
    max_idle_connections: int = 256
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not self.host.strip():
            raise InvalidRequestError(
                "The host is blank, which would mean every address.", hint="Say 0.0.0.0 to mean that."
            )
        if not 0 <= self.port <= _LAST_PORT:
            raise InvalidRequestError(f"port is {self.port}; there are 0 to {_LAST_PORT}.")
        if not 0 <= self.drain_seconds < math.inf:
            raise InvalidRequestError(f"drain_seconds is {self.drain_seconds}; give seconds from 0.")

        if self.max_idle_connections < 1:
            raise InvalidRequestError(
                f"max_idle_connections is {self.max_idle_connections}; keep at least 1."
            )

    def hosts(self) -> Hosts:
        """Return the names that requests may call the server by."""
        return Hosts(self.allowed_hosts if self.allowed_hosts or is_loopback(self.host) else None)

    def keys(self, environment: Mapping[str, str]) -> Keys:
        """Read the keys anew; see `read_keys`."""
        return read_keys(self.api_key_file, environment)


def read_settings(config: Path | None, options: Mapping[str, Any]) -> ServeSettings:
    """Return what `config` says, with what stands in `options` (None: not given) in its place.

    Raises:
        InvalidRequestError: A file that cannot be read, or a word or value in it that means nothing here.
    """
    told = {} if config is None else _read(config)
    told.update({name: value for name, value in options.items() if value is not None})
    limits = {one.name: told.pop(one.name) for one in fields(Limits) if one.name in told}
    return ServeSettings(**told, limits=Limits(**limits))


_TYPES: Mapping[str, tuple[type, ...]] = {
    "host": (str,),
    "port": (int,),
    "preload": (bool,),
    "page": (bool,),
    "api_key_file": (str,),
    "document_cache_mb": (int,),
    "document_store": (str,),
    "drain_seconds": (int, float),
    "allowed_hosts": (list,),
    "max_idle_connections": (int,),
    **{one.name: (int, float) if one.name == "timeout" else (int,) for one in fields(Limits)},
}


_KINDS: Mapping[type, str] = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
}
"""What TOML has, in words."""


def _read(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise InvalidRequestError(f"{str(path)!r} cannot be read: {reason}.") from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidRequestError(f"{str(path)!r} is no TOML: {error}.") from None
    models = content.pop("models", None)
    told = {name: _checked(path, name, value) for name, value in content.items()}
    for name in ("api_key_file", "document_store"):
        if name in told:
            told[name] = path.parent / told[name]
    if "allowed_hosts" in told:
        told["allowed_hosts"] = _names(path, told["allowed_hosts"])
    if models is not None:
        told["models"] = _models(path, models)
    return told


def _checked(path: Path, name: str, value: Any) -> Any:
    if name not in _TYPES:
        near = get_close_matches(name, _TYPES, n=2)
        raise InvalidRequestError(
            f"{str(path)!r} says {name!r}, which is no setting.",
            hint=f"Did you mean {' or '.join(map(repr, near))}?"
            if near
            else f"There are {', '.join(_TYPES)}, and [models].",
        )
    wanted = _TYPES[name]
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        raise InvalidRequestError(
            f"{name} in {str(path)!r} is {value!r}, not {' or '.join(_KINDS[kind] for kind in wanted)}."
        )
    if isinstance(value, int | float) and not isinstance(value, bool) and value < 0:
        raise InvalidRequestError(f"{name} in {str(path)!r} is {value}, which is below 0.")
    return value


def _names(path: Path, names: list[Any]) -> tuple[str, ...]:
    if not all(isinstance(name, str) for name in names):
        raise InvalidRequestError(f"allowed_hosts in {str(path)!r} holds what is no string.")
    return tuple(names)


def _models(path: Path, models: Any) -> Sequence[tuple[str, str]]:
    if not isinstance(models, dict) or not all(isinstance(spec, str) for spec in models.values()):
        raise InvalidRequestError(
            f"[models] in {str(path)!r} holds no names with strings.",
            hint='Write one a line: "name" = "provider:model-id".',
        )
    return tuple(models.items())
