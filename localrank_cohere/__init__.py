"""Remote models: Cohere, and every API that speaks one of its dialects."""

from __future__ import annotations

from localrank_cohere.cohere_reranker import CohereReranker
from localrank_cohere.vendors import (
    JinaReranker,
    MixedbreadReranker,
    PineconeReranker,
    TEIReranker,
    VLLMReranker,
    VoyageReranker,
)

__all__ = [
    "CohereReranker",
    "JinaReranker",
    "MixedbreadReranker",
    "PineconeReranker",
    "TEIReranker",
    "VLLMReranker",
    "VoyageReranker",
]
