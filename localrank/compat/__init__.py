"""Other libraries' interfaces over our models, for code that is to move with one changed import.

`from localrank.compat import Ranker, RerankRequest` in place of FlashRank's, `CrossEncoder` in place of sentence-transformers',
`Reranker` and `Document` in place of rerankers', `CohereClient` and `AsyncCohereClient` in place of the Cohere SDK's clients.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localrank.compat.cohere import AsyncCohereClient, CohereClient
    from localrank.compat.cross_encoder import CrossEncoder
    from localrank.compat.flashrank import Ranker, RerankRequest
    from localrank.compat.rerankers import Document, RankedResults, Reranker, Result

_HOMES = {
    "AsyncCohereClient": "cohere",
    "CohereClient": "cohere",
    "CrossEncoder": "cross_encoder",
    "Document": "rerankers",
    "RankedResults": "rerankers",
    "Ranker": "flashrank",
    "RerankRequest": "flashrank",
    "Reranker": "rerankers",
    "Result": "rerankers",
}

__all__ = [
    "AsyncCohereClient",
    "CohereClient",
    "CrossEncoder",
    "Document",
    "RankedResults",
    "Ranker",
    "RerankRequest",
    "Reranker",
    "Result",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'localrank.compat' has no attribute {name!r}")
    # Imported at the first use: the cross-encoder returns numpy arrays.
    return getattr(import_module(f"localrank.compat.{_HOMES[name]}"), name)
