"""Arguments of a wrong type, refused by their annotations before anything is done with them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Real
from typing import Any

from localrank.contract.errors import InvalidRequestError
from localrank.providers.arguments import whole_number

__all__ = ["check_types"]

_Fits = Callable[[Any], bool]


def _is_several(value: Any) -> bool:
    if isinstance(value, str | bytes | bytearray | Mapping):
        return False
    return isinstance(value, Sequence) or (hasattr(value, "__len__") and hasattr(value, "__getitem__"))


_KINDS: Mapping[str, tuple[str, _Fits]] = {
    "None": ("None", lambda value: value is None),
    "bool": ("True or False", lambda value: type(value).__name__ in {"bool", "bool_"}),
    "int": ("an integer", lambda value: whole_number(value) is not None),
    "float": ("a number", lambda value: isinstance(value, Real) and not isinstance(value, bool)),
    "str": ("a string", lambda value: isinstance(value, str)),
    "Path": ("a path", lambda value: isinstance(value, str | os.PathLike)),
    "os.PathLike": ("a path", lambda value: isinstance(value, os.PathLike)),
    "Mapping": ("a mapping", lambda value: isinstance(value, Mapping)),
    "Sequence": ("a list", _is_several),
    "tuple": ("a tuple", _is_several),
    "Callable": ("a function", callable),
    "Literal": ("a string", lambda value: isinstance(value, str)),
}


def check_types(given: Mapping[str, Any], function: Callable[..., Any], **classes: type) -> None:
    """Refuse an argument of a type that its annotation does not allow; what stands in a list is not looked at.

    Args:
        given: The arguments by name, as `locals()` at the beginning of a function has them.
        function: The function, or a class of fields. An annotation with a name that is neither known here nor in `classes`
            allows anything.
        classes: Classes by the names that the annotations have for them.

    Raises:
        InvalidRequestError: Names the argument and the type of its value.
    """
    for name, annotation in function.__annotations__.items():
        if name == "return" or name not in given:
            continue
        kinds = [_kind(part, classes) for part in _parts(str(annotation))]
        value = given[name]
        if any(kind is None or kind[1](value) for kind in kinds):
            continue
        wanted = " or ".join(dict.fromkeys(kind[0] for kind in kinds if kind is not None))
        raise InvalidRequestError(f"{name} is {_shown(value, wanted)}.", hint=f"Pass {wanted}.")


def _shown(value: Any, wanted: str) -> str:
    """Return the value where it cannot be a secret or a text: nothing, a truth value, a number in place of a number."""
    short = (
        value is None or isinstance(value, bool) or (isinstance(value, int | float) and "number" in wanted)
    )
    short = short or (isinstance(value, float) and "integer" in wanted)
    return repr(value) if short else f"of type {type(value).__name__}"


def _kind(part: str, classes: Mapping[str, type]) -> tuple[str, _Fits] | None:
    name = part.partition("[")[0].strip()
    if name in classes:
        wanted = classes[name]
        return f"a {name}", lambda value: isinstance(value, wanted)
    return _KINDS.get(name)


def _parts(annotation: str) -> Iterator[str]:
    """Yield the members of a union; a stroke inside brackets belongs to one of them."""
    depth, start = 0, 0
    for at, mark in enumerate(annotation):
        depth += (mark in "[(") - (mark in "])")
        if mark == "|" and depth == 0:
            yield annotation[start:at]
            start = at + 1
    yield annotation[start:]
