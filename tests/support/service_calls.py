"""Requests by the clients of hosted services and servers. What their vendors call the client is named in each case."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

KEY = "no-real-key"
QUERY = "What is retrieval?"
TEXTS = ["Retrieval finds documents.", "Pasta with cheese — très bon.", "検索とは何か"]

Pairs = list[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Case:
    """One request in both worlds.

    Attributes:
        name: Of the case.
        dialect: Ours.
        client: The module of the vendor's client.
        theirs: Makes the request with the vendor's client, given the server's address; returns (index, score) pairs.
        documents: What ours is given.
        top_k: What ours is given.
        options: What ours is given as provider options.
        fields: What ours is made with.
        model: The model's name.
        instruction: What ours is given.
        distribution: That holds the client; its module's name where None.
        needless: Fields that the client sends and its service does not need.
    """

    name: str
    dialect: str
    client: str
    theirs: Callable[[str, Case], Pairs]
    documents: list[Any] = field(default_factory=lambda: TEXTS)
    top_k: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    fields: tuple[str, ...] | None = None
    model: str = "a-model"
    instruction: str | None = None
    distribution: str | None = None
    needless: Mapping[str, Any] = field(default_factory=dict)


def given(**arguments: Any) -> dict[str, Any]:
    """Return the arguments that are not None."""
    return {name: value for name, value in arguments.items() if value is not None}


def _openrouter(url: str, case: Case) -> Pairs:
    with importlib.import_module("openrouter").OpenRouter(api_key=KEY, server_url=f"{url}/api/v1") as client:
        answer = client.rerank.rerank(
            model=case.model,
            query=QUERY,
            documents=case.documents,
            **given(top_n=case.top_k),
            **case.options,
        )
    return [(one.index, one.relevance_score) for one in answer.results]


def _zeroentropy(url: str, case: Case) -> Pairs:
    client = importlib.import_module("zeroentropy").ZeroEntropy(api_key=KEY, base_url=f"{url}/v1")
    answer = client.models.rerank(
        model=case.model, query=QUERY, documents=case.documents, **given(top_n=case.top_k), **case.options
    )
    return [(one.index, one.relevance_score) for one in answer.results]


def _contextual(url: str, case: Case) -> Pairs:
    client = importlib.import_module("contextual").ContextualAI(api_key=KEY, base_url=f"{url}/v1")
    answer = client.rerank.create(
        model=case.model,
        query=QUERY,
        documents=case.documents,
        **given(top_n=case.top_k, instruction=case.instruction),
    )
    return [(one.index, one.relevance_score) for one in answer.results]


def _isaacus(url: str, case: Case) -> Pairs:
    client = importlib.import_module("isaacus").Isaacus(api_key=KEY, base_url=f"{url}/v1")
    answer = client.rerankings.create(
        model=case.model, query=QUERY, texts=case.documents, **given(top_n=case.top_k), **case.options
    )
    return [(one.index, one.score) for one in answer.results]


def _together(url: str, case: Case) -> Pairs:
    client = importlib.import_module("together").Together(api_key=KEY, base_url=url)
    answer = client.rerank.create(
        model=case.model,
        query=QUERY,
        documents=case.documents,
        return_documents=False,
        **given(top_n=case.top_k, rank_fields=list(case.fields) if case.fields else None),
    )
    return [(one.index, one.relevance_score) for one in answer.results]


def _fireworks(url: str, case: Case) -> Pairs:
    make = importlib.import_module("langchain_fireworks").FireworksRerank
    client = make(model=case.model, fireworks_api_key=KEY, base_url=f"{url}/inference/v1")
    answer = client.rerank(case.documents, QUERY, top_n=case.top_k, task=case.instruction)
    return [(one["index"], one["relevance_score"]) for one in answer]


def _alibaba(url: str, case: Case) -> Pairs:
    client = importlib.import_module("dashscope").Client(api_key=KEY, base_url=f"{url}/api/v1")
    answer = client.rerank.create(
        model=case.model,
        query=QUERY,
        documents=case.documents,
        return_documents=False,
        **given(top_n=case.top_k, instruct=case.instruction),
    )
    return [(one.index, one.relevance_score) for one in answer.results]


def _nvidia(url: str, case: Case) -> Pairs:
    module = importlib.import_module("langchain_nvidia_ai_endpoints")
    more: dict[str, Any] = {"base_url": f"{url}/v1"}
    if case.dialect == "nvidia":
        path = f"/v1/retrieval/{case.model.replace('.', '_')}/reranking"
        kind = {"model_type": "ranking", "client": "NVIDIARerank"}
        module.register_model(module.Model(id=case.model, endpoint=f"{url}{path}", **kind))
        more = {}
    client = module.NVIDIARerank(
        model=case.model,
        api_key=KEY,
        truncate="END" if case.options.get("truncation", True) else "NONE",
        top_n=len(case.documents),
        usage_telemetry_enabled=False,
        **more,
    )
    made = importlib.import_module("langchain_core.documents").Document
    ranked = client.compress_documents([made(page_content=text) for text in case.documents], QUERY)
    return [(case.documents.index(one.page_content), one.metadata["relevance_score"]) for one in ranked]


def _litellm(url: str, case: Case) -> Pairs:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else importing it asks the network
    answer = importlib.import_module("litellm").rerank(
        model=f"{case.dialect}/{case.model}",
        query=QUERY,
        documents=case.documents,
        api_base=f"{url}/v1",
        api_key=KEY,
    )
    pairs = [(one["index"], one["relevance_score"]) for one in answer.results]
    return sorted(pairs, key=lambda pair: -pair[1])


def _vercel(url: str, case: Case) -> Pairs:
    with importlib.import_module("cohere").ClientV2(api_key=KEY, base_url=url) as client:
        answer = client.rerank(
            model=case.model, query=QUERY, documents=case.documents, **given(top_n=case.top_k)
        )
    return [(one.index, one.relevance_score) for one in answer.results]


def _xinference(url: str, case: Case) -> Pairs:
    module = importlib.import_module("xinference_client.client.restful.restful_client")
    handle = module.RESTfulRerankModelHandle(case.model, url, auth_headers={"Authorization": f"Bearer {KEY}"})
    answer = handle.rerank(case.documents, QUERY, top_n=case.top_k, return_documents=False)
    return [(one["index"], one["relevance_score"]) for one in answer["results"]]


def _infinity(url: str, case: Case) -> Pairs:
    module = importlib.import_module("infinity_client")
    api = importlib.import_module("infinity_client.api.default.rerank")
    body = importlib.import_module("infinity_client.models").RerankInput(
        model=case.model,
        query=QUERY,
        documents=case.documents,
        return_documents=False,
        raw_scores=case.options["raw_scores"],
        **given(top_n=case.top_k),
    )
    answer = api.sync(client=module.AuthenticatedClient(base_url=url, token=KEY), body=body)
    return [(one.index, one.relevance_score) for one in answer.results]


_INSTRUCTION = "Only cooking counts."
_DOTTED = "nvidia/a-model-3.5"

SERVICE_CASES = (
    Case("openrouter", "openrouter", "openrouter", _openrouter, top_k=2),
    Case(
        "openrouter options",
        "openrouter",
        "openrouter",
        _openrouter,
        options={"provider": {"only": ["cohere"]}, "session_id": "s", "user": "u"},
    ),
    Case("zeroentropy", "zeroentropy", "zeroentropy", _zeroentropy),
    Case(
        "zeroentropy options",
        "zeroentropy",
        "zeroentropy",
        _zeroentropy,
        top_k=1,
        options={"latency": "slow"},
    ),
    Case("contextual", "contextual", "contextual", _contextual, distribution="contextual-client"),
    Case(
        "contextual instruction",
        "contextual",
        "contextual",
        _contextual,
        top_k=2,
        instruction=_INSTRUCTION,
        distribution="contextual-client",
    ),
    Case("isaacus", "isaacus", "isaacus", _isaacus, top_k=2),
    Case(
        "isaacus options",
        "isaacus",
        "isaacus",
        _isaacus,
        options={"is_iql": True, "scoring_method": "chunk_avg", "chunking_options": {"size": 64}},
    ),
    Case("together", "together", "together", _together, top_k=2),
    Case(
        "together objects",
        "together",
        "together",
        _together,
        documents=[
            {"title": "Retrieval", "text": "finds documents"},
            {"title": "Pasta", "text": "with cheese"},
        ],
        fields=("title", "text"),
    ),
    Case("fireworks", "fireworks", "langchain_fireworks", _fireworks, distribution="langchain-fireworks"),
    Case(
        "fireworks instruction",
        "fireworks",
        "langchain_fireworks",
        _fireworks,
        top_k=2,
        instruction=_INSTRUCTION,
        distribution="langchain-fireworks",
    ),
    Case("alibaba", "alibaba", "dashscope", _alibaba),
    Case("alibaba instruction", "alibaba", "dashscope", _alibaba, top_k=2, instruction=_INSTRUCTION),
    *(
        Case(
            name,
            name.partition(" ")[0],
            "langchain_nvidia_ai_endpoints",
            _nvidia,
            model=model,
            options=options,
            distribution="langchain-nvidia-ai-endpoints",
        )
        for name, model, options in (
            ("nim", "a-model", {}),
            ("nim options", "a-model", {"truncation": False}),
            ("nvidia", _DOTTED, {}),
        )
    ),
    Case("deepinfra", "deepinfra", "litellm", _litellm, model="Qwen/Qwen3-Reranker-8B"),
    Case("vercel", "vercel", "cohere", _vercel, top_k=2),
    Case(
        "xinference",
        "xinference",
        "xinference_client",
        _xinference,
        top_k=2,
        distribution="xinference-client",
        needless={"kwargs": "{}"},
    ),
    Case("infinity", "infinity", "infinity_client", _infinity, top_k=2, options={"raw_scores": True}),
)
