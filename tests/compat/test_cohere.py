"""`compat.CohereClient`: the calls and answers of the Cohere SDK, held beside it where it is installed."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from localrank import InvalidRequestError, UnknownModelError
from localrank.compat import AsyncCohereClient, CohereClient
from localrank.compat.cohere import _REFUSED, _UNUSED
from localrank.testing import LexicalReranker

pytestmark = pytest.mark.anyio

TEXTS = ["a train to Rome", "a ferry to Capri"]


@pytest.mark.parametrize("version", ["", "v2"])
def test_calls_as_the_services_clients_make_them_are_answered_in_their_form(version: str) -> None:
    client: Any = CohereClient(LexicalReranker())
    answer = (client.v2 if version else client).rerank(
        model="rerank-v3.5",
        query="ferry",
        documents=TEXTS,
        top_n=1,
        priority=0,
        request_options={"timeout_in_seconds": 3},
    )

    assert [(one.index, one.relevance_score > 0, one.document) for one in answer.results] == [(1, True, None)]
    assert answer.meta["tokens"]["input_tokens"] > 0
    assert answer.id != client.rerank(query="q", documents=["a"]).id
    assert (len(answer), answer[0], list(answer)) == (1, answer.results[0], answer.results)


def test_documents_come_back_when_asked_for() -> None:
    documents = [{"text": "a train", "id": 1}, {"text": "a ferry", "id": 2}]

    first = (
        CohereClient(LexicalReranker())
        .rerank(query="ferry", documents=documents, return_documents=True)
        .results[0]
    )

    assert (first.document.text, first.document.id) == ("a ferry", 2)
    assert (
        CohereClient(LexicalReranker())
        .rerank(query="q", documents=["a"], return_documents=True)[0]
        .document.text
        == "a"
    )


def test_only_the_named_fields_are_read() -> None:
    documents = [{"title": "ferry", "body": "x"}, {"title": "x", "body": "ferry ferry"}]
    client = CohereClient(LexicalReranker())

    assert client.rerank(query="ferry", documents=documents, rank_fields=["title"])[0].index == 0
    assert client.rerank(query="ferry", documents=documents, rank_fields=["body"])[0].index == 1


async def test_the_async_client_is_awaited() -> None:
    answer = await AsyncCohereClient(LexicalReranker()).v2.rerank(query="ferry", documents=TEXTS)

    assert [one.index for one in answer.results] == [1, 0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"max_tokens_per_doc": 10}, "max_tokens_per_doc is given.*max_length"),
        ({"max_chunks_per_doc": 2}, "Chunked"),
        ({"relevant_spans": {"enabled": True}}, "only the service gives spans"),
    ],
)
def test_what_would_change_the_answer_is_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        CohereClient(LexicalReranker()).rerank(query="q", documents=["a"], **arguments)


def test_an_unknown_argument_is_one_here_too() -> None:
    with pytest.raises(TypeError, match="'top_k'"):
        CohereClient(LexicalReranker()).rerank(query="q", documents=["a"], top_k=1)


@pytest.mark.parametrize("client", ["Client", "ClientV2", "AsyncClient", "AsyncClientV2"])
def test_every_argument_of_the_sdk_is_known(client: str) -> None:
    theirs = getattr(pytest.importorskip("cohere"), client).rerank

    known = {
        "self",
        "query",
        "documents",
        "model",
        "top_n",
        "rank_fields",
        "return_documents",
        *_UNUSED,
        *_REFUSED,
    }
    assert {*inspect.signature(theirs).parameters} <= known


def test_one_name_is_no_list_of_fields() -> None:
    with pytest.raises(InvalidRequestError, match="rank_fields is 'text'"):
        CohereClient(LexicalReranker()).rerank(query="q", documents=[{"text": "q"}], rank_fields="text")


def test_a_returned_document_is_shown_whatever_its_keys() -> None:
    answer = CohereClient(LexicalReranker()).rerank(
        query="q", documents=[{"text": "q", 1: 2}], return_documents=True
    )
    assert repr(answer[0].document) == "<document with text, 1>"


@pytest.mark.parametrize("top_n", [0, -1, 1.5, True])
def test_a_wrong_top_n_is_called_by_its_name(top_n: Any) -> None:
    with pytest.raises(InvalidRequestError, match=rf"^top_n is {top_n}\. Pass an integer of at least 1"):
        CohereClient(LexicalReranker()).rerank(query="q", documents=["a"], top_n=top_n)


@pytest.mark.parametrize("name", ["api_key", "base_url", "client_name", "timeout", "httpx_client"])
def test_what_leads_to_the_service_is_refused_without_its_value(name: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"{name} is given, and nothing is sent") as caught:
        CohereClient(**{name: "no-real-key"})
    assert "no-real-key" not in str(caught.value)


def test_a_key_in_the_place_of_the_model_is_not_shown() -> None:
    key = "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5bC7d"
    with pytest.raises(UnknownModelError, match=r"no model, and may be a key.+Leave a key out") as caught:
        CohereClient(key)
    assert key not in f"{caught.value!r} {caught.value.__cause__!r}"
    with pytest.raises(UnknownModelError, match="'localrank-mni'"):
        CohereClient("localrank-mni")


def test_an_argument_of_another_library_brings_the_one_that_is_meant() -> None:
    with pytest.raises(TypeError, match=r"'top_k'\. Did you mean 'top_n'"):
        CohereClient(LexicalReranker()).rerank(query="q", documents=TEXTS, top_k=1)
