"""Other libraries' interfaces over our models, for code that is to move with one changed import.

`from localrank.compat import Ranker, RerankRequest` in place of FlashRank's, `from localrank.compat import CrossEncoder` in
place of sentence-transformers'.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localrank.compat.cross_encoder import CrossEncoder
    from localrank.compat.flashrank import Ranker, RerankRequest

__all__ = ["CrossEncoder", "Ranker", "RerankRequest"]

_HOMES = {"CrossEncoder": "cross_encoder", "Ranker": "flashrank", "RerankRequest": "flashrank"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'localrank.compat' has no attribute {name!r}")
    # Imported at the first use: the cross-encoder returns numpy arrays.
    return getattr(import_module(f"localrank.compat.{_HOMES[name]}"), name)
