"""Many frozen objects at once: a frozen dataclass takes five times as long to make as one that is not.

`thawed` gives a class that differs in nothing but that; an object of it becomes one of the frozen class by its `__class__`.
"""

from __future__ import annotations

from dataclasses import make_dataclass
from typing import Any

__all__ = ["thawed"]


def thawed(kind: type[Any]) -> type[Any]:
    """Return a class with the fields of `kind`, without their defaults: each is given by position.

    Args:
        kind: A dataclass with slots, all of them its own.
    """
    names: tuple[str, ...] = kind.__slots__
    # `Generic` looks for its parameters among the bases that were written
    body = {"__slots__": names, "__orig_bases__": getattr(kind, "__orig_bases__", (object,))}
    fields = [(name, Any) for name in names]
    return make_dataclass(
        f"Thawed{kind.__name__}", fields, bases=kind.__bases__, namespace=body, eq=False, repr=False
    )
