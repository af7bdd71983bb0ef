"""The reranker as a user meets it: arguments, splitting, blanks, deadline, cost, fields."""

from __future__ import annotations

from typing import Any

import pytest

from localrank import DoRerankOptions, InvalidRequestError, rerank, rerank_many
from localrank.providers.calls import checked
from localrank_cohere import (
    CohereReranker,
    JinaReranker,
    MixedbreadReranker,
    PineconeReranker,
    TEIReranker,
    VLLMReranker,
    VoyageReranker,
)
from tests.support.rerank_server import RerankServer, Turn

pytestmark = pytest.mark.anyio
FOREVER = 30.0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"model": ""}, "model is ''"),
        ({"model": None}, "model is None"),
        ({"timeout": 0}, "timeout is 0"),
        ({"timeout": True}, "timeout is True"),
        ({"max_documents_per_call": 0}, "max_documents_per_call is 0"),
        ({"max_documents_per_call": 1.5}, "max_documents_per_call is 1.5"),
        ({"dialect": "coheer"}, "'coheer'"),
        ({"fields": "title"}, "fields is 'title'"),
        ({"fields": []}, r"fields is \[\]"),
        ({"headers": {"bad name": "x"}}, "headers"),
        ({"client_name": "two\nlines"}, "'x-client-name'"),
        ({"client_name": "a", "headers": {"X-Client-Name": "b"}}, "client_name is given, and headers"),
        ({"client_name": "a", "headers": {3: "b"}}, "headers"),
    ],
)
def test_a_bad_argument_is_named(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRequestError, match=named):
        CohereReranker(**{"model": "m", **arguments})


@pytest.mark.parametrize(
    ("reranker", "provider", "url"),
    [
        (JinaReranker("m"), "jina", "https://api.jina.ai/v1/rerank"),
        (VoyageReranker("m"), "voyage", "https://api.voyageai.com/v1/rerank"),
        (MixedbreadReranker("m"), "mixedbread", "https://api.mixedbread.com/v1/reranking"),
        (PineconeReranker("m"), "pinecone", "https://api.pinecone.io/rerank"),
        (VLLMReranker("m"), "vllm", "http://127.0.0.1:8000/v1/rerank"),
        (TEIReranker("http://127.0.0.1:8080"), "tei", "http://127.0.0.1:8080/rerank"),
    ],
)
def test_each_constructor_chooses_its_dialect(reranker: CohereReranker, provider: str, url: str) -> None:
    assert reranker.provider == provider
    assert url in repr(reranker)


async def test_a_tei_server_of_thirty_two_is_asked_in_parts() -> None:
    documents = [f"document {number}" for number in range(70)]
    with RerankServer("tei") as server:
        async with TEIReranker(server.url) as reranker:
            result = await rerank(reranker, "document 66", documents)

    assert result[0].index == 66
    assert sorted(len(seen.body["texts"]) for seen in server.requests) == [23, 23, 24]
    assert sorted(hit.index for hit in result) == list(range(70))


async def test_a_failing_part_fails_the_call_with_its_own_error(server: RerankServer) -> None:
    server.script(Turn(), Turn(status=400))
    async with CohereReranker("m", base_url=server.url, max_documents_per_call=1) as reranker:
        with pytest.raises(Exception, match="the scripted answer 400"):
            await rerank(reranker, "q", ["a", "b", "c"], max_retries=0)


@pytest.mark.parametrize(
    "model",
    [
        "jina-reranker-v3",
        "jina-reranker-v3.5",
        "jinaai/jina-reranker-v3-GGUF",
        "mxbai-rerank-v3-listwise",
        "ByteDance/ListConRanker",
    ],
)
async def test_a_listwise_model_is_not_split(server: RerankServer, model: str) -> None:
    async with JinaReranker(model, base_url=server.url, max_documents_per_call=2) as reranker:
        with pytest.raises(
            InvalidRequestError, match="3 documents are more than the 2 that one request takes"
        ):
            await rerank(reranker, "q", ["a", "b", "c"])

    assert not reranker.scores_comparable
    assert server.requests == []


@pytest.mark.parametrize(
    "model", ["jina-reranker-v2-base-multilingual", "jina-reranker-m0", "rerank-v4.0-pro"]
)
def test_a_model_of_pairs_may_be_split(model: str) -> None:
    assert CohereReranker(model).scores_comparable


async def test_blank_documents_stay_at_home_and_stand_last(
    server: RerankServer, reranker: CohereReranker
) -> None:
    result = await rerank(reranker, "rag", ["", "pasta", " \n", "rag"], top_k=3)

    assert [hit.index for hit in result] == [3, 1, 0]
    assert result[2].metadata == {"scored": False}
    assert server.requests[0].body["documents"] == ["pasta", "rag"]
    assert server.requests[0].body["top_n"] == 2
    assert [(one.type, one.message[:11]) for one in result.warnings] == [("blank_documents", "2 documents")]


async def test_nothing_but_blanks_is_not_sent(server: RerankServer, reranker: CohereReranker) -> None:
    result = await rerank(reranker, "rag", ["", " "])

    assert [hit.index for hit in result] == [0, 1]
    assert (server.requests, result.usage.api_calls) == ([], 0)


async def test_a_deadline_keeps_the_parts_that_came_in_time(server: RerankServer) -> None:
    documents = [f"document {number}" for number in range(6)]
    server.script(Turn(), Turn(before_headers=FOREVER), Turn())
    options = DoRerankOptions("document", tuple(documents), deadline=1.5)
    async with CohereReranker("m", base_url=server.url, max_documents_per_call=2) as reranker:
        # Asked past the core, whose grace after a deadline is too short for a busy machine.
        answer = checked(await reranker.do_rerank(options), model=reranker, options=options)
    unscored = [item.index for item in answer.results if item.tier]

    assert len(answer.results) == 6
    assert len(unscored) == 2
    assert [item.index for item in answer.results][-2:] == unscored
    assert [one.type for one in answer.warnings] == ["deadline_exceeded"]
    assert "after 4 of 6" in answer.warnings[0].message


async def test_a_deadline_on_a_silent_server_gives_the_callers_order(
    server: RerankServer, reranker: CohereReranker
) -> None:
    server.script(Turn(before_headers=FOREVER))
    result = await rerank(reranker, "b", ["a", "b"], deadline=1.0)  # ample for the request to arrive

    assert [hit.index for hit in result] == [0, 1]
    assert server.wait_until(lambda: len(server.disconnects) == 1)


async def test_after_the_deadline_nothing_more_is_sent(server: RerankServer) -> None:
    server.script(*[Turn(before_headers=FOREVER)] * 4)
    async with CohereReranker("m", base_url=server.url, max_documents_per_call=1) as reranker:
        answer = await reranker.do_rerank(DoRerankOptions("q", ("a", "b", "c", "d", "e", "f"), deadline=1.5))

    assert len(server.requests) == 4
    assert answer.usage is not None
    assert answer.usage.api_calls == 4


async def test_the_cost_of_a_known_model_is_estimated(reranker: CohereReranker) -> None:
    usage = (await rerank(reranker, "q", [f"d{number}" for number in range(250)])).usage

    assert usage.search_units == 3.0
    assert usage.estimated_cost == pytest.approx(3 * 2.00 / 1_000)


async def test_the_cost_of_an_unknown_model_is_unknown(server: RerankServer) -> None:
    async with CohereReranker("my-own", base_url=server.url) as reranker:
        assert (await rerank(reranker, "q", ["d"])).usage.estimated_cost is None


async def test_tokens_are_priced_where_tokens_are_billed() -> None:
    with RerankServer("voyage") as server:
        async with VoyageReranker("rerank-2.5", base_url=server.url) as reranker:
            usage = (await rerank(reranker, "one two", ["three four"])).usage

    assert usage.estimated_cost == pytest.approx(4 * 0.05 / 1_000_000)


async def test_only_the_text_of_an_object_is_sent(server: RerankServer, reranker: CohereReranker) -> None:
    await rerank(reranker, "q", [{"text": "the text", "secret": "kept"}])

    assert server.requests[0].body["documents"] == ["the text"]


BOOK = {"title": "Rome", "text": "A city: old.", "year": 1999, "tags": ["a", "b"]}


@pytest.mark.parametrize(
    ("dialect", "field", "expected"),
    [
        ("cohere", "documents", "year: 1999\ntitle: Rome\n"),
        ("voyage", "documents", "year: 1999\ntitle: Rome\n"),
        ("jina", "documents", "year: 1999\ntitle: Rome\n"),
        ("tei", "texts", "year: 1999\ntitle: Rome\n"),
        ("cohere-v1", "documents", {"year": "1999", "title": "Rome"}),
        ("mixedbread", "input", {"year": "1999", "title": "Rome"}),
        ("pinecone", "documents", {"year": "1999", "title": "Rome"}),
    ],
)
async def test_chosen_fields_are_sent_as_the_dialect_wants_them(
    dialect: str, field: str, expected: Any
) -> None:
    with RerankServer(dialect) as server:
        url, fields = server.url, ["year", "title"]
        async with CohereReranker("m", dialect=dialect, base_url=url, fields=fields) as reranker:
            result = await rerank(reranker, "Rome", [BOOK])
    body = server.requests[0].body

    assert body[field] == [expected]
    assert body.get("rank_fields") == (["year", "title"] if isinstance(expected, dict) else None)
    assert result[0].document is BOOK


async def test_all_fields_keep_their_order(server: RerankServer) -> None:
    async with CohereReranker("m", base_url=server.url, fields="all") as reranker:
        await rerank(reranker, "Rome", [BOOK])

    assert server.requests[0].body["documents"] == [
        'title: Rome\ntext: "A city: old."\nyear: 1999\ntags: ["a", "b"]\n'
    ]


@pytest.mark.parametrize("document", [{"title": "Rome", "by": "Livy"}, {"year": 1999}])
async def test_fields_are_sent_of_documents_that_have_no_text(server: RerankServer, document: Any) -> None:
    async with CohereReranker("m", base_url=server.url, fields="all") as reranker:
        result = await rerank(reranker, "Rome", [document])

    assert len(server.requests[0].body["documents"]) == 1
    assert result[0].document is document


class Page:
    text = "an object"


@pytest.mark.parametrize(
    ("document", "said"), [({"text": "x"}, "none of the fields 'title'"), (Page(), "type Page")]
)
async def test_a_document_without_the_fields_is_refused(
    server: RerankServer, document: Any, said: str
) -> None:
    async with CohereReranker("m", base_url=server.url, fields=["title"]) as reranker:
        with pytest.raises(InvalidRequestError, match=said):
            await rerank(reranker, "q", [document])

    assert server.requests == []


async def test_spans_come_back_on_each_result(server: RerankServer) -> None:
    options = {"cohere": {"relevant_spans": {"threshold": 0.2, "max_spans": 1}}}
    async with CohereReranker("rerank-v5.0-pro", base_url=server.url) as reranker:
        result = await rerank(reranker, "q", ["some text"], provider_options=options)

    assert result[0].metadata["spans"] == [{"start": 0, "end": 9, "score": 0.5}]
    assert server.requests[0].body["relevant_spans"] == {"mode": "enabled", "threshold": 0.2, "max_spans": 1}


async def test_spans_of_a_model_that_has_none_are_refused_here(
    server: RerankServer, reranker: CohereReranker
) -> None:
    with pytest.raises(InvalidRequestError, match=r"rerank-v3\.5 gives no spans"):
        await rerank(reranker, "q", ["a"], provider_options={"cohere": {"relevant_spans": True}})

    assert server.requests == []


async def test_progress_counts_the_parts(server: RerankServer) -> None:
    from localrank.contract.model import DoRerankOptions

    told: list[tuple[int, int]] = []
    async with CohereReranker("m", base_url=server.url, max_documents_per_call=2) as reranker:
        await reranker.do_rerank(
            DoRerankOptions("q", ("a", "b", "c", "d"), report_progress=lambda *how: told.append(how))
        )

    assert told == [(2, 4), (4, 4)]


async def test_many_calls_share_connections(server: RerankServer, reranker: CohereReranker) -> None:
    pairs = [(f"q {number}", ["a", "b"]) for number in range(40)]
    results = await rerank_many(reranker, pairs, max_parallel=8)

    assert len(results) == 40
    assert server.connections <= 8
