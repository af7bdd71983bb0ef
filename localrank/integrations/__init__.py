"""Our models inside LangChain, LlamaIndex, Haystack, LanceDB and PyTerrier, and other libraries' rerankers as models.

Names are bound when they are first used, so no framework is imported before.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localrank.integrations.callables import (
        from_callable,
        from_cross_encoder,
        from_flashrank,
        from_rerankers,
    )
    from localrank.integrations.haystack import LocalRankRanker, from_haystack
    from localrank.integrations.lancedb import LocalRankLanceDBReranker
    from localrank.integrations.langchain import LocalRankCompressor, LocalRankCrossEncoder, from_langchain
    from localrank.integrations.llama_index import LocalRankPostprocessor, from_llama_index
    from localrank.integrations.pyterrier import LocalRankTransformer

__all__ = [
    "LocalRankCompressor",
    "LocalRankCrossEncoder",
    "LocalRankLanceDBReranker",
    "LocalRankPostprocessor",
    "LocalRankRanker",
    "LocalRankTransformer",
    "from_callable",
    "from_cross_encoder",
    "from_flashrank",
    "from_haystack",
    "from_langchain",
    "from_llama_index",
    "from_rerankers",
]

_HOMES = {
    "LocalRankCompressor": "langchain",
    "LocalRankCrossEncoder": "langchain",
    "LocalRankLanceDBReranker": "lancedb",
    "LocalRankPostprocessor": "llama_index",
    "LocalRankRanker": "haystack",
    "LocalRankTransformer": "pyterrier",
    "from_callable": "callables",
    "from_cross_encoder": "callables",
    "from_flashrank": "callables",
    "from_haystack": "haystack",
    "from_langchain": "langchain",
    "from_llama_index": "llama_index",
    "from_rerankers": "callables",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'localrank.integrations' has no attribute {name!r}")
    return getattr(import_module(f"localrank.integrations.{_HOMES[name]}"), name)
