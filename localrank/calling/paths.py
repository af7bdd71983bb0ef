"""A value of a document by its place: a key, an attribute, or a path of them such as `payload.text`. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["ABSENT", "reach", "value_at"]

ABSENT: Any = object()
"""What stands where nothing is; None may be a value."""


def value_at(document: Any, path: str) -> Any:
    """Return what stands at `path` in `document`, or `ABSENT`.

    A name that is there as it is, dots included, is meant before the path that it spells. A step is a mapping's key, an
    object's attribute, or, in a list, a position from 0.
    """
    found = _step(document, path)
    return found if found is not ABSENT or "." not in path else reach(document, path)[1]


def reach(document: Any, path: str) -> tuple[str, Any]:
    """Follow `path` step by step; return as much of it as led somewhere, and what stands there (`ABSENT` unless all did)."""
    value, gone = document, ""
    for name in path.split("."):
        found = _step(value, name)
        if found is ABSENT:
            return gone, ABSENT
        value, gone = found, f"{gone}.{name}" if gone else name
    return gone, value


def _step(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(name, ABSENT)
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) and name.isdecimal():
        return value[int(name)] if int(name) < len(value) else ABSENT
    return getattr(value, name, ABSENT)
