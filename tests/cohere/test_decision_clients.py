"""Our requests to decision models are those of the vendors' own clients, and both read the same from the answer.

What the clients send is recorded, so that the comparison always runs; where a client is installed (the extra `interop`), the
recording is compared with what it sends now.
"""

from __future__ import annotations

import importlib.util

import pytest

from localrank import rerank
from localrank_cohere import DecisionReranker
from tests.support.decision_calls import CASES, KEY, QUERY, TEXTS, Case, Sent, by_their_client, recorded, sent
from tests.support.rerank_server import RerankServer

RECORDED = recorded()
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def theirs(case: Case) -> Sent:
    kept = RECORDED[case.name]
    return Sent(kept["path"], kept["body"], kept["key_header"], kept["scores"])


@each_case
@pytest.mark.anyio
async def test_we_ask_and_read_what_the_vendors_client_does(case: Case) -> None:
    with RerankServer(case.spoken) as server:
        base_url = f"{server.url}/api/v1" if case.service == "openrouter" else server.url
        async with DecisionReranker(
            "a-model", service=case.service, form=case.form, base_url=base_url, api_key=KEY
        ) as reranker:
            result = await rerank(
                reranker,
                QUERY,
                TEXTS,
                instruction=case.instruction,
                provider_options={reranker.provider: dict(case.options)},
            )
    scores = [hit.score for hit in sorted(result, key=lambda hit: hit.index)]

    assert sent(server.requests[0], scores) == theirs(case)
    assert result.warnings == ()


@each_case
@pytest.mark.filterwarnings("ignore")  # the clients' own
def test_the_recording_is_what_the_client_sends(case: Case) -> None:
    if importlib.util.find_spec(case.client[0]) is None:
        pytest.skip(f"{case.client[1]} is not installed; pip install -e '.[dev,interop]'")

    assert by_their_client(case) == theirs(case)
