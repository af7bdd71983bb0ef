"""Packages that may be absent: imported when they are needed, or refused with the command that installs them."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from localrank.contract.errors import MissingDependencyError

__all__ = ["imported", "missing", "require"]


def imported(module: str, purpose: str, extra: str) -> Any:
    """Return a module of an optional package.

    Args:
        module: Its name; the package is called like the first part of it.
        purpose: What needs it, the subject of the error's sentence.
        extra: What it is installed with.

    Raises:
        MissingDependencyError: It cannot be imported.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        absent = isinstance(error, ModuleNotFoundError) and error.name == package
        raise missing(purpose, package.replace("_", "-"), extra) from (None if absent else error)


def require(purpose: str, extra: str, *packages: str, remark: str = "") -> None:
    """Refuse to begin where a package is absent; nothing is imported.

    Args:
        purpose: What needs them, the subject of the error's sentence.
        extra: What they are installed with.
        packages: Their import names.
        remark: What is to be known beside the command.

    Raises:
        MissingDependencyError: Names all that are.
    """
    absent = [name for name in packages if find_spec(name) is None]
    if absent:
        raise missing(purpose, " and ".join(absent), extra, remark=remark)


def missing(purpose: str, packages: str, extra: str | None, *, remark: str = "") -> MissingDependencyError:
    """Return the error that names what is absent and the command that installs it, with a remark beside it.

    Args:
        purpose: What needs them, the subject of the error's sentence.
        packages: What is absent.
        extra: What they are installed with; None for what comes with localrank itself, unless that is installed alone.
        remark: What is to be known beside the command.
    """
    wanted = f'"localrank[{extra}]"' if extra else packages
    return MissingDependencyError(
        f"{purpose} needs {packages}: not installed here, or too old.",
        hint=f"Install it with: pip install {wanted}" + (f" ({remark})" if remark else ""),
    )
