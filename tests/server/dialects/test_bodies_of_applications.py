"""What applications that take an address for a reranker send, byte for byte as their source writes it, and what they read back.

Open WebUI `retrieval/models/external.py`, Dify `OAICompatRerankModel`, RAGFlow `rag/llm/rerank_model.py`, the HTTP API of
Text Embeddings Inference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from localrank.server import Limits, create_app
from localrank.testing import LexicalReranker
from tests.support.serving import Client, serving

KEY = "correct-horse-battery"
QUERY = "tomato soup"
TEXTS = ["paris is a city", "tomato soup with basil", "a soup of beans"]


def scores_of_results(answer: Any) -> dict[int, float]:
    return {row["index"]: row["relevance_score"] for row in answer["results"]}


def scores_of_texts(answer: Any) -> dict[int, float]:
    return {row["index"]: row["score"] for row in answer}


@dataclass(frozen=True, slots=True)
class Application:
    """One request of one application.

    Attributes:
        name: Whose it is.
        path: Where its settings lead.
        body: Without the model's name, for a list of texts.
        read: What it reads of the answer.
        names_model: Whether the body holds a model.
    """

    name: str
    path: str
    body: Callable[[list[str]], dict[str, Any]]
    read: Callable[[Any], dict[int, float]] = scores_of_results
    names_model: bool = True


def _open_webui(texts: list[str]) -> dict[str, Any]:
    return {"query": QUERY, "documents": texts, "top_n": len(texts)}


def _dify(texts: list[str]) -> dict[str, Any]:
    return {"query": QUERY, "documents": texts, "top_n": None, "return_documents": True}


def _xinference(texts: list[str]) -> dict[str, Any]:
    return {"query": QUERY, "return_documents": "true", "return_len": "true", "documents": texts}


def _siliconflow(texts: list[str]) -> dict[str, Any]:
    chunks = {"max_chunks_per_doc": 1024, "overlap_tokens": 80}
    return {
        "query": QUERY,
        "documents": texts,
        "top_n": len(texts),
        "return_documents": False,
        **chunks,
    }


def _ragflow_tei(texts: list[str]) -> dict[str, Any]:
    return {"query": QUERY, "texts": texts, "raw_scores": False, "truncate": True}


def _tei(texts: list[str]) -> dict[str, Any]:
    return {"query": QUERY, "texts": texts}


APPLICATIONS = [
    Application("Open WebUI", "/v1/rerank", _open_webui),
    Application("Dify", "/v1/rerank", _dify),
    Application("RAGFlow as OpenAI-compatible", "/rerank", _open_webui),
    Application("RAGFlow as Xinference", "/v1/rerank", _xinference),
    Application("RAGFlow as SiliconFlow", "/v1/rerank", _siliconflow),
    Application("RAGFlow as TEI", "/rerank", _ragflow_tei, scores_of_texts, names_model=False),
    Application("TEI", "/rerank", _tei, scores_of_texts, names_model=False),
    Application("TEI by name", "/tei/rerank", _tei, scores_of_texts, names_model=False),
]
each = pytest.mark.parametrize("application", APPLICATIONS, ids=lambda one: one.name)


@pytest.fixture(scope="module")
def locked() -> Iterator[Client]:
    app = create_app({"words": LexicalReranker()}, api_keys=[KEY], limits=Limits(max_documents=3))
    with serving(app) as served:
        yield served


def ask(client: Client, application: Application, texts: list[str], model: str = "words") -> Any:
    named = {"model": model} if application.names_model else {}
    body = {**named, **application.body(texts)}
    return client.post(application.path, body, Authorization=f"Bearer {KEY}")


@each
def test_every_document_gets_a_score_of_0_to_1_and_the_right_one_the_most(
    locked: Client, application: Application
) -> None:
    scores = application.read(ask(locked, application, TEXTS).body)

    assert scores.keys() == {0, 1, 2}
    assert all(0 <= score <= 1 for score in scores.values())
    assert max(scores, key=scores.__getitem__) == 1


@each
def test_too_many_documents_are_a_422_whose_words_it_logs(locked: Client, application: Application) -> None:
    reply = ask(locked, application, [*TEXTS, "one more"])

    assert reply.status == 422
    assert "--max-documents" in str(reply.body.get("detail") or reply.body["error"])


@each
def test_without_the_key_it_is_told_to_send_one(locked: Client, application: Application) -> None:
    reply = locked.post(application.path, application.body(TEXTS), Authorization="Bearer another-key")

    assert reply.status == 401
    assert "Authorization: Bearer KEY" in reply.body["message"]


@pytest.mark.parametrize(
    "application", [one for one in APPLICATIONS if one.names_model], ids=lambda one: one.name
)
def test_a_name_that_is_not_served_is_a_404_with_the_near_one(
    locked: Client, application: Application
) -> None:
    reply = ask(locked, application, TEXTS, "word")

    assert reply.status == 404
    assert "Did you mean 'words'?" in reply.body["message"]


def test_dify_finds_the_document_in_each_result(locked: Client) -> None:
    rows = ask(locked, APPLICATIONS[1], TEXTS).body["results"]

    assert [row["document"]["text"] for row in rows] == [TEXTS[row["index"]] for row in rows]


def test_ragflow_adds_up_the_tokens_of_xinference(locked: Client) -> None:
    tokens = ask(locked, APPLICATIONS[3], TEXTS).body["meta"]["tokens"]

    assert tokens["input_tokens"] + tokens["output_tokens"] > 0


@pytest.mark.parametrize(("written", "meant"), [("true", True), ("False", False), (1, True), (0, False)])
def test_yes_and_no_may_be_written_as_texts_and_numbers(locked: Client, written: Any, meant: bool) -> None:
    body = {"query": QUERY, "documents": TEXTS, "return_documents": written, "top_n": "2"}
    rows = locked.post("/v1/rerank", body, Authorization=f"Bearer {KEY}").body["results"]

    assert [("document" in row) for row in rows] == [meant, meant]
