"""What a user lets a model keep of documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localrank_transformers.families.late.known.documents import KnownDocuments

__all__ = ["Keeping"]


@dataclass(frozen=True, slots=True)
class Keeping:
    """What was asked for.

    Attributes:
        cache_mb: Megabytes of memory between calls; None for none.
    """

    cache_mb: int | None = None

    def __bool__(self) -> bool:
        return self.cache_mb is not None

    @property
    def named(self) -> str:
        """The argument that asks for it, with its value."""
        return f"document_cache_mb is {self.cache_mb}"

    def open(self, identity: bytes) -> KnownDocuments | None:
        """Return what is known of documents under `identity`; None where nothing is to be kept."""
        if not self:
            return None
        # Settings are made before numpy is imported.
        from localrank_transformers.families.late.known.documents import KnownDocuments  # noqa: PLC0415
        from localrank_transformers.families.late.known.memory import DocumentMemory  # noqa: PLC0415

        memory = None if self.cache_mb is None else DocumentMemory(self.cache_mb * 1_000_000)
        return KnownDocuments(identity, memory)
