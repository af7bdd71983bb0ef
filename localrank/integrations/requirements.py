"""The error for a framework that is not installed."""

from __future__ import annotations

from localrank.contract.errors import MissingDependencyError

__all__ = ["missing"]


def missing(framework: str, package: str, extra: str) -> MissingDependencyError:
    """Return the error that names what is absent and the install command."""
    return MissingDependencyError(
        f"The {framework} integration needs {package}, which is not installed or too old.",
        hint=f'pip install "localrank[{extra}]"',
    )
