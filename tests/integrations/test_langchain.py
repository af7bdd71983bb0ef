"""Our models in LangChain, and LangChain's as ours, against the installed LangChain."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

pytest.importorskip("langchain_core", reason="needs the extra `langchain`")
pytest.importorskip("langchain_classic", reason="needs the extra `langchain`")

from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_classic.retrievers.document_compressors import CrossEncoderReranker, DocumentCompressorPipeline
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.vectorstores import InMemoryVectorStore

from localrank import InvalidRequestError, InvalidResponseError, RerankAbortedError, rerank, rerank_sync
from localrank.integrations import LocalRankCompressor, LocalRankCrossEncoder, from_langchain
from localrank.testing import LexicalReranker, MockReranker, RerankerConformance
from localrank_transformers import OnnxReranker
from tests.support.notes import ANSWER, QUERY, TEXTS
from tests.support.small_models import Scoring
from tests.support.watched import LONG, Watched


def documents() -> list[Document]:
    return [
        Document(page_content=text, metadata={"place": place, "tags": ["a"]}, id=str(place))
        for place, text in enumerate(TEXTS)
    ]


def retriever(
    compressor: BaseDocumentCompressor, stored: list[Document] | None = None
) -> ContextualCompressionRetriever:
    store = InMemoryVectorStore(DeterministicFakeEmbedding(size=8))
    added = store.add_documents(stored or documents())
    return ContextualCompressionRetriever(
        base_compressor=compressor, base_retriever=store.as_retriever(search_kwargs={"k": len(added)})
    )


class Recorder(BaseCallbackHandler):
    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []
        self.outcomes: list[dict[str, Any]] = []

    def on_chain_start(self, serialized: Any, inputs: Any, **kwargs: Any) -> None:
        self.seen.append(("start", (kwargs["name"], inputs["query"], len(inputs["documents"]))))

    def on_chain_end(self, outputs: Any, **kwargs: Any) -> None:
        self.seen.append(("end", [document.id for document in outputs["documents"]]))
        if "rerank_outcome" in outputs:
            self.outcomes.append(outputs["rerank_outcome"])

    def on_chain_error(self, error: BaseException, **kwargs: Any) -> None:
        self.seen.append(("error", type(error).__name__))


class AsyncRecorder(AsyncCallbackHandler):
    def __init__(self) -> None:
        self.seen: list[str] = []

    async def on_chain_start(self, serialized: Any, inputs: Any, **kwargs: Any) -> None:
        self.seen.append("start")

    async def on_chain_end(self, outputs: Any, **kwargs: Any) -> None:
        self.seen.append("end")

    async def on_chain_error(self, error: BaseException, **kwargs: Any) -> None:
        self.seen.append(type(error).__name__)


def test_a_retriever_with_the_embedded_model_returns_the_answer_first() -> None:
    found = retriever(LocalRankCompressor(model=OnnxReranker(), top_n=3)).invoke(QUERY)

    assert [found[0].page_content, len(found)] == [ANSWER, 3]


def test_the_async_retriever_returns_the_same() -> None:
    compressor = LocalRankCompressor(model=OnnxReranker(), top_n=3)

    found = asyncio.run(retriever(compressor).ainvoke(QUERY))

    assert [document.id for document in retriever(compressor).invoke(QUERY)] == [one.id for one in found]


def test_metadata_are_kept_and_gain_score_and_rank() -> None:
    ranked = rerank_sync(OnnxReranker(), QUERY, TEXTS, 2)

    kept = LocalRankCompressor(top_n=2).compress_documents(documents(), QUERY)

    outcome = {"kind": "ranked", "reasons": [], "served_by": "onnx:localrank-mini"}
    assert [
        {
            "place": hit.index,
            "tags": ["a"],
            "relevance_score": hit.score,
            "rank": hit.rank,
            "rerank_outcome": outcome,
        }
        for hit in ranked
    ] == [document.metadata for document in kept]
    assert [str(hit.index) for hit in ranked] == [document.id for document in kept]


def test_the_documents_that_come_in_are_left_as_they_are() -> None:
    given = documents()

    for document in LocalRankCompressor(model=LexicalReranker()).compress_documents(given, QUERY):
        document.metadata["tags"].append("b")

    assert documents() == given


@pytest.mark.parametrize(
    "value", [threading.Lock(), (number for number in range(3))], ids=["lock", "generator"]
)
def test_metadata_that_cannot_be_copied_are_named(value: object) -> None:
    given = [Document(page_content="pasta", metadata={"held": value})]

    with pytest.raises(InvalidRequestError, match=r"metadata of documents\[0\] cannot be copied: TypeError"):
        LocalRankCompressor(model=LexicalReranker()).compress_documents(given, QUERY)

    assert given[0].metadata == {"held": value}


def test_without_top_n_all_documents_are_kept() -> None:
    kept = LocalRankCompressor(model="lexical:default", top_n=None).compress_documents(documents(), QUERY)

    assert len(TEXTS) == len(kept)


def test_top_n_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="top_n"):
        LocalRankCompressor(top_n=0)


def test_texts_that_are_no_documents_are_refused_with_what_to_pass() -> None:
    texts: Any = ["a ferry", "a train"]
    with pytest.raises(InvalidRequestError, match=r"of type str\. Pass Document\(page_content=…\)"):
        LocalRankCompressor(model=LexicalReranker()).compress_documents(texts, QUERY)


def test_settings_reach_the_model() -> None:
    model = MockReranker()

    LocalRankCompressor(
        model=model, instruction="Recipes.", deadline=5, provider_options={"other": {"a": 1}}
    ).compress_documents(documents(), QUERY)

    [call] = model.calls
    assert (call.instruction, call.provider_options, call.top_k) == ("Recipes.", {"other": {"a": 1}}, 3)
    assert call.deadline is not None


def test_what_a_deadline_left_unscored_is_marked() -> None:
    model = MockReranker(delay=30)

    kept = LocalRankCompressor(model=model, deadline=0.01).compress_documents(documents(), QUERY)

    assert [document.metadata["scored"] for document in kept] == [False] * 3
    assert {document.metadata["rerank_outcome"]["kind"] for document in kept} == {"degraded"}


def test_documents_below_the_least_score_are_left_out_before_top_n() -> None:
    model = Scoring(len, score_kind="probability")
    lengths = sorted(map(len, TEXTS), reverse=True)

    kept = LocalRankCompressor(model=model, top_n=3, min_score=lengths[1]).compress_documents(
        documents(), QUERY
    )

    assert [document.metadata["relevance_score"] for document in kept] == lengths[:2]


def test_no_documents_give_none() -> None:
    assert LocalRankCompressor(model=LexicalReranker()).compress_documents([], QUERY) == []


def test_callbacks_see_the_run_with_its_documents() -> None:
    recorder = Recorder()

    kept = LocalRankCompressor(model=LexicalReranker(), top_n=1).compress_documents(
        documents(), QUERY, callbacks=[recorder]
    )

    assert [
        ("start", ("LocalRankCompressor", QUERY, len(TEXTS))),
        ("end", [kept[0].id]),
    ] == recorder.seen
    assert recorder.outcomes == [{"kind": "ranked", "reasons": [], "served_by": "lexical:default"}]


def test_callbacks_see_the_error() -> None:
    recorder, model = Recorder(), MockReranker([ValueError("broken")])

    with pytest.raises(ValueError, match="broken"):
        LocalRankCompressor(model=model).compress_documents(documents(), QUERY, callbacks=[recorder])

    assert recorder.seen[-1] == ("error", "ValueError")


def test_the_retrievers_callbacks_see_the_run_inside_the_retrievers_own() -> None:
    parents: list[Any] = []

    class Parents(BaseCallbackHandler):
        def on_retriever_start(self, serialized: Any, query: str, *, run_id: Any, **kwargs: Any) -> None:
            parents.append(run_id)

        def on_chain_start(self, serialized: Any, inputs: Any, *, parent_run_id: Any, **kwargs: Any) -> None:
            parents.append(parent_run_id)

    compressor = LocalRankCompressor(model=LexicalReranker())
    retriever(compressor).invoke(QUERY, config={"callbacks": [Parents()]})

    assert parents[0] == parents[-1]


def test_async_callbacks_see_start_and_end() -> None:
    recorder = AsyncRecorder()
    compressor = LocalRankCompressor(model=LexicalReranker())

    asyncio.run(compressor.acompress_documents(documents(), QUERY, callbacks=[recorder]))

    assert recorder.seen == ["start", "end"]


def test_cancelling_the_retrievers_task_stops_the_computation_and_callbacks_see_it() -> None:
    watched, recorder = Watched(), AsyncRecorder()
    many = [Document(page_content=f"{place} {LONG}") for place in range(600)]

    async def cancel() -> int:
        whole = retriever(LocalRankCompressor(model=watched.model), many)
        return await watched.cancelled(whole.ainvoke(QUERY, config={"callbacks": [recorder]}))

    assert 0 < asyncio.run(cancel()) < len(many)
    assert recorder.seen == ["start", "CancelledError"]


def test_the_event_loop_stays_free_while_documents_are_ranked() -> None:
    watched, ticks = Watched(), []

    async def tick() -> None:
        while True:
            ticks.append(watched.done)
            await asyncio.sleep(0.001)

    async def both() -> None:
        ticking = asyncio.create_task(tick())
        many = [Document(page_content=f"{place} {LONG}") for place in range(30)]
        await LocalRankCompressor(model=watched.model).acompress_documents(many, QUERY)
        ticking.cancel()

    asyncio.run(both())
    assert len({done for done in ticks if done}) > 3


def test_it_works_in_a_pipeline_of_compressors() -> None:
    pipeline = DocumentCompressorPipeline(
        transformers=[
            LocalRankCompressor(model=LexicalReranker(), top_n=5),
            LocalRankCompressor(model=OnnxReranker(), top_n=1),
        ]
    )

    assert [one.page_content for one in pipeline.compress_documents(documents(), QUERY)] == [ANSWER]


def test_the_cross_encoder_gives_langchains_own_reranker_our_scores() -> None:
    ours = LocalRankCrossEncoder(OnnxReranker())

    kept = CrossEncoderReranker(model=ours, top_n=1).compress_documents(documents(), QUERY)

    assert [document.page_content for document in kept] == [ANSWER]


def test_scores_of_pairs_are_those_of_rerank_in_the_order_of_the_pairs() -> None:
    model = OnnxReranker()
    pairs = [("What do pandas eat?", TEXTS[5]), (QUERY, ANSWER), ("What do pandas eat?", ANSWER)]

    scores = LocalRankCrossEncoder(model).score(pairs)

    assert [rerank_sync(model, query, [text])[0].score for query, text in pairs] == pytest.approx(scores)


class Half(BaseDocumentCompressor):
    """A compressor that keeps the longer half and writes no score."""

    def compress_documents(self, documents: Any, query: str, callbacks: Any = None) -> Any:
        return sorted(documents, key=lambda one: -len(one.page_content))[: len(documents) // 2]


class ForgetsMetadata(BaseDocumentCompressor):
    def compress_documents(self, documents: Any, query: str, callbacks: Any = None) -> Any:
        return [Document(page_content=one.page_content) for one in documents]


def test_a_compressor_is_a_model_with_the_compressors_scores() -> None:
    model = from_langchain(LocalRankCompressor(model=LexicalReranker(), top_n=None), score_kind="probability")

    result = rerank_sync(model, QUERY, TEXTS)

    assert [(hit.index, hit.score) for hit in rerank_sync(LexicalReranker(), QUERY, TEXTS)] == [
        (hit.index, hit.score) for hit in result
    ]
    assert (
        model.provider,
        model.model_id,
        result.score_kind,
    ) == ("langchain", "LocalRankCompressor", "probability")


def test_a_compressor_without_scores_gives_an_order_and_what_it_left_out_follows_marked() -> None:
    model = from_langchain(Half(), score_kind="ordinal")

    result = rerank_sync(model, QUERY, ["a", "aaaa", "aa", "aaa"])

    assert [hit.index for hit in result] == [1, 3, 0, 2]
    assert [hit.score for hit in result] == [1.0, 0.5, 0.0, 0.0]
    assert [hit.metadata.get("scored") for hit in result] == [None, None, False, False]
    assert [warning.type for warning in result.warnings] == ["incomplete_ranking"]
    assert (model.scores_comparable, result.score_kind) == (False, "ordinal")


def test_missing_scores_are_an_error_that_says_how_to_read_the_order() -> None:
    with pytest.raises(InvalidResponseError, match="ordinal"):
        rerank_sync(from_langchain(Half()), QUERY, TEXTS)


def test_a_compressor_that_drops_metadata_is_an_error() -> None:
    with pytest.raises(InvalidResponseError, match="localrank_index"):
        rerank_sync(from_langchain(ForgetsMetadata(), score_kind="ordinal"), QUERY, TEXTS)


def test_what_is_neither_compressor_nor_cross_encoder_is_refused() -> None:
    with pytest.raises(ValueError, match="compress_documents"):
        from_langchain(object())


@pytest.mark.anyio
async def test_a_langchain_cross_encoder_gains_abort() -> None:
    class AfterOneCall:
        def is_set(self) -> bool:
            return bool(model.calls)

    model = Scoring(len)
    foreign = from_langchain(LocalRankCrossEncoder(model), batch_size=1)

    with pytest.raises(RerankAbortedError):
        await rerank(foreign, QUERY, TEXTS, abort_event=AfterOneCall())

    assert len(model.calls) < len(TEXTS)


class TestCompressorConformance(RerankerConformance):
    def make(self) -> Any:
        return from_langchain(LocalRankCompressor(model=LexicalReranker(), top_n=None))


class TestOrdinalCompressorConformance(RerankerConformance):
    def make(self) -> Any:
        compressor = CrossEncoderReranker(model=LocalRankCrossEncoder(LexicalReranker()), top_n=10**6)
        return from_langchain(compressor, score_kind="ordinal")


class TestCrossEncoderConformance(RerankerConformance):
    def make(self) -> Any:
        return from_langchain(LocalRankCrossEncoder(LexicalReranker()), batch_size=4)


@pytest.mark.parametrize(
    ("name", "said"),
    [("top_k", "Did you mean 'top_n'"), ("model_name", "Did you mean 'model'"), ("api_key", "a reranker")],
)
def test_a_field_of_another_librarys_class_brings_the_one_that_is_meant(name: str, said: str) -> None:
    with pytest.raises(TypeError, match=f"'{name}'.*{said}") as caught:
        LocalRankCompressor(**{name: "no-real-key"})
    assert "no-real-key" not in str(caught.value)
