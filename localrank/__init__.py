"""localrank: rerank documents for a query, by any model, with one call.

Names are bound when they are first used, so importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from localrank._version import __version__

if TYPE_CHECKING:
    from localrank.calling.many import rerank_many
    from localrank.calling.rerank import rerank
    from localrank.calling.retry import RetryPolicy
    from localrank.calling.sync import rerank_sync
    from localrank.compose.batched import Batched
    from localrank.compose.cached import Cached
    from localrank.compose.calibrated import Calibrated, LabelledPair
    from localrank.compose.cascade import Cascade
    from localrank.compose.chunked import Chunked
    from localrank.compose.diversified import Diversified
    from localrank.compose.fallback import Fallback
    from localrank.compose.fused import Fused
    from localrank.compose.identity import Identity
    from localrank.compose.limited import Limited
    from localrank.compose.memory_store import MemoryStore
    from localrank.compose.retrieved import Retrieved
    from localrank.compose.sqlite_store import SQLiteStore
    from localrank.compose.wrapped import wrapped
    from localrank.contract.cancellation import AbortToken
    from localrank.contract.errors import (
        APICallError,
        AuthenticationError,
        ConnectionFailedError,
        InferenceError,
        InvalidRequestError,
        InvalidResponseError,
        MissingAPIKeyError,
        MissingDependencyError,
        ModelLoadError,
        RateLimitError,
        RerankAbortedError,
        RerankError,
        RerankTimeoutError,
        RetryError,
        ServerError,
        UnknownModelError,
    )
    from localrank.contract.events import CallEnded, CallFailed, CallProgress, CallStarted
    from localrank.contract.model import (
        DoRerankOptions,
        DoRerankResult,
        RerankerModel,
        ScoredIndex,
        SyncRerankerModel,
    )
    from localrank.contract.types import (
        RankedDocument,
        RerankResponse,
        RerankResult,
        RerankUsage,
        RerankWarning,
        StageUsage,
    )
    from localrank.providers.registry import register_provider, resolve

_HOMES = {
    "localrank.calling.many": ("rerank_many",),
    "localrank.calling.rerank": ("rerank",),
    "localrank.calling.retry": ("RetryPolicy",),
    "localrank.calling.sync": ("rerank_sync",),
    "localrank.compose.batched": ("Batched",),
    "localrank.compose.cached": ("Cached",),
    "localrank.compose.calibrated": ("Calibrated", "LabelledPair"),
    "localrank.compose.cascade": ("Cascade",),
    "localrank.compose.chunked": ("Chunked",),
    "localrank.compose.diversified": ("Diversified",),
    "localrank.compose.fallback": ("Fallback",),
    "localrank.compose.fused": ("Fused",),
    "localrank.compose.identity": ("Identity",),
    "localrank.compose.limited": ("Limited",),
    "localrank.compose.memory_store": ("MemoryStore",),
    "localrank.compose.retrieved": ("Retrieved",),
    "localrank.compose.sqlite_store": ("SQLiteStore",),
    "localrank.compose.wrapped": ("wrapped",),
    "localrank.contract.cancellation": ("AbortToken",),
    "localrank.contract.errors": (
        "APICallError",
        "AuthenticationError",
        "ConnectionFailedError",
        "InferenceError",
        "InvalidRequestError",
        "InvalidResponseError",
        "MissingAPIKeyError",
        "MissingDependencyError",
        "ModelLoadError",
        "RateLimitError",
        "RerankAbortedError",
        "RerankError",
        "RerankTimeoutError",
        "RetryError",
        "ServerError",
        "UnknownModelError",
    ),
    "localrank.contract.events": ("CallEnded", "CallFailed", "CallProgress", "CallStarted"),
    "localrank.contract.model": (
        "DoRerankOptions",
        "DoRerankResult",
        "RerankerModel",
        "ScoredIndex",
        "SyncRerankerModel",
    ),
    "localrank.contract.types": (
        "RankedDocument",
        "RerankResponse",
        "RerankResult",
        "RerankUsage",
        "RerankWarning",
        "StageUsage",
    ),
    "localrank.providers.registry": ("register_provider", "resolve"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "APICallError",
    "AbortToken",
    "AuthenticationError",
    "Batched",
    "Cached",
    "Calibrated",
    "CallEnded",
    "CallFailed",
    "CallProgress",
    "CallStarted",
    "Cascade",
    "Chunked",
    "ConnectionFailedError",
    "Diversified",
    "DoRerankOptions",
    "DoRerankResult",
    "Fallback",
    "Fused",
    "Identity",
    "InferenceError",
    "InvalidRequestError",
    "InvalidResponseError",
    "LabelledPair",
    "Limited",
    "MemoryStore",
    "MissingAPIKeyError",
    "MissingDependencyError",
    "ModelLoadError",
    "RankedDocument",
    "RateLimitError",
    "RerankAbortedError",
    "RerankError",
    "RerankResponse",
    "RerankResult",
    "RerankTimeoutError",
    "RerankUsage",
    "RerankWarning",
    "RerankerModel",
    "Retrieved",
    "RetryError",
    "RetryPolicy",
    "SQLiteStore",
    "ScoredIndex",
    "ServerError",
    "StageUsage",
    "SyncRerankerModel",
    "UnknownModelError",
    "__version__",
    "register_provider",
    "rerank",
    "rerank_many",
    "rerank_sync",
    "resolve",
    "wrapped",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'localrank' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
