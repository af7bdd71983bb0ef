"""Embedded models that a package of their own brings, so that the base installation stays small; found by entry point.

The entry point of the group `localrank.models` is called like the model and names a module beside whose code the files lie. The
module has `SHA256`, their sums by name, and from version 0.2 on `BITS`, the sum of what the kernels compute with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from importlib.resources import files
from types import ModuleType
from typing import TYPE_CHECKING

from localrank.contract.errors import ModelLoadError
from localrank.providers.extras import missing

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

__all__ = ["EXTRAS", "GROUP", "is_installed", "recorded_bits", "recorded_sums", "separate_folder"]

GROUP = "localrank.models"

EXTRAS = {"localrank-multilingual": "multilingual"}
"""Model, which is also the package's name → the extra that installs it."""


def is_installed(model: str) -> bool:
    """Return whether the model's package is there."""
    return bool(entry_points(group=GROUP, name=model))


def recorded_sums(model: str) -> Mapping[str, str]:
    """Return the SHA-256 sum of each file of a model.

    Raises:
        MissingDependencyError: Its package is not installed.
        ModelLoadError: It cannot be imported, or is damaged.
    """
    sums: Mapping[str, str] = _module(model).SHA256
    return sums


def recorded_bits(model: str) -> str | None:
    """Return the sum of a model's vectors over some texts; None where none is stated. Raise as `recorded_sums` does."""
    bits: str | None = getattr(_module(model), "BITS", None)
    return bits


def separate_folder(model: str) -> Traversable:
    """Return where the files of a model lie; raise as `recorded_sums` does."""
    return files(_module(model))


@cache
def _module(model: str) -> ModuleType:
    found = entry_points(group=GROUP, name=model)
    if not found:
        remark = f"from a checkout: pip install ./packages/{model.replace('-', '_')}"
        raise missing(f"The model {model}", f"the package {model}", EXTRAS[model], remark=remark)
    try:
        module = next(iter(found)).load()
    except Exception as error:  # whatever a damaged package raises
        raise ModelLoadError(
            f"The package {model} cannot be imported: {type(error).__name__}.",
            hint=f"Install it again: pip install --force-reinstall {model}",
        ) from error
    if not isinstance(module, ModuleType) or not isinstance(getattr(module, "SHA256", None), Mapping):
        raise ModelLoadError(
            f"The package {model} is of another version: it states no sums of its files.",
            hint=f'Install both again: pip install --force-reinstall "localrank[{EXTRAS[model]}]"',
        )
    return module
