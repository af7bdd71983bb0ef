"""Fields by their path: `input.documents` is `documents` in the object `input`. Pure."""

from __future__ import annotations

from typing import Any

__all__ = ["found", "put", "without"]


def put(body: dict[str, Any], path: str, value: Any) -> None:
    """Set the field at `path`; the objects on the way are made."""
    *outer, last = path.split(".")
    for name in outer:
        body = body.setdefault(name, {})
    body[last] = value


def found(body: Any, path: str) -> Any:
    """Return the field at `path`, or None where there is none."""
    for name in path.split("."):
        body = body.get(name) if isinstance(body, dict) else None
    return body


def without(body: dict[str, Any], path: str) -> dict[str, Any]:
    """Return a copy of `body` without the field at `path`, and without the objects that held nothing else."""
    name, _, rest = path.partition(".")
    inner = body.get(name)
    kept = without(inner, rest) if rest and isinstance(inner, dict) else None
    return {key: kept if key == name else value for key, value in body.items() if key != name or kept}
