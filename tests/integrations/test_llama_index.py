"""Our models in LlamaIndex, and its postprocessors as ours, against the installed LlamaIndex."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("llama_index.core", reason="needs the extra `llama-index`")

from llama_index.core import MockEmbedding, VectorStoreIndex
from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload, LlamaDebugHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.llms import MockLLM
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers.no_text import NoText
from llama_index.core.schema import ImageNode, MetadataMode, NodeWithScore, QueryBundle, TextNode

from localrank import InvalidRequestError, InvalidResponseError, Retrieved, rerank_sync
from localrank.integrations import LocalRankPostprocessor, from_llama_index
from localrank.testing import LexicalReranker, MockReranker, RerankerConformance
from localrank_transformers import OnnxReranker
from tests.support.notes import ANSWER, QUERY, TEXTS
from tests.support.small_models import Scoring
from tests.support.watched import LONG, Watched


def nodes(texts: tuple[str, ...] = TEXTS) -> list[NodeWithScore]:
    return [
        NodeWithScore(node=TextNode(id_=str(place), text=text, metadata={"place": place}), score=place / 10)
        for place, text in enumerate(texts)
    ]


def engine(postprocessor: BaseNodePostprocessor, texts: tuple[str, ...] = TEXTS) -> RetrieverQueryEngine:
    index = VectorStoreIndex([one.node for one in nodes(texts)], embed_model=MockEmbedding(embed_dim=4))
    return RetrieverQueryEngine(
        retriever=index.as_retriever(similarity_top_k=len(texts)),
        response_synthesizer=NoText(llm=MockLLM()),
        node_postprocessors=[postprocessor],
    )


class Recorder(BaseEventHandler):
    seen: list[Any]

    def handle(self, event: Any, **kwargs: Any) -> None:
        if isinstance(event, (ReRankStartEvent, ReRankEndEvent)):
            self.seen.append(event)


@pytest.fixture
def events() -> Any:
    recorder, root = Recorder(seen=[]), get_dispatcher()
    root.add_event_handler(recorder)
    yield recorder.seen
    root.event_handlers.remove(recorder)


def test_a_query_engine_with_the_embedded_model_returns_the_answer_first() -> None:
    answer = engine(LocalRankPostprocessor(model=OnnxReranker(), top_n=3)).query(QUERY)

    assert [answer.source_nodes[0].node.text, len(answer.source_nodes)] == [ANSWER, 3]


def test_the_async_query_engine_returns_the_same() -> None:
    postprocessor = LocalRankPostprocessor(model=OnnxReranker(), top_n=3)

    answer = asyncio.run(engine(postprocessor).aquery(QUERY))

    expected = [one.node_id for one in engine(postprocessor).query(QUERY).source_nodes]
    assert expected == [one.node_id for one in answer.source_nodes]


def test_nodes_carry_our_scores() -> None:
    model = MockReranker([[0.1, 0.3, 0.2]])

    kept = LocalRankPostprocessor(model=model, top_n=None).postprocess_nodes(nodes(TEXTS[:3]), query_str="q")

    assert [(one.node_id, one.score) for one in kept] == [("1", 0.3), ("2", 0.2), ("0", 0.1)]


def test_a_score_of_zero_is_a_score() -> None:
    model = MockReranker([[0.0, -1.0, 1.0]])

    kept = LocalRankPostprocessor(model=model).postprocess_nodes(nodes(TEXTS[:3]), query_str="q")

    assert [one.score for one in kept] == [1.0, 0.0, -1.0]


def test_the_text_is_what_was_embedded() -> None:
    model = Scoring(len)
    node = TextNode(
        text="text", metadata={"title": "T", "secret": "S"}, excluded_embed_metadata_keys=["secret"]
    )

    LocalRankPostprocessor(model=model).postprocess_nodes([NodeWithScore(node=node)], query_str="q")

    assert model.asked == [("title: T\n\ntext",)]


def test_the_nodes_that_come_in_are_left_as_they_are() -> None:
    given = nodes()

    LocalRankPostprocessor(model=LexicalReranker(), keep_retrieval_score=True).postprocess_nodes(
        given, query_str=QUERY
    )

    assert [(one.score, one.metadata) for one in nodes()] == [(one.score, one.metadata) for one in given]


def test_the_retrieval_score_is_kept_where_it_is_wanted() -> None:
    postprocessor = LocalRankPostprocessor(model=LexicalReranker(), keep_retrieval_score=True, top_n=None)

    kept = postprocessor.postprocess_nodes(nodes(), query_str=QUERY)

    expected = [(place, place / 10) for place in (one.metadata["place"] for one in kept)]
    assert expected == [(one.metadata["place"], one.metadata["retrieval_score"]) for one in kept]


def test_nodes_carry_what_became_of_the_call_and_show_it_to_no_model() -> None:
    kept = LocalRankPostprocessor(model=LexicalReranker()).postprocess_nodes(nodes(), query_str=QUERY)

    outcome = {"kind": "ranked", "reasons": [], "served_by": "lexical:default"}
    assert {str(outcome)} == {str(one.metadata["rerank_outcome"]) for one in kept}
    shown = [one.node.get_content(mode) for one in kept for mode in (MetadataMode.LLM, MetadataMode.EMBED)]
    assert not [text for text in shown if "rerank_outcome" in text]


def test_nodes_below_the_least_score_are_left_out_before_top_n() -> None:
    model = Scoring(len, score_kind="probability")
    given = nodes(("a", "bbb", "cc", "dddd"))

    kept = LocalRankPostprocessor(model=model, top_n=1).postprocess_nodes(given, query_str=QUERY)
    least = max(one.score for one in kept)
    postprocessor = LocalRankPostprocessor(model=model, top_n=3, min_score=least)

    assert len(postprocessor.postprocess_nodes(given, query_str=QUERY)) == 1


def test_the_model_gets_the_retrievers_scores() -> None:
    kept = LocalRankPostprocessor(model=Retrieved(), top_n=1).postprocess_nodes(nodes(), query_str=QUERY)

    assert str(len(TEXTS) - 1) == kept[0].node_id


def test_nodes_without_scores_are_ranked_too() -> None:
    given = [NodeWithScore(node=one.node) for one in nodes()]

    kept = LocalRankPostprocessor(model=OnnxReranker()).postprocess_nodes(given, query_str=QUERY)

    assert kept[0].node.text == ANSWER


def test_what_a_deadline_left_unscored_has_no_score() -> None:
    postprocessor = LocalRankPostprocessor(model=MockReranker(delay=30), deadline=0.01)

    kept = postprocessor.postprocess_nodes(nodes(), query_str=QUERY)

    assert [(one.node_id, one.score) for one in kept] == [("0", None), ("1", None), ("2", None)]


@pytest.mark.parametrize("given", [[], nodes()])
def test_without_a_query_there_is_an_error(given: list[NodeWithScore]) -> None:
    with pytest.raises(InvalidRequestError, match="query_bundle"):
        LocalRankPostprocessor(model=LexicalReranker()).postprocess_nodes(given)


def test_no_nodes_give_none() -> None:
    assert LocalRankPostprocessor(model=LexicalReranker()).postprocess_nodes([], query_str="q") == []


def test_its_events_name_query_model_and_nodes(events: list[Any]) -> None:
    given = nodes()

    kept = LocalRankPostprocessor(model=LexicalReranker(), top_n=2).postprocess_nodes(given, query_str=QUERY)

    start, end = events
    assert (QUERY, given, 2, "default") == (start.query, start.nodes, start.top_n, start.model_name)
    assert kept == end.nodes
    assert end.tags["rerank_outcome"]["served_by"] == "lexical:default"


def test_the_async_method_emits_them_too(events: list[Any]) -> None:
    postprocessor = LocalRankPostprocessor(model=LexicalReranker())

    asyncio.run(postprocessor.apostprocess_nodes(nodes(), query_str=QUERY))

    assert [ReRankStartEvent, ReRankEndEvent] == [type(event) for event in events]


def test_the_callback_manager_sees_the_reranking() -> None:
    handler = LlamaDebugHandler(print_trace_on_end=False)
    postprocessor = LocalRankPostprocessor(
        model=LexicalReranker(), callback_manager=CallbackManager([handler]), top_n=1
    )

    kept = postprocessor.postprocess_nodes(nodes(), query_bundle=QueryBundle(QUERY))

    [[start, end]] = handler.get_event_pairs(CBEventType.RERANKING)
    assert (
        start.payload[EventPayload.QUERY_STR],
        start.payload[EventPayload.MODEL_NAME],
        start.payload[EventPayload.TOP_K],
    ) == (QUERY, "default", 1)
    assert kept == end.payload[EventPayload.NODES]
    assert end.payload["rerank_outcome"]["kind"] == "ranked"


def test_it_is_serialised_by_its_name_and_settings() -> None:
    written = LocalRankPostprocessor(model="onnx:localrank-mini", top_n=2, instruction="Recipes.").to_dict()

    read = LocalRankPostprocessor.from_dict(written)

    assert (written["class_name"], read.top_n, read.instruction) == ("LocalRankPostprocessor", 2, "Recipes.")
    assert read.postprocess_nodes(nodes(), query_str=QUERY)[0].node.text == ANSWER


def test_cancelling_the_query_engines_task_stops_the_computation() -> None:
    watched = Watched()
    many = tuple(f"{place} {LONG}" for place in range(600))

    async def cancel() -> int:
        whole = engine(LocalRankPostprocessor(model=watched.model), many)
        return await watched.cancelled(whole.aquery(QUERY))

    assert 0 < asyncio.run(cancel()) < len(many)


class LongestFirst(BaseNodePostprocessor):
    """A postprocessor that scores by length, or only sorts."""

    scored: bool = True

    def _postprocess_nodes(self, nodes: list[NodeWithScore], query_bundle: Any = None) -> list[NodeWithScore]:
        ranked = sorted(nodes, key=lambda one: -len(one.node.text))
        return [
            NodeWithScore(node=one.node, score=float(len(one.node.text)) if self.scored else None)
            for one in ranked
        ]


def test_a_postprocessor_is_a_model_with_its_scores() -> None:
    result = rerank_sync(from_llama_index(LongestFirst()), "q", ["a", "aaa", "aa"])

    assert [(hit.index, hit.score) for hit in result] == [(1, 3.0), (2, 2.0), (0, 1.0)]


def test_a_postprocessor_without_scores_gives_an_order() -> None:
    result = rerank_sync(
        from_llama_index(LongestFirst(scored=False), score_kind="ordinal"), "q", ["a", "aaa", "aa"]
    )

    assert [(hit.index, hit.score) for hit in result] == [(1, 1.0), (2, 0.5), (0, 1 / 3)]
    assert result.score_kind == "ordinal"


def test_missing_scores_are_an_error_that_says_how_to_read_the_order() -> None:
    with pytest.raises(InvalidResponseError, match="ordinal"):
        rerank_sync(from_llama_index(LongestFirst(scored=False)), "q", ["a", "b"])


def test_what_is_no_postprocessor_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="postprocess_nodes"):
        from_llama_index(object())


class TestPostprocessorConformance(RerankerConformance):
    def make(self) -> Any:
        return from_llama_index(LocalRankPostprocessor(model=LexicalReranker(), top_n=None), batch_size=8)


class TestOrdinalPostprocessorConformance(RerankerConformance):
    def make(self) -> Any:
        return from_llama_index(LongestFirst(scored=False), score_kind="ordinal")


def pictured(**fields: Any) -> NodeWithScore:
    return NodeWithScore(node=ImageNode(id_="pictured", **fields), score=0.5)


def test_the_image_of_a_node_goes_to_a_model_that_reads_images() -> None:
    given: list[Any] = []

    class Seeing(LexicalReranker):
        accepts_objects = reads_images = needs_text = True

        async def do_rerank(self, options: Any) -> Any:
            given.extend(options.objects)
            return await super().do_rerank(options)

    inline = pictured(image="iVBORw0KGgo=", image_mimetype="image/webp")
    linked = pictured(image_url="https://a.example/1.png", text="a ferry")
    kept = LocalRankPostprocessor(model=Seeing(), top_n=None).postprocess_nodes(
        [inline, linked, *nodes()[:1]], query_str="ferry"
    )

    assert [one.get("image") for one in given] == [
        "data:image/webp;base64,iVBORw0KGgo=",
        "https://a.example/1.png",
        None,
    ]
    assert [("text" in one) for one in given] == [False, True, True]
    assert len(kept) == 3
    assert isinstance(kept[0].node, ImageNode)


@pytest.mark.parametrize("fields", [{"image_url": "https://a.example/1.png"}, {"image_path": "1.png"}])
def test_an_image_without_a_text_is_refused_by_a_model_of_texts(fields: dict[str, str]) -> None:
    with pytest.raises(InvalidRequestError, match=r"documents\[1\] holds an image and no text"):
        LocalRankPostprocessor(model=LexicalReranker()).postprocess_nodes(
            [*nodes()[:1], pictured(**fields)], query_str="ferry"
        )


def test_an_image_beside_a_text_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    LocalRankPostprocessor(model=LexicalReranker()).postprocess_nodes(
        [pictured(text="a ferry", image_url="https://a.example/1.png")], query_str="ferry"
    )

    assert "1 document holds an image" in caplog.text


@pytest.mark.parametrize(
    ("name", "said"),
    [("top_k", "Did you mean 'top_n'"), ("model_name", "Did you mean 'model'"), ("api_key", "a reranker")],
)
def test_a_field_of_another_librarys_class_brings_the_one_that_is_meant(name: str, said: str) -> None:
    with pytest.raises(TypeError, match=f"'{name}'.*{said}") as caught:
        LocalRankPostprocessor(**{name: "no-real-key"})
    assert "no-real-key" not in str(caught.value)
