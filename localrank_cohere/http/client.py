"""Where the HTTP client is imported: late, since the package works without remote models."""

from __future__ import annotations

from typing import Any

from localrank.contract.errors import MissingDependencyError

__all__ = ["httpx2_module"]


def httpx2_module() -> Any:
    """Return the HTTP client's module.

    Raises:
        MissingDependencyError: It is not installed.
    """
    try:
        import httpx2  # noqa: PLC0415 - slow, and optional
    except ImportError:
        raise MissingDependencyError(
            "Remote rerankers need httpx2, which is not installed.",
            hint='pip install "localrank[cohere]"',
        ) from None
    return httpx2
