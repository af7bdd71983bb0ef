"""What the clouds answer: request checks and answer bodies in their own shapes, for `RerankServer(choose=…)`.

Scores are those of `rerank_answers`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from tests.support.rerank_answers import score
from tests.support.rerank_server import Seen, Turn

__all__ = ["BY_NAME", "azure", "bedrock", "cloudflare", "invoked", "vertex", "watsonx"]

Json = dict[str, Any]
Answer = Callable[[Seen], Turn]


def _good(body: Any) -> Turn:
    return Turn(body=json.dumps(body).encode())


def _ranked(query: str, texts: list[str], count: int | None) -> list[tuple[int, float]]:
    scores = [(place, score(query, text)) for place, text in enumerate(texts)]
    return sorted(scores, key=lambda pair: (-pair[1], pair[0]))[:count]


def bedrock(seen: Seen, *, page: int | None = None) -> Turn:
    """Answer as the agent runtime's `Rerank`, in pages of `page` results."""
    body = seen.body
    assert len(body["queries"]) == 1
    assert len(body["sources"]) <= 1_000
    reranking = body["rerankingConfiguration"]["bedrockRerankingConfiguration"]
    assert reranking["modelConfiguration"]["modelArn"].startswith("arn:aws:bedrock:")
    texts = [_source(one["inlineDocumentSource"]) for one in body["sources"]]
    ranked = _ranked(body["queries"][0]["textQuery"]["text"], texts, reranking.get("numberOfResults"))
    start = int(body.get("nextToken", "p0")[1:])
    end = len(ranked) if page is None else start + page
    results = [{"index": place, "relevanceScore": number} for place, number in ranked[start:end]]
    more = {"nextToken": f"p{end}"} if end < len(ranked) else {}
    return _good({"results": results, **more})


def _source(document: Json) -> str:
    if document["type"] == "TEXT":
        return str(document["textDocument"]["text"])
    return " ".join(map(str, document["jsonDocument"].values()))


def invoked(seen: Seen) -> Turn:
    """Answer as a Cohere model that was invoked."""
    body = seen.body
    assert "model" not in body
    ranked = _ranked(body["query"], body["documents"], body.get("top_n"))
    return _good({"results": [{"index": place, "relevance_score": number} for place, number in ranked]})


def vertex(seen: Seen) -> Turn:
    """Answer as the ranking API, with ids of the records and scores of two places."""
    body = seen.body
    assert len(body["records"]) <= 200
    texts = [f"{one.get('title', '')} {one.get('content', '')}".strip() for one in body["records"]]
    ranked = _ranked(body["query"], texts, body.get("topN"))
    ids = [one["id"] for one in body["records"]]
    records = [{"id": ids[place], "score": max(round(number, 2), 0.0001)} for place, number in ranked]
    return _good({"records": records})


def watsonx(seen: Seen, *, token: str = "a-token-of-iam") -> Turn:
    """Answer as `text/rerank`, and as IAM where a key is exchanged."""
    if seen.path == "/identity/token":
        asked = parse_qs(seen.body)
        assert asked["grant_type"] == ["urn:ibm:params:oauth:grant-type:apikey"]
        return _good({"access_token": token, "token_type": "Bearer", "expires_in": 3_600})
    body = seen.body
    assert body["project_id"] or body["space_id"]
    options = body.get("parameters", {}).get("return_options", {})
    ranked = _ranked(body["query"], [one["text"] for one in body["inputs"]], options.get("top_n"))
    results = [{"index": place, "score": number} for place, number in ranked]
    return _good({"model_id": body["model_id"], "results": results, "input_token_count": 12})


def azure(seen: Seen) -> Turn:
    """Leave the answer to the server's own dialect, which is Cohere's."""
    return Turn()


def cloudflare(seen: Seen) -> Turn:
    """Answer as Workers AI."""
    body = seen.body
    ranked = _ranked(body["query"], [one["text"] for one in body["contexts"]], body.get("top_k"))
    response = [{"id": place, "score": number} for place, number in ranked]
    return _good({"result": {"response": response}, "success": True, "errors": [], "messages": []})


BY_NAME: dict[str, Answer] = {
    "azure": azure,
    "bedrock": bedrock,
    "bedrock-invoke": invoked,
    "cloudflare": cloudflare,
    "vertex": vertex,
    "watsonx": watsonx,
}
