"""Which languages a local model reads, and what is said of texts in others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from localrank.contract.types import RerankWarning
from localrank.providers.languages import Writing
from localrank.providers.remarks import unread_language
from localrank_transformers.models import bundled
from localrank_transformers.models.location import Location

if TYPE_CHECKING:
    from localrank_transformers.models.catalogue.entries import CatalogueEntry

__all__ = ["languages_of", "unread_warning"]


def languages_of(location: Location) -> tuple[str, ...]:
    """Return the ISO 639-1 codes of what a model reads: as embedded, by its folder's card, or by the catalogue.

    Empty where it is not known; `multilingual` stands for many.
    """
    if location.is_embedded:
        return bundled.LANGUAGES[location.model_id]
    if location.folder is not None:
        from localrank_transformers.models.folder.card import card_languages  # noqa: PLC0415 - only for a folder

        return card_languages(location.folder)
    from localrank_transformers.models.catalogue.entries import lookup  # noqa: PLC0415 - only for models of the hub

    entry = lookup(location.model_id)
    return () if entry is None else entry.languages


def unread_warning(model_id: str, feature: Literal["query", "documents"], writing: Writing) -> RerankWarning:
    """Return the warning for texts in a language that a model does not read; it names a model that does."""
    from localrank_transformers.models.catalogue.entries import entries  # noqa: PLC0415 - read only for a warning
    from localrank_transformers.models.catalogue.selection import reader_of  # noqa: PLC0415

    other = reader_of(entries(), writing.languages)
    return unread_language(model_id, feature, writing.name, _instead(other))


def _instead(other: CatalogueEntry | None) -> str:
    if other is None:
        return "Take a model that was made for it, or leave the order as it is."
    name = other.name if "onnx" in other.engines else f"torch:{other.name}"
    return f"Take the model {name!r}, which does."
