"""What a server may answer is survived, or refused with one clear error."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localrank import InvalidResponseError, rerank
from localrank_cohere import CohereReranker, TEIReranker
from localrank_cohere.dialects.table import DIALECTS, Dialect, dialect_named
from localrank_cohere.wire.answers import read
from localrank_cohere.wire.failures import failure
from tests.support.nested_dialect import NESTED
from tests.support.rerank_server import RerankServer, Turn

pytestmark = pytest.mark.anyio
DOCUMENTS = ["one", "two", "three"]


def rows(*pairs: tuple[Any, Any]) -> Any:
    return lambda good: {**good, "results": [{"index": i, "relevance_score": s} for i, s in pairs]}


async def ranked(server: RerankServer, reranker: CohereReranker, turn: Turn, **options: Any) -> Any:
    server.script(turn)
    return await rerank(reranker, "two", DOCUMENTS, max_retries=0, **options)


async def test_an_unsorted_answer_is_sorted(server: RerankServer, reranker: CohereReranker) -> None:
    result = await ranked(server, reranker, Turn(body=rows((2, 0.1), (0, 0.9), (1, 0.5))))

    assert [hit.index for hit in result] == [0, 1, 2]


async def test_an_ignored_top_n_is_cut_here(server: RerankServer, reranker: CohereReranker) -> None:
    result = await ranked(server, reranker, Turn(body=rows((2, 0.1), (0, 0.9), (1, 0.5))), top_k=1)

    assert [hit.index for hit in result] == [0]


@pytest.mark.parametrize("gone", ["id", "meta"])
async def test_a_missing_optional_part_is_survived(
    server: RerankServer, reranker: CohereReranker, gone: str
) -> None:
    result = await ranked(
        server, reranker, Turn(body=lambda good: {k: v for k, v in good.items() if k != gone})
    )

    assert len(result) == 3
    assert (result.response.id is None) == (gone == "id")
    assert (result.usage.search_units is None) == (gone == "meta")


@pytest.mark.parametrize(
    "meta",
    [
        None,
        "text",
        {"billed_units": None, "tokens": 3},
        {"billed_units": {"search_units": "many"}, "tokens": {"input_tokens": -1}},
        {"warnings": [None, 3]},
        {"warnings": 5},
        {"warnings": True},
        {"billed_units": {"search_units": float("inf")}, "tokens": {"input_tokens": 10**400}},
    ],
)
async def test_odd_counts_are_unknown_counts(
    server: RerankServer, reranker: CohereReranker, meta: Any
) -> None:
    usage = (await ranked(server, reranker, Turn(body=lambda good: {**good, "meta": meta}))).usage

    assert (usage.input_tokens, usage.search_units, usage.api_calls) == (None, None, 1)


async def test_a_warning_that_is_no_list_is_one_warning(
    server: RerankServer, reranker: CohereReranker
) -> None:
    result = await ranked(
        server, reranker, Turn(body=lambda good: {**good, "meta": {"warnings": "too long"}})
    )

    assert [warning.message for warning in result.warnings] == ["too long"]


def test_an_error_is_believed_where_nothing_is_ranked() -> None:
    jina, down = dialect_named("jina"), {"error": "the model is down"}
    with pytest.raises(InvalidResponseError, match="It says: 'the model is down'"):
        read(jina, json.dumps({"results": [], **down}), count=1, source="a server")

    assert read(jina, json.dumps({"results": [], **down}), count=0, source="a server").rest == down
    ranked = {"results": [{"index": 0, "relevance_score": 1}], **down}
    assert len(read(jina, json.dumps(ranked), count=1, source="a server").results) == 1


@pytest.mark.parametrize("name", [7, "", None, ["a"]])
def test_a_name_that_is_no_text_is_no_name(name: Any) -> None:
    answer = {"results": [], "id": name, "request_id": name, "model": name}
    reading = read(dialect_named("jina"), json.dumps(answer), count=0, source="a server")

    assert (reading.id, reading.model_id) == (None, None)


async def test_the_rest_of_the_answer_is_provider_metadata(
    server: RerankServer, reranker: CohereReranker
) -> None:
    result = await ranked(server, reranker, Turn(body=lambda good: {**good, "meta": {"x": 1}, "new": "y"}))

    assert result.provider_metadata == {"cohere": {"meta": {"x": 1}, "new": "y"}}


async def test_the_response_has_id_model_and_headers(server: RerankServer, reranker: CohereReranker) -> None:
    turn = Turn(headers={"x-queue-time": "3"}, body=lambda good: {**good, "model": "rerank-v3.5-actual"})
    response = (await ranked(server, reranker, turn)).response

    assert response.id == "07734bd2-2473-4f07-94e1-0d9f0e6843cf"
    assert response.model_id == "rerank-v3.5-actual"
    assert (response.headers or {})["x-queue-time"] == "3"


@pytest.mark.parametrize(("counted", "expected"), [("17", 17), ("many", None), ("-1", None), ("", None)])
async def test_tei_counts_tokens_in_a_header(counted: str, expected: int | None) -> None:
    with RerankServer("tei") as server:
        server.script(Turn(headers={"x-compute-tokens": counted}))
        async with TEIReranker(server.url) as reranker:
            result = await rerank(reranker, "q", ["a"])

    assert result.usage.input_tokens == expected
    assert (result.response.headers or {})["x-compute-tokens"] == counted


async def test_a_cookie_of_the_answer_is_not_passed_on(
    server: RerankServer, reranker: CohereReranker
) -> None:
    result = await ranked(server, reranker, Turn(headers={"set-cookie": "session=mine"}))

    assert (result.response.headers or {})["set-cookie"] == "***"


async def test_the_servers_own_warnings_are_passed_on(server: RerankServer, reranker: CohereReranker) -> None:
    meta = {"warnings": ["too long"], "api_version": {"is_deprecated": True}}
    result = await ranked(server, reranker, Turn(body=lambda good: {**good, "meta": meta}))

    assert [warning.type for warning in result.warnings] == ["provider", "deprecated"]


async def test_left_out_documents_yield_a_warning(server: RerankServer, reranker: CohereReranker) -> None:
    result = await ranked(server, reranker, Turn(body=rows((1, 0.5))))

    assert [hit.index for hit in result] == [1]
    assert [warning.type for warning in result.warnings] == ["incomplete_ranking"]


@pytest.mark.parametrize(
    ("turn", "message"),
    [
        (Turn(body=rows((0, 0.5), (0, 0.4))), "holds index 0 twice"),
        (Turn(body=rows((3, 0.5))), "holds the index 3 for 3 documents"),
        (Turn(body=rows((-1, 0.5))), "holds the index -1 for 3 documents"),
        (Turn(body=rows((True, 0.5))), "holds the index True"),
        (Turn(body=rows((None, 0.5))), "holds the index None"),
        (Turn(body=rows((1.0, 0.5))), "holds the index 1.0"),
        (Turn(body=rows((0, "0.5"))), "relevance_score '0.5' at index 0, which is no finite number"),
        (Turn(body=rows((0, None))), "relevance_score NoneType at index 0"),
        (Turn(body=rows((0, float("nan")))), "relevance_score nan"),
        (Turn(body=rows((0, float("inf")))), "relevance_score inf"),
        (
            Turn(body=b'{"results": [{"index": 0, "relevance_score": 1' + b"0" * 400 + b"}]}"),
            "score int at index 0",
        ),
        (Turn(body=lambda good: {**good, "results": [7]}), "holds the index None"),
        (Turn(body=lambda good: {**good, "results": {}}), "list under 'results'"),
        (Turn(body=lambda good: {}), "list under 'results'"),
        (Turn(body=lambda good: []), "list under 'results'"),
        (Turn(body=b"<html><body>Sign in</body></html>"), "is no JSON: 'Sign in'"),
        (Turn(body=b'{"results": [{"index": 0, "rel'), "is no JSON"),
        (Turn(body=b""), "is empty"),
        (Turn(body=b"\xff\xfe"), "is empty"),
        (Turn(body=b"[" * 100_000), "is no JSON"),
    ],
)
async def test_a_wrong_answer_is_refused(
    server: RerankServer, reranker: CohereReranker, turn: Turn, message: str
) -> None:
    with pytest.raises(InvalidResponseError) as caught:
        await ranked(server, reranker, turn)

    assert message in str(caught.value)
    assert len(str(caught.value)) < 300
    assert len(server.requests) == 1


def test_a_long_wrong_answer_is_not_quoted_whole() -> None:
    with pytest.raises(InvalidResponseError) as caught:
        read(dialect_named("tei"), "x" * 10_000, count=1, source="tei")

    assert len(str(caught.value)) < 300


def test_every_field_of_an_answer_may_stand_in_objects() -> None:
    rows = [{"place": 1, "scores": {"relevance": 0.5}}, {"place": 0, "scores": {"relevance": 0.25}}]
    text = json.dumps({"output": {"rows": rows, "took": 3}, "model": "m"})
    reading = read(NESTED, text, count=2, source="a server")

    assert [(item.index, item.score) for item in reading.results] == [(1, 0.5), (0, 0.25)]
    assert reading.rest == {"output": {"took": 3}}


BY_POSITION = replace(NESTED, rows="scores", index=None)


def test_bare_scores_belong_to_the_documents_in_order() -> None:
    reading = read(BY_POSITION, '{"scores": [0.5, -2, 7]}', count=3, source="a server")

    assert [(item.index, item.score) for item in reading.results] == [(0, 0.5), (1, -2.0), (2, 7.0)]


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ("[0.5, 0.25]", "holds 2 scores for 3 documents"),
        ("[1, 2, 3, 4]", "holds 4 scores for 3 documents"),
        ("[1, null, 3]", "holds the score NoneType at index 1"),
        ('[1, 2, {"score": 3}]', "holds the score dict at index 2"),
        ("[1, 2, NaN]", "holds the score nan at index 2"),
    ],
)
def test_bare_scores_that_cannot_be_told_apart_are_refused(scores: str, message: str) -> None:
    with pytest.raises(InvalidResponseError, match=message):
        read(BY_POSITION, f'{{"scores": {scores}}}', count=3, source="a server")


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"usage": {"prompt_tokens": 5, "total_tokens": 7}}, (5, None, None)),
        ({"usage": {"total_tokens": 7}}, (7, None, None)),
        ({"usage": {"input_tokens": 7}}, (7, None, None)),
        ({"usage": {"search_units": 2, "cost": 0.004, "total_tokens": 9}}, (9, 2.0, 0.004)),
        ({"usage": {"rerank_units": 3}}, (None, 3.0, None)),
        ({"meta": {"billed_units": {"search_units": 1}, "tokens": {"input_tokens": 4}}}, (4, 1.0, None)),
        ({"total_tokens": 11}, (11, None, None)),
        ({"tokens": {"input_tokens": 14, "output_tokens": 0}}, (14, None, None)),
        ({"input_tokens": 12, "inference_status": {"cost": 0.5, "tokens_input": 13}}, (13, None, 0.5)),
        ({"inference_status": {"cost": 0}}, (None, None, 0.0)),
        ({"usage": {"cost": "much", "search_units": -1}, "total_tokens": True}, (None, None, None)),
    ],
)
def test_counts_are_read_wherever_a_service_puts_them(
    counts: dict[str, Any], expected: tuple[int | None, float | None, float | None]
) -> None:
    usage = read(dialect_named("jina"), json.dumps({"results": [], **counts}), count=0, source="a").usage

    assert (usage.input_tokens, usage.search_units, usage.estimated_cost) == expected


async def test_the_services_own_counts_stay_as_it_wrote_them(
    server: RerankServer, reranker: CohereReranker
) -> None:
    usage = {"cost": 0.002, "search_units": 1, "cached": {"tokens": 3}}
    result = await ranked(server, reranker, Turn(body=lambda good: {**good, "usage": usage}))

    assert (result.provider_metadata or {})["cohere"]["usage"] == usage


async def test_what_a_service_says_it_charges_beats_the_list_price(
    server: RerankServer, reranker: CohereReranker
) -> None:
    billed = {"meta": {"billed_units": {"search_units": 1}}}
    listed = await ranked(server, reranker, Turn(body=lambda good: {**good, **billed}))
    stated = await ranked(
        server, reranker, Turn(body=lambda good: {**good, **billed, "usage": {"cost": 0.0015}})
    )

    assert (listed.usage.estimated_cost, stated.usage.estimated_cost) == (0.002, 0.0015)


async def test_the_cost_of_a_split_call_is_that_of_all_its_requests(server: RerankServer) -> None:
    server.script(*(Turn(body=lambda good: {**good, "usage": {"cost": 0.25}}) for _ in range(3)))
    async with CohereReranker("m", base_url=server.url, max_documents_per_call=1) as reranker:
        result = await rerank(reranker, "two", DOCUMENTS)

    assert (result.usage.api_calls, result.usage.estimated_cost) == (3, 0.75)


async def test_half_a_bill_is_no_bill(server: RerankServer) -> None:
    server.script(Turn(body=lambda good: {**good, "usage": {"cost": 0.25}}))
    async with CohereReranker("m", base_url=server.url, max_documents_per_call=2) as reranker:
        result = await rerank(reranker, "two", DOCUMENTS)

    assert (result.usage.api_calls, result.usage.estimated_cost) == (2, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["results", "data", "index", "relevance_score", "score", "meta", "usage", "id", "error"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from(DIALECTS))
def test_any_json_is_read_or_refused(body: Any, dialect: Dialect) -> None:
    try:
        reading = read(dialect, json.dumps(body), count=3, source="a server")
    except InvalidResponseError:
        return
    assert all(0 <= item.index < 3 for item in reading.results)


@given(JSON, st.integers(300, 599))
def test_any_json_explains_a_failure(body: Any, status: int) -> None:
    error = failure("a server", "http://h/rerank", status, {}, json.dumps(body))

    assert error.status == status
    assert f"a server answered {status}" in str(error)
