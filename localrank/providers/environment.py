"""A model that an environment variable names: what is wrong with it is said with the variable's name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from localrank.contract.errors import ModelLoadError, RerankError
from localrank.providers.registry import resolve

__all__ = ["check_named_by"]


def check_named_by(context: Any, option: Any, value: str | None) -> str | None:
    """Return `value`, as the callback of a click option that an environment variable may give.

    Raises:
        RerankError: Whatever `resolve` raises, with the variable in front, where the value came from there. So is what loading
            the model raises later.
    """
    source = context.get_parameter_source(option.name)
    if value is None or source is None or source.name != "ENVIRONMENT":
        return value
    with _naming(option.envvar, RerankError):
        resolve(value)
    context.with_resource(_naming(option.envvar, ModelLoadError))
    return value


@contextmanager
def _naming(variable: str, kind: type[RerankError]) -> Iterator[None]:
    try:
        yield
    except kind as error:
        error.message = f"The environment variable {variable}: {error.message}"
        raise
