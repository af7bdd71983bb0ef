"""Remote models: Cohere, and every API that speaks one of its dialects."""

from __future__ import annotations

from localrank_cohere.clouds.azure import AzureReranker
from localrank_cohere.clouds.bedrock import BedrockReranker
from localrank_cohere.clouds.cloudflare import CloudflareReranker
from localrank_cohere.clouds.vertex import VertexReranker
from localrank_cohere.clouds.watsonx import WatsonxReranker
from localrank_cohere.cohere_reranker import CohereReranker
from localrank_cohere.decisions.decision_reranker import DecisionReranker
from localrank_cohere.vendors import (
    AlibabaReranker,
    ContextualReranker,
    DeepInfraReranker,
    FireworksReranker,
    InfinityReranker,
    IsaacusReranker,
    JinaReranker,
    LlamaCppReranker,
    LocalAIReranker,
    MixedbreadReranker,
    NIMReranker,
    NovitaReranker,
    NVIDIAReranker,
    OpenRouterReranker,
    OpenVINOReranker,
    PineconeReranker,
    SGLangReranker,
    SiliconFlowReranker,
    TEIReranker,
    TogetherReranker,
    VercelReranker,
    VLLMReranker,
    VoyageReranker,
    XinferenceReranker,
    ZeroEntropyReranker,
)

__all__ = [
    "AlibabaReranker",
    "AzureReranker",
    "BedrockReranker",
    "CloudflareReranker",
    "CohereReranker",
    "ContextualReranker",
    "DecisionReranker",
    "DeepInfraReranker",
    "FireworksReranker",
    "InfinityReranker",
    "IsaacusReranker",
    "JinaReranker",
    "LlamaCppReranker",
    "LocalAIReranker",
    "MixedbreadReranker",
    "NIMReranker",
    "NVIDIAReranker",
    "NovitaReranker",
    "OpenRouterReranker",
    "OpenVINOReranker",
    "PineconeReranker",
    "SGLangReranker",
    "SiliconFlowReranker",
    "TEIReranker",
    "TogetherReranker",
    "VLLMReranker",
    "VercelReranker",
    "VertexReranker",
    "VoyageReranker",
    "WatsonxReranker",
    "XinferenceReranker",
    "ZeroEntropyReranker",
]
