"""Our models in Haystack, and its rankers as ours, against the installed Haystack."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("haystack", reason="needs the extra `haystack`")

from haystack import Document, Pipeline
from haystack.components.rankers import MetaFieldRanker
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
from haystack.core.errors import DeserializationError, PipelineRuntimeError
from haystack.dataclasses import ByteStream
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.utils import Secret

from localrank import (
    Fallback,
    InvalidRequestError,
    InvalidResponseError,
    MissingAPIKeyError,
    Retrieved,
    ServerError,
    rerank_sync,
)
from localrank.integrations import LocalRankRanker, from_haystack
from localrank.testing import LexicalReranker, MockReranker, RerankerConformance
from localrank_transformers import OnnxReranker
from tests.support.notes import ANSWER, QUERY, TEXTS
from tests.support.rerank_server import RerankServer
from tests.support.small_models import Failing, Scoring
from tests.support.watched import LONG, Watched


def documents() -> list[Document]:
    return [
        Document(id=str(place), content=text, meta={"place": place}, score=place / 10)
        for place, text in enumerate(TEXTS)
    ]


def pipeline(ranker: LocalRankRanker, stored: list[Document] | None = None) -> Pipeline:
    store = InMemoryDocumentStore()
    store.write_documents(stored or documents())
    made = Pipeline()
    made.add_component("retriever", InMemoryBM25Retriever(store, top_k=store.count_documents()))
    made.add_component("ranker", ranker)
    made.connect("retriever.documents", "ranker.documents")
    return made


def asked(query: str, **of_the_ranker: Any) -> dict[str, Any]:
    return {"retriever": {"query": query}, "ranker": {"query": query, **of_the_ranker}}


def contents(output: dict[str, Any]) -> list[str]:
    return [document.content for document in output["documents"]]


def test_a_pipeline_with_the_embedded_model_returns_the_answer_first() -> None:
    output = pipeline(LocalRankRanker(OnnxReranker(), top_k=3)).run(asked(QUERY))["ranker"]

    assert [contents(output)[0], len(contents(output))] == [ANSWER, 3]


def test_the_async_pipeline_returns_the_same() -> None:
    made = pipeline(LocalRankRanker(OnnxReranker(), top_k=3))

    output = asyncio.run(made.run_async(asked(QUERY)))["ranker"]

    assert contents(made.run(asked(QUERY))["ranker"]) == contents(output)


def test_documents_carry_our_scores_and_keep_the_rest() -> None:
    output = LocalRankRanker(Scoring(len)).run("q", documents()[:2])

    outcome = {"kind": "ranked", "reasons": [], "served_by": "small:scoring"}
    assert [
        Document(
            id=str(place),
            content=TEXTS[place],
            meta={"place": place, "rerank_outcome": outcome},
            score=float(len(TEXTS[place])),
        )
        for place in (0, 1)
    ] == output["documents"]
    assert outcome == output["outcome"]


def test_a_pipeline_gets_the_outcome_of_a_fallback() -> None:
    model = Fallback(Failing(ServerError("down", status=503)), LexicalReranker())

    output = pipeline(LocalRankRanker(model)).run(asked(QUERY))["ranker"]

    assert output["outcome"] == {"kind": "degraded", "reasons": ["fallback"], "served_by": "lexical:default"}


def test_a_threshold_counts_before_top_k_and_leaves_out_what_was_not_scored() -> None:
    ranker = LocalRankRanker(MockReranker(delay=30), deadline=0.01, score_threshold=0.0)

    output = ranker.run(QUERY, documents())

    assert (output["documents"], output["outcome"]["kind"]) == ([], "degraded")


def test_the_documents_that_come_in_are_left_as_they_are() -> None:
    given = documents()

    LocalRankRanker(LexicalReranker()).run(QUERY, given)

    assert documents() == given


def test_top_k_of_a_run_beats_the_components_own() -> None:
    ranker = LocalRankRanker(LexicalReranker(), top_k=2)

    assert [len(contents(ranker.run(QUERY, documents(), top_k=top_k))) for top_k in (None, 3)] == [2, 3]


@pytest.mark.parametrize("top_k", [0, -1])
def test_top_k_below_one_is_refused_at_run_time_and_before(top_k: int) -> None:
    with pytest.raises(InvalidRequestError, match=f"top_k is {top_k}"):
        LocalRankRanker(LexicalReranker()).run(QUERY, documents(), top_k=top_k)
    with pytest.raises(InvalidRequestError, match=f"top_k is {top_k}"):
        LocalRankRanker(LexicalReranker(), top_k=top_k)
    with pytest.raises(PipelineRuntimeError, match=f"top_k is {top_k}"):
        pipeline(LocalRankRanker(LexicalReranker())).run(asked(QUERY, top_k=top_k))


def test_a_threshold_of_zero_at_run_time_is_not_lost() -> None:
    ranker = LocalRankRanker(MockReranker([[0.9, 0.0, -0.5]] * 3), score_threshold=0.5)

    assert [
        len(contents(ranker.run("q", documents()[:3], score_threshold=least))) for least in (None, 0.0, -1.0)
    ] == [1, 2, 3]


def test_a_document_that_stands_twice_is_ranked_once() -> None:
    model = Scoring(len)

    output = LocalRankRanker(model).run("q", [*documents(), *documents()])

    assert [len(TEXTS), len(TEXTS)] == [len(model.asked[0]), len(output["documents"])]


def test_meta_fields_stand_before_the_content() -> None:
    model = Scoring(len)
    ranker = LocalRankRanker(model, meta_fields_to_embed=["title", "absent"], embedding_separator=" | ")

    ranker.run("q", [Document(content="text", meta={"title": "T"}), Document(content=None)])

    assert model.asked == [("T | text", "")]


def test_the_model_gets_the_retrievers_scores() -> None:
    output = LocalRankRanker(Retrieved(), top_k=1).run(QUERY, documents())

    assert [TEXTS[-1]] == contents(output)


def test_what_a_deadline_left_unscored_is_marked() -> None:
    output = LocalRankRanker(MockReranker(delay=30), deadline=0.01, top_k=1).run(QUERY, documents())

    assert [(one.score, one.meta["scored"]) for one in output["documents"]] == [(None, False)]


def test_no_documents_give_none() -> None:
    assert LocalRankRanker(LexicalReranker()).run(QUERY, [])["documents"] == []


def test_warming_up_loads_once_and_again_after_closing() -> None:
    model = Scoring(len)
    ranker = LocalRankRanker(model)

    ranker.warm_up()
    ranker.warm_up()
    asyncio.run(ranker.warm_up_async())
    assert (model.warm, model.closed) == (1, 0)

    ranker.close()
    asyncio.run(ranker.warm_up_async())
    asyncio.run(ranker.close_async())
    assert (model.warm, model.closed) == (2, 2)


def test_a_serialised_pipeline_loads_again_and_ranks() -> None:
    written = pipeline(LocalRankRanker("onnx:localrank-mini", top_k=1, score_threshold=0.0)).dumps()

    read = Pipeline.loads(written, allowed_modules=["localrank.*"])

    assert contents(read.run(asked(QUERY))["ranker"]) == [ANSWER]
    assert written == read.dumps()


def test_every_setting_survives_serialising() -> None:
    settings: dict[str, Any] = {
        "model": "cohere:rerank-v3.5",
        "top_k": None,
        "score_threshold": 0.0,
        "meta_fields_to_embed": ["title"],
        "embedding_separator": " ",
        "instruction": "Recipes.",
        "timeout": 3.0,
        "deadline": 2.0,
        "max_retries": 0,
        "api_key": Secret.from_env_var("RANK_KEY"),
        "model_options": {"base_url": "http://127.0.0.1:1"},
        "provider_options": {"cohere": {"priority": 1}},
    }

    read = LocalRankRanker.from_dict(LocalRankRanker(**settings).to_dict())

    assert settings == {name: getattr(read, name) for name in settings}


def test_haystack_loads_it_only_where_it_is_allowed() -> None:
    written = pipeline(LocalRankRanker()).dumps()

    with pytest.raises(DeserializationError, match="localrank"):
        Pipeline.loads(written)


def test_a_key_given_as_a_value_is_never_written() -> None:
    ranker = LocalRankRanker("cohere:rerank-v3.5", api_key=Secret.from_token("secret-value"))

    with pytest.raises(ValueError, match="token") as raised:
        ranker.to_dict()
    assert "secret-value" not in str(raised.value)


def test_a_key_reaches_the_remote_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK_KEY", "the-key")
    with RerankServer("cohere") as server:
        ranker = LocalRankRanker(
            "cohere:rerank-v3.5",
            api_key=Secret.from_env_var("RANK_KEY"),
            model_options={"base_url": server.url},
        )

        output = ranker.run(QUERY, documents())

        assert len(TEXTS) == len(output["documents"])
        [request] = server.requests
        assert request.headers["authorization"] == "Bearer the-key"


def test_without_a_key_the_remote_model_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CO_API_KEY", "COHERE_API_KEY"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(MissingAPIKeyError):
        LocalRankRanker("cohere:rerank-v3.5", max_retries=0).run(QUERY, documents())


def test_model_options_reach_the_constructor() -> None:
    ranker = LocalRankRanker("onnx:localrank-mini", model_options={"activation": "none"})

    output = ranker.run("What do pandas eat?", documents())

    assert rerank_sync(OnnxReranker(activation="none"), "What do pandas eat?", TEXTS)[
        0
    ].score == pytest.approx(output["documents"][0].score)


def test_a_setting_the_provider_does_not_have_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="colour"):
        LocalRankRanker("onnx:localrank-mini", model_options={"colour": "red"}).run(QUERY, documents())


def test_settings_beside_a_made_model_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match="made already"):
        LocalRankRanker(LexicalReranker(), model_options={"k1": 1})


def test_a_made_model_cannot_be_serialised() -> None:
    with pytest.raises(InvalidRequestError, match="string"):
        LocalRankRanker(LexicalReranker()).to_dict()


def test_cancelling_the_pipelines_task_stops_the_computation() -> None:
    watched = Watched()
    many = [Document(content=f"{place} router {LONG}") for place in range(600)]

    async def cancel() -> int:
        whole = pipeline(LocalRankRanker(watched.model), many)
        return await watched.cancelled(whole.run_async(asked("router")))

    assert 0 < asyncio.run(cancel()) < len(many)


class ByPlace:
    """A Haystack-like ranker that sorts and writes no score; a component of Haystack needs no more to be run."""

    def run(self, query: str, documents: list[Document]) -> dict[str, list[Document]]:
        return {"documents": documents[::-1]}


def test_a_ranker_is_a_model_with_its_scores() -> None:
    model = from_haystack(LocalRankRanker(LexicalReranker(), top_k=None))

    result = rerank_sync(model, QUERY, TEXTS)

    assert [(hit.index, hit.score) for hit in rerank_sync(LexicalReranker(), QUERY, TEXTS)] == [
        (hit.index, hit.score) for hit in result
    ]


def test_haystacks_own_ranker_without_scores_gives_an_order() -> None:
    class Query(MetaFieldRanker):
        def run(self, query: str, documents: list[Document]) -> dict[str, list[Document]]:
            ranked = [
                Document(id=one.id, content=one.content, meta={"length": len(one.content)})
                for one in documents
            ]
            return super().run(documents=ranked)

    model = from_haystack(Query("length"), score_kind="ordinal")

    assert [hit.index for hit in rerank_sync(model, "q", ["a", "aaa", "aa"])] == [1, 2, 0]


def test_missing_scores_are_an_error_that_says_how_to_read_the_order() -> None:
    with pytest.raises(InvalidResponseError, match="ordinal"):
        rerank_sync(from_haystack(ByPlace()), "q", ["a", "b"])


def test_what_is_no_ranker_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="run"):
        from_haystack(object())


class TestRankerConformance(RerankerConformance):
    def make(self) -> Any:
        return from_haystack(LocalRankRanker(LexicalReranker(), top_k=None), batch_size=8)


class TestOrdinalRankerConformance(RerankerConformance):
    def make(self) -> Any:
        return from_haystack(ByPlace(), score_kind="ordinal")


def test_an_image_without_a_text_is_refused() -> None:
    picture = Document(blob=ByteStream(data=b"\x89PNG", mime_type="image/png"), meta={"caption": "a ferry"})
    with pytest.raises(InvalidRequestError, match="holds a blob and no content"):
        LocalRankRanker(LexicalReranker()).run("ferry", [picture])

    ranker = LocalRankRanker(LexicalReranker(), meta_fields_to_embed=["caption"])
    assert len(ranker.run("ferry", [picture])["documents"]) == 1
