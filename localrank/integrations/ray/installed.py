"""Ray itself: imported when it is needed, or refused with the command that installs it."""

from __future__ import annotations

import sys
from typing import Any

from localrank.contract.errors import MissingDependencyError
from localrank.providers.extras import imported, missing

__all__ = ["imported_ray"]

_PURPOSE = "Work on a cluster"

_NEWEST_PYTHON = (3, 14)
"""The last version that Ray has wheels for, as of 2.60 (https://pypi.org/project/ray)."""


def imported_ray(module: str = "ray") -> Any:
    """Return Ray, or a module of it.

    Raises:
        MissingDependencyError: It is not installed; where this Python is newer than Ray, that is said too.
    """
    try:
        return imported(module, _PURPOSE, "ray")
    except MissingDependencyError as error:
        if sys.version_info[:2] <= _NEWEST_PYTHON:
            raise
        newest = ".".join(map(str, _NEWEST_PYTHON))
        raise missing(_PURPOSE, f"ray, which there is up to Python {newest}", "ray") from error
