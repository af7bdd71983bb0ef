"""A reranking server: the dialects that clients speak on one port, and a page to try it in.

Needs the extra: `pip install "localrank[server]"`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localrank.server.app import create_app
    from localrank.server.door.limits import Limits

__all__ = ["Limits", "create_app"]


def __getattr__(name: str) -> Any:
    """Bind a public name at its first use: the command line asks for the limits without the server's packages."""
    if name == "create_app":
        from localrank.server.app import create_app  # noqa: PLC0415

        return create_app
    if name == "Limits":
        from localrank.server.door.limits import Limits  # noqa: PLC0415

        return Limits
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
