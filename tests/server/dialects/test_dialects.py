"""Each dialect's request is understood at its own path, and answered in its own shape."""

from __future__ import annotations

from typing import Any

import pytest

from localrank.server.dialects.table import DIALECTS, recognize
from tests.support.serving import Client

QUERY = "tomato soup"
TEXTS = ["paris is a city", "tomato soup with basil", "a soup of beans"]
OBJECTS = [{"text": text} for text in TEXTS]


@pytest.mark.parametrize(
    "path", ["/v2/rerank", "/v1/rerank", "/rerank", "/cohere/v2/rerank", "/v1/v2/rerank"]
)
def test_cohere_and_jina_read_results_and_meta(client: Client, path: str) -> None:
    body = client.post(path, {"model": "words", "query": QUERY, "documents": TEXTS, "top_n": 2}).body

    assert [row["index"] for row in body["results"]] == [1, 2]
    assert body["results"][0]["relevance_score"] > body["results"][1]["relevance_score"]
    assert "document" not in body["results"][0]
    assert body["model"] == "words"
    assert body["meta"]["billed_units"] == {"search_units": 1}
    assert body["usage"]["total_tokens"] == body["meta"]["tokens"]["input_tokens"] > 0


def test_documents_come_back_as_objects_when_asked(client: Client) -> None:
    body = client.post("/v1/rerank", {"query": QUERY, "documents": TEXTS, "return_documents": True}).body

    assert body["results"][0]["document"] == {"text": TEXTS[1]}


def test_infinity_sends_documents_back_as_strings(client: Client) -> None:
    body = client.post(
        "/infinity/rerank", {"query": QUERY, "documents": TEXTS, "return_documents": True}
    ).body

    assert body["results"][0]["document"] == TEXTS[1]


def test_objects_are_read_by_the_fields_that_are_named(client: Client) -> None:
    documents = [{"title": "tomato soup", "text": "nothing"}, {"title": "nothing", "text": "tomato soup"}]

    by_title = client.post(
        "/v1/rerank", {"query": QUERY, "documents": documents, "rank_fields": ["title"]}
    ).body
    by_text = client.post("/v1/rerank", {"query": QUERY, "documents": documents}).body

    assert by_title["results"][0]["index"] == 0
    assert by_text["results"][0]["index"] == 1


def test_tei_gets_a_bare_list_of_every_text(client: Client) -> None:
    body = client.post("/rerank", {"query": QUERY, "texts": TEXTS, "return_text": True, "top_n": 1}).body

    assert [row["index"] for row in body] == [1, 2, 0]
    assert body[0].keys() == {"index", "score", "text"}
    assert body[0]["text"] == TEXTS[1]


def test_voyage_is_told_by_its_count(client: Client) -> None:
    asked = {"model": "words", "query": QUERY, "documents": TEXTS, "top_k": None, "truncation": True}
    body = client.post("/v1/rerank", asked).body

    assert [row["index"] for row in body["data"]] == [1, 2, 0]
    assert body["data"][0].keys() == {"index", "relevance_score"}
    assert body["usage"]["total_tokens"] > 0


def test_mixedbread_is_told_by_its_input(client: Client) -> None:
    body = client.post(
        "/v1/reranking", {"query": QUERY, "input": OBJECTS, "top_k": 1, "return_input": True}
    ).body

    assert body["data"] == [
        {"index": 1, "score": body["data"][0]["score"], "input": OBJECTS[1], "object": "rank_result"}
    ]
    assert body["top_k"] == 1
    assert body["return_input"] is True


def test_pinecone_is_told_by_its_header(client: Client) -> None:
    asked = {"model": "words", "query": QUERY, "documents": OBJECTS, "top_n": 1}
    body = client.post("/rerank", asked, X_Pinecone_Api_Version="2026-07").body

    assert body["data"] == [{"index": 1, "score": body["data"][0]["score"], "document": OBJECTS[1]}]
    assert body["usage"] == {"rerank_units": 1}


@pytest.mark.parametrize("left", ["text_1", "data_1", "queries"])
@pytest.mark.parametrize("right", ["text_2", "data_2", "documents", "items"])
def test_scores_of_pairs_keep_the_order_of_the_pairs(client: Client, left: str, right: str) -> None:
    body = client.post("/score", {left: [QUERY, "city", QUERY], right: [TEXTS[0], TEXTS[0], TEXTS[1]]}).body

    scores = [row["score"] for row in body["data"]]
    assert [row["index"] for row in body["data"]] == [0, 1, 2]
    assert scores[0] < scores[1]
    assert scores[0] < scores[2]


def test_one_text_is_scored_against_many(client: Client) -> None:
    body = client.post("/v1/score", {"text_1": QUERY, "text_2": TEXTS}).body

    assert max(body["data"], key=lambda row: row["score"])["index"] == 1


@pytest.mark.parametrize(
    ("path", "keys", "headers", "name"),
    [
        ("/rerank", {"query", "texts"}, {}, "tei"),
        ("/v1/rerank", {"query", "documents", "top_k"}, {}, "voyage"),
        ("/v1/rerank", {"query", "documents", "top_n"}, {}, "jina"),
        ("/v2/rerank", {"query", "documents"}, {}, "cohere"),
        ("/v1/reranking", {"query", "input"}, {}, "mixedbread"),
        ("/rerank", {"query", "documents"}, {"x-pinecone-api-version": "2026-07"}, "pinecone"),
        *[(f"/{name}/v1/rerank", {"texts", "top_k", "input"}, {}, name) for name in DIALECTS],
    ],
)
def test_a_request_is_told_by_path_and_keys(
    path: str, keys: set[str], headers: dict[str, str], name: str
) -> None:
    assert recognize(path, headers, keys).name == name


@pytest.mark.parametrize(
    ("path", "unset"),
    [
        (
            "/v2/rerank",
            ["top_n", "max_tokens_per_doc", "return_documents", "rank_fields", "relevant_spans", "model"],
        ),
        ("/tei/rerank", ["raw_scores", "return_text", "truncate", "truncation_direction"]),
        ("/voyage/v1/rerank", ["top_k", "truncation", "return_documents", "model"]),
        ("/mixedbread/v1/reranking", ["top_k", "return_input", "rank_fields", "rewrite_query"]),
        ("/pinecone/rerank", ["top_n", "return_documents", "rank_fields", "parameters"]),
    ],
)
def test_null_is_as_good_as_absent_and_unknown_fields_are_skipped(
    client: Client, path: str, unset: list[str]
) -> None:
    body = {"query": QUERY, "documents": TEXTS, "texts": TEXTS, "input": TEXTS, "never_heard_of": {"a": [1]}}

    assert client.post(path, {**body, **dict.fromkeys(unset)}).status == 200


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v2/rerank", {"query": QUERY}, 400),
        ("/v1/rerank", {"query": QUERY, "documents": "one"}, 422),
        ("/rerank", {"query": QUERY, "texts": ["a", 3]}, 422),
        ("/voyage/v1/rerank", {"query": 3, "documents": TEXTS}, 400),
        ("/v1/rerank", {"query": QUERY, "documents": TEXTS, "top_n": -1}, 422),
        ("/v1/rerank", {"query": QUERY, "documents": [{"image": "data:…"}]}, 422),
        ("/score", {"text_1": [QUERY, QUERY], "text_2": TEXTS}, 400),
        ("/rerank", [QUERY], 400),
        ("/rerank", b"{", 400),
        ("/rerank", b"\xff\xfe", 400),
    ],
)
def test_a_body_that_does_not_fit_is_refused_with_the_place(
    client: Client, path: str, body: Any, status: int
) -> None:
    reply = client.post(path, body)

    message = reply.body.get("message") or reply.body["error"]
    assert reply.status == status
    assert isinstance(message, str)
    assert QUERY not in message


def test_every_refusal_carries_what_each_client_reads(client: Client) -> None:
    jina = client.post("/v1/rerank", {"query": QUERY, "documents": TEXTS, "model": "word"}).body
    tei = client.post("/rerank", {"query": QUERY, "texts": TEXTS, "model": "word"}).body

    assert jina["message"] == jina["detail"] == jina["error"]["message"]
    assert "Did you mean 'words'?" in jina["message"]
    assert tei["error"] == tei["message"]
    assert tei["error_type"] == "Backend"


def test_a_field_without_meaning_is_named_in_the_warnings(client: Client) -> None:
    body = client.post("/v1/rerank", {"query": QUERY, "documents": TEXTS, "max_chunks_per_doc": 3}).body

    assert any("max_chunks_per_doc" in warning for warning in body["meta"]["warnings"])


def test_raw_scores_of_a_model_without_logits_are_refused(client: Client) -> None:
    assert client.post("/rerank", {"query": QUERY, "texts": TEXTS, "raw_scores": True}).status == 422
