"""Our requests are those of the clouds' own clients, field by field, and both read the same ranking from the answer.

What the clients send is recorded, so that the comparison always runs; botocore is installed and also asked anew.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from localrank import rerank
from localrank.contract.model import RerankerModel
from localrank_cohere import BedrockReranker, VertexReranker, WatsonxReranker
from tests.support.cloud_answers import BY_NAME
from tests.support.cloud_calls import CASES, QUERY, Case, by_their_client, recorded, sent
from tests.support.rerank_server import RerankServer

RECORDED = recorded()
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def ours(case: Case, url: str) -> Any:
    fields = case.fields
    if case.cloud == "vertex":
        return VertexReranker(project="a-project", token="t0ken-t0ken", base_url=url, fields=fields)
    if case.cloud == "watsonx":
        return WatsonxReranker(
            "cross-encoder/a-model", project_id="a-project", token="t0ken-t0ken", base_url=url
        )
    is_invoked = case.cloud == "bedrock-invoke"
    model = "cohere.rerank-v3-5:0" if is_invoked else "amazon.rerank-v1:0"
    return BedrockReranker(
        model,
        api="invoke" if is_invoked else "rerank",
        region="us-west-2",
        signer=lambda *_: {},
        base_url=url,
        fields=fields,
    )


@each_case
@pytest.mark.anyio
async def test_we_send_and_read_what_the_clouds_client_does(case: Case) -> None:
    with RerankServer(choose=BY_NAME[case.cloud]) as server:
        async with ours(case, server.url) as reranker:
            assert isinstance(reranker, RerankerModel)
            options = {reranker.provider: dict(case.options)}
            result = await rerank(reranker, QUERY, case.documents, case.top_k, provider_options=options)

    kept = RECORDED[case.name]
    assert sent(server, [(hit.index, hit.score) for hit in result]) == {
        name: kept[name] for name in ("path", "body", "results")
    }
    assert result.warnings == ()


@each_case
@pytest.mark.filterwarnings("ignore")  # the clients' own
def test_the_recording_is_what_the_client_sends(case: Case) -> None:
    module = {
        "google-cloud-discoveryengine": "google.cloud.discoveryengine_v1",
        "ibm-watsonx-ai": "ibm_watsonx_ai",
    }
    try:
        found = importlib.util.find_spec(module.get(case.client, case.client))
    except ModuleNotFoundError:
        found = None
    if found is None:
        pytest.skip(f"{case.client} is not installed; it needs an environment of its own")

    assert {"client": RECORDED[case.name]["client"], **by_their_client(case)} == RECORDED[case.name]
