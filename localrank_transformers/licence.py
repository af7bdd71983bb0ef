"""A remark for models whose licence forbids commercial use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from localrank.contract.types import RerankWarning

if TYPE_CHECKING:
    from localrank_transformers.catalogue import CatalogueEntry

__all__ = ["licence_warnings"]


def licence_warnings(entry: CatalogueEntry | None) -> Iterator[RerankWarning]:
    """Yield the warning for a model that is known to be for non-commercial use only."""
    if entry is not None and entry.commercial is False:
        yield RerankWarning(
            "licence",
            f"The licence of {entry.hub_id or entry.name} ({entry.licence}) does not allow commercial use.",
            feature="licence",
        )
