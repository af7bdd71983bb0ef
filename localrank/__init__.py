"""localrank: rerank documents for a query, by any model, with one call.

Names are bound when they are first used, so importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from localrank._version import __version__

if TYPE_CHECKING:
    from localrank.calling.frames import rerank_frame, rerank_frame_sync
    from localrank.calling.many import rerank_as_completed, rerank_many, rerank_many_sync
    from localrank.calling.rerank import rerank
    from localrank.calling.retry import RetryPolicy
    from localrank.calling.sync import rerank_sync
    from localrank.compose.several.cascade import Cascade
    from localrank.compose.several.fallback import Fallback
    from localrank.compose.several.fused import Fused
    from localrank.compose.several.given import Identity, Retrieved
    from localrank.compose.single.batched import Batched
    from localrank.compose.single.cached import Cached
    from localrank.compose.single.calibrated import Calibrated, LabelledPair
    from localrank.compose.single.chunked import Chunked
    from localrank.compose.single.diversified import Diversified
    from localrank.compose.single.limited import Limited
    from localrank.compose.single.when import When
    from localrank.compose.stores.memory import MemoryStore
    from localrank.compose.stores.sqlite import SQLiteStore
    from localrank.compose.wrapped import wrapped
    from localrank.contract.cancellation import AbortToken
    from localrank.contract.errors import (
        APICallError,
        AuthenticationError,
        ConnectionFailedError,
        InferenceError,
        InvalidDataError,
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
        RerankOutcome,
        RerankResponse,
        RerankResult,
        RerankUsage,
        RerankWarning,
        StageUsage,
    )
    from localrank.providers.registry import register_provider, resolve
    from localrank.providers.remarks import unread_settings

_HOMES = {
    "localrank.calling.frames": ("rerank_frame", "rerank_frame_sync"),
    "localrank.calling.many": ("rerank_as_completed", "rerank_many", "rerank_many_sync"),
    "localrank.calling.rerank": ("rerank",),
    "localrank.calling.retry": ("RetryPolicy",),
    "localrank.calling.sync": ("rerank_sync",),
    "localrank.compose.single.batched": ("Batched",),
    "localrank.compose.single.cached": ("Cached",),
    "localrank.compose.single.calibrated": ("Calibrated", "LabelledPair"),
    "localrank.compose.several.cascade": ("Cascade",),
    "localrank.compose.single.chunked": ("Chunked",),
    "localrank.compose.single.diversified": ("Diversified",),
    "localrank.compose.several.fallback": ("Fallback",),
    "localrank.compose.several.fused": ("Fused",),
    "localrank.compose.several.given": ("Identity", "Retrieved"),
    "localrank.compose.single.limited": ("Limited",),
    "localrank.compose.single.when": ("When",),
    "localrank.compose.stores.memory": ("MemoryStore",),
    "localrank.compose.stores.sqlite": ("SQLiteStore",),
    "localrank.compose.wrapped": ("wrapped",),
    "localrank.contract.cancellation": ("AbortToken",),
    "localrank.contract.errors": (
        "APICallError",
        "AuthenticationError",
        "ConnectionFailedError",
        "InferenceError",
        "InvalidDataError",
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
        "RerankOutcome",
        "RerankResponse",
        "RerankResult",
        "RerankUsage",
        "RerankWarning",
        "StageUsage",
    ),
    "localrank.providers.registry": ("register_provider", "resolve"),
    "localrank.providers.remarks": ("unread_settings",),
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
    "InvalidDataError",
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
    "RerankOutcome",
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
    "When",
    "__version__",
    "register_provider",
    "rerank",
    "rerank_as_completed",
    "rerank_frame",
    "rerank_frame_sync",
    "rerank_many",
    "rerank_many_sync",
    "rerank_sync",
    "resolve",
    "unread_settings",
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
