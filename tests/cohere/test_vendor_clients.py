"""Our requests are those of the vendors' own clients, field by field, and both read the same ranking from the answer.

What the clients send is recorded, so that the comparison always runs; where a client is installed (the extra `interop`), the
recording is compared with what it sends now.
"""

from __future__ import annotations

import importlib.util

import pytest

from localrank import rerank
from localrank_cohere import CohereReranker
from tests.support.rerank_server import RerankServer
from tests.support.service_calls import KEY, QUERY, Case
from tests.support.vendor_calls import CASES, Sent, by_their_client, recorded, sent

RECORDED = recorded()
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def theirs(case: Case) -> Sent:
    kept = RECORDED[case.name]
    return Sent(kept["path"], kept["body"], kept["key_header"], kept["results"])


@each_case
@pytest.mark.anyio
async def test_we_send_and_read_what_the_vendors_client_does(case: Case) -> None:
    with RerankServer(case.dialect) as server:
        async with CohereReranker(
            case.model, dialect=case.dialect, base_url=server.url, api_key=KEY, fields=case.fields
        ) as reranker:
            options = {reranker.provider: dict(case.options)}
            result = await rerank(
                reranker,
                QUERY,
                case.documents,
                case.top_k,
                instruction=case.instruction,
                provider_options=options,
            )

    assert sent(server.requests[0], [(hit.index, hit.score) for hit in result]) == theirs(case)
    assert result.warnings == ()


@each_case
@pytest.mark.filterwarnings("ignore")  # the clients' own
def test_the_recording_is_what_the_client_sends(case: Case) -> None:
    if importlib.util.find_spec(case.client) is None:
        pytest.skip(f"{case.client} is not installed; pip install -e '.[dev,interop]'")

    assert by_their_client(case) == theirs(case)
