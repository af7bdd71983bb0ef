"""Our models on a cluster: datasets of Ray Data, jobs over files on its actors, and the server on Ray Serve.

Needs the extra: `pip install "localrank[ray]"`. Names are bound when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localrank.integrations.ray.data import RerankBatch, rerank_dataset
    from localrank.integrations.ray.jobs import run_batch_on_ray
    from localrank.integrations.ray.serving import deployment

__all__ = ["RerankBatch", "deployment", "rerank_dataset", "run_batch_on_ray"]

_HOMES = {
    "RerankBatch": "data",
    "deployment": "serving",
    "rerank_dataset": "data",
    "run_batch_on_ray": "jobs",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'localrank.integrations.ray' has no attribute {name!r}")
    return getattr(import_module(f"localrank.integrations.ray.{_HOMES[name]}"), name)
