"""The same requests by each cloud's own client and by ours, and what went over the wire for each.

`python -m tests.support.cloud_calls NAME …` records what the installed client sends for these cases into
`tests/cohere/recorded/clouds.json`; the clients of different clouds may need environments of their own.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.support.cloud_answers import BY_NAME
from tests.support.rerank_server import RerankServer

RECORDED = Path(__file__).resolve().parent.parent / "cohere" / "recorded" / "clouds.json"
QUERY = "What is retrieval?"
TEXTS = ["Retrieval finds documents.", "Pasta with cheese — très bon.", "検索とは何か"]
OBJECTS = [{"title": "Retrieval", "text": "finds documents"}, {"title": "Pasta", "text": "with cheese"}]
KEY, SECRET, TOKEN = "AKIDNOREALKEY", "no-real-secret-key", "no-real-session-token"
REGION = "us-west-2"


@dataclass(frozen=True, slots=True)
class Case:
    """One request in both worlds.

    Attributes:
        name: Of the case.
        cloud: Whose answers the stand-in gives.
        client: The distribution of the cloud's client.
        theirs: Makes the request with it, given the server's address; returns (index, score) pairs.
        documents: What ours is given.
        top_k: What ours is given.
        options: What ours is given as provider options.
        fields: What ours is made with.
    """

    name: str
    cloud: str
    client: str
    theirs: Callable[[str, Case], list[tuple[int, float]]]
    documents: list[Any] = field(default_factory=lambda: TEXTS)
    top_k: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    fields: tuple[str, ...] | None = None


def by_their_client(case: Case) -> dict[str, Any]:
    """Make the request with the cloud's client, and return what it sent and read."""
    with RerankServer(choose=BY_NAME[case.cloud]) as server:
        results = case.theirs(server.url, case)
    return sent(server, results)


def sent(server: RerankServer, results: list[tuple[int, float]]) -> dict[str, Any]:
    """Return the comparable part of the last request."""
    seen = server.requests[-1]
    path = seen.path.partition("?")[0]  # the version of an API and `$alt` are each client's own
    return {
        "path": path,
        "body": seen.body,
        "results": [[place, round(number, 6)] for place, number in results],
    }


def botocore_client(service: str, url: str) -> Any:
    """Return botocore's client of a service, for a stand-in."""
    return _session().create_client(service, region_name=REGION, endpoint_url=url)


@cache
def _session() -> Any:
    """Return one session for all clients: it keeps the services' models, which take a third of a second to read."""
    session = importlib.import_module("botocore.session").Session()
    session.set_credentials(KEY, SECRET, TOKEN)
    return session


def _bedrock(url: str, case: Case) -> list[tuple[int, float]]:
    def source(document: Any) -> Any:
        if isinstance(document, str):
            return {"type": "TEXT", "textDocument": {"text": document}}
        return {"type": "JSON", "jsonDocument": document}

    model: dict[str, Any] = {"modelArn": f"arn:aws:bedrock:{REGION}::foundation-model/amazon.rerank-v1:0"}
    if case.options:
        model["additionalModelRequestFields"] = case.options["additional_model_request_fields"]
    reranking: dict[str, Any] = {"modelConfiguration": model}
    if case.top_k is not None:
        reranking["numberOfResults"] = case.top_k
    answer = botocore_client("bedrock-agent-runtime", url).rerank(
        queries=[{"type": "TEXT", "textQuery": {"text": QUERY}}],
        sources=[{"type": "INLINE", "inlineDocumentSource": source(one)} for one in case.documents],
        rerankingConfiguration={
            "type": "BEDROCK_RERANKING_MODEL",
            "bedrockRerankingConfiguration": reranking,
        },
    )
    return [(one["index"], one["relevanceScore"]) for one in answer["results"]]


def _invoked(url: str, case: Case) -> list[tuple[int, float]]:
    body = {"query": QUERY, "documents": case.documents, "top_n": case.top_k, "api_version": 2}
    answer = botocore_client("bedrock-runtime", url).invoke_model(
        modelId="cohere.rerank-v3-5:0",
        body=json.dumps(body),
        contentType="application/json",
        accept="application/json",
    )
    return [(one["index"], one["relevance_score"]) for one in json.load(answer["body"])["results"]]


def _vertex(url: str, case: Case) -> list[tuple[int, float]]:
    module = importlib.import_module("google.cloud.discoveryengine_v1")
    rest = importlib.import_module("google.cloud.discoveryengine_v1.services.rank_service.transports.rest")
    credentials = importlib.import_module("google.auth.credentials").AnonymousCredentials()
    transport = rest.RankServiceRestTransport(
        host=url.removeprefix("http://"), url_scheme="http", credentials=credentials
    )
    records = [
        {
            "id": str(place),
            **({"content": one} if isinstance(one, str) else {"title": one["title"], "content": one["text"]}),
        }
        for place, one in enumerate(case.documents)
    ]
    answer = module.RankServiceClient(transport=transport).rank(
        module.RankRequest(
            ranking_config="projects/a-project/locations/global/rankingConfigs/default_ranking_config",
            model="semantic-ranker-default@latest",
            query=QUERY,
            records=records,
            top_n=case.top_k or 0,
            ignore_record_details_in_response=True,
            user_labels=case.options.get("user_labels", {}),
        )
    )
    return [(int(one.id), one.score) for one in answer.records]


def _watsonx(url: str, case: Case) -> list[tuple[int, float]]:
    httpx = importlib.import_module("httpx")
    module = importlib.import_module("ibm_watsonx_ai")

    def to_stand_in(request: Any) -> Any:
        if not request.url.path.endswith("/text/rerank"):
            return httpx.Response(200, json={"entity": {"storage": {"type": "bmcos_object_storage"}}})
        with httpx.Client() as client:
            own = httpx.URL(url).copy_with(path=request.url.path, query=request.url.query)
            headers = {"content-type": "application/json"}
            answer = client.post(own, content=request.content, headers=headers)
        return httpx.Response(200, json=answer.json())

    client = module.APIClient(
        module.Credentials(url="https://us-south.ml.cloud.ibm.com", token="no-real-token"),
        httpx_client=httpx.Client(transport=httpx.MockTransport(to_stand_in)),
    )
    parameters = {**case.options, **({} if case.top_k is None else {"return_options": {"top_n": case.top_k}})}
    ranker = importlib.import_module("ibm_watsonx_ai.foundation_models").Rerank(
        "cross-encoder/a-model", api_client=client, project_id="a-project", params=parameters
    )
    answer = ranker.generate(QUERY, list(case.documents))
    return [(one["index"], one["score"]) for one in answer["results"]]


_MORE = {"additional_model_request_fields": {"max_tokens_per_doc": 64}}

CASES = (
    Case("bedrock", "bedrock", "botocore", _bedrock),
    Case("bedrock top", "bedrock", "botocore", _bedrock, top_k=2, options=_MORE),
    Case("bedrock objects", "bedrock", "botocore", _bedrock, documents=OBJECTS, fields=("title", "text")),
    Case("bedrock invoke", "bedrock-invoke", "botocore", _invoked, top_k=2),
    Case("vertex", "vertex", "google-cloud-discoveryengine", _vertex),
    Case(
        "vertex top",
        "vertex",
        "google-cloud-discoveryengine",
        _vertex,
        documents=OBJECTS,
        top_k=1,
        options={"user_labels": {"team": "search"}},
        fields=("title", "text"),
    ),
    Case("watsonx", "watsonx", "ibm-watsonx-ai", _watsonx),
    Case(
        "watsonx top", "watsonx", "ibm-watsonx-ai", _watsonx, top_k=2, options={"truncate_input_tokens": 64}
    ),
)


def recorded() -> dict[str, dict[str, Any]]:
    """Return the recording: case → client and what it sent."""
    found: dict[str, dict[str, Any]] = json.loads(RECORDED.read_text("utf-8"))
    return found


def main() -> None:
    """Record the cases of the clients that are named."""
    recording = recorded() if RECORDED.exists() else {}
    for case in CASES:
        if case.client in sys.argv[1:]:
            one = by_their_client(case)
            recording[case.name] = {"client": f"{case.client} {version(case.client)}", **one}
    ordered = {case.name: recording[case.name] for case in CASES if case.name in recording}
    RECORDED.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
