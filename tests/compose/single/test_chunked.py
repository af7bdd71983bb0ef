"""Long documents: what is sent, how it is pooled, and what says why."""

from __future__ import annotations

import pytest

from localrank import (
    Chunked,
    DoRerankOptions,
    DoRerankResult,
    Fused,
    Identity,
    InvalidRequestError,
    RerankAbortedError,
    Retrieved,
    ScoredIndex,
    rerank,
)
from localrank.compose.rules.chunking import pooled, word_spans
from localrank.providers.unscored import unscored
from localrank_transformers import OnnxReranker
from tests.support.small_models import Flag, Scoring

pytestmark = pytest.mark.anyio

LONG = "The mill is old. It burns. The river is wide. Boats sail. Nothing else is said."
DOCUMENTS = [LONG, "short"]


def of_rivers(text: str) -> float:
    return text.count("river") + len(text) / 1000


async def test_a_long_document_is_sent_in_chunks_and_a_short_one_whole():
    inner = Scoring()
    await rerank(Chunked(inner, chunk_tokens=6, overlap=0), "q", DOCUMENTS)
    assert inner.asked == [
        ("The mill is old. It burns.", "The river is wide. Boats sail.", "Nothing else is said.", "short")
    ]


async def test_the_best_chunk_and_its_characters_come_back():
    result = await rerank(Chunked(Scoring(of_rivers), chunk_tokens=6, overlap=0), "q", DOCUMENTS)
    best = result[0].metadata
    assert best["chunk"] == "The river is wide. Boats sail."
    assert best["chunk"] == LONG[slice(*best["chunk_span"])]
    assert (best["chunks"], result[1].metadata["chunks"]) == (3, 1)
    assert result[1].metadata["chunk_span"] == (0, 5)


@pytest.mark.parametrize(("pool", "expected"), [("max", 4.0), ("first", 1.0), ("mean", 2.5), ("top3", 3.0)])
async def test_pools(pool, expected):
    assert pooled([1.0, 3.0, 4.0, 2.0], pool) == expected


async def test_first_sends_only_the_first_chunk_and_says_so():
    inner = Scoring()
    result = await rerank(Chunked(inner, chunk_tokens=6, overlap=0, pool="first"), "q", DOCUMENTS)
    assert inner.asked == [("The mill is old. It burns.", "short")]
    assert [hit.truncated for hit in sorted(result, key=lambda hit: hit.index)] == [True, False]


async def test_mean_is_over_all_chunks():
    result = await rerank(Chunked(Scoring(), chunk_tokens=6, overlap=0, pool="mean"), "q", [LONG])
    assert result[0].score == pytest.approx((26 + 30 + 21) / 3)


async def test_the_models_own_tokens_are_counted():
    class Letters(Scoring):
        def token_spans(self, text):
            return [(position, position + 1) for position in range(len(text))]

    inner = Letters()
    await rerank(Chunked(inner, chunk_tokens=4, overlap=0), "q", ["abcdefghij"])
    assert inner.asked == [("abcd", "efgh", "ij")]


async def test_top_k_counts_documents_and_not_chunks():
    inner = Scoring()
    result = await rerank(Chunked(inner, chunk_tokens=6), "q", DOCUMENTS, top_k=1)
    assert inner.calls[0].top_k is None
    assert len(result) == 1


async def test_first_stage_scores_go_with_every_chunk():
    inner = Scoring()
    await rerank(Chunked(inner, chunk_tokens=6, overlap=0), "q", DOCUMENTS, first_stage_scores=[0.5, 0.7])
    assert inner.calls[0].first_stage_scores == (0.5, 0.5, 0.5, 0.7)


async def test_it_chunks_for_a_fusion_with_the_retriever():
    model = Chunked(Fused([Scoring(), Retrieved()]), chunk_tokens=6)
    result = await rerank(model, "q", DOCUMENTS, first_stage_scores=[0.5, 0.7])
    assert sorted(hit.index for hit in result) == [0, 1]


async def test_a_document_with_no_scored_chunk_is_unscored():
    class Half(Scoring):
        async def do_rerank(self, options):
            last = len(options.documents) - 1
            return DoRerankResult([ScoredIndex(last, 0.5), *unscored(range(last))])

    result = await rerank(Chunked(Half(), chunk_tokens=6), "q", DOCUMENTS)
    assert [hit.index for hit in result] == [1, 0]
    assert [hit.metadata.get("scored", True) for hit in result] == [True, False]


async def test_what_the_model_says_of_the_best_chunk_is_kept_beside_it():
    result = await rerank(Chunked(Scoring(metadata={"logit": 2.0}), chunk_tokens=6), "q", DOCUMENTS)
    assert [hit.metadata["logit"] for hit in result] == [2.0, 2.0]
    assert {"chunk", "chunk_span", "chunks"} <= set(result[0].metadata)


async def test_tokens_without_a_character_count_for_nothing():
    class Marking(Scoring):
        def token_spans(self, text):
            spans = word_spans(text)
            return [place for span in spans for place in ((span[0], span[0]), span)]

    inner = Marking()
    await rerank(Chunked(inner, chunk_tokens=6, overlap=0), "q", DOCUMENTS)
    assert inner.asked[0][0] == "The mill is old. It burns."


async def test_progress_is_told_in_documents():
    told: list[tuple[int, int]] = []
    options = DoRerankOptions("q", (LONG, LONG), report_progress=lambda *figures: told.append(figures))
    await Chunked(Scoring(), chunk_tokens=6).do_rerank(options)
    assert told == [(2, 2)]


async def test_an_abort_ends_the_cutting():
    flag = Flag()

    class Tokens(Scoring):
        def token_spans(self, text):
            flag.set()
            return [(position, position + 1) for position in range(len(text))]

    model = Chunked(Tokens(), chunk_tokens=4)
    with pytest.raises(RerankAbortedError):
        await model.do_rerank(DoRerankOptions("q", (LONG, LONG), abort_event=flag))
    assert model.model.calls == []


async def test_very_long_texts_are_cut_off_the_event_loop():
    import threading

    places: list[bool] = []

    class Word(str):
        __slots__ = ()

        def isascii(self):
            places.append(threading.current_thread() is threading.main_thread())
            return super().isascii()

    document = Word("word " * 30_000)
    await Chunked(Scoring(), chunk_tokens=64).do_rerank(DoRerankOptions("q", (document,)))
    assert places == [False]


async def test_ordinal_scores_are_not_averaged():
    with pytest.raises(InvalidRequestError, match="ordinal"):
        Chunked(Identity(), pool="mean")
    assert Chunked(Identity(), pool="max").score_kind == "ordinal"


@pytest.mark.parametrize(
    "settings",
    [{"chunk_tokens": 0}, {"overlap": -1}, {"chunk_tokens": 10, "overlap": 5}, {"pool": "sum"}],
)
async def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(InvalidRequestError, match=next(iter(settings))):
        Chunked(Scoring(), **settings)


async def test_the_settings_are_in_the_fingerprint():
    assert Chunked(Scoring(), pool="max").fingerprint != Chunked(Scoring(), pool="mean").fingerprint


async def test_the_embedded_model_finds_what_lies_beyond_its_window():
    filler = "The committee met again and spoke about the budget of the coming year. " * 60
    answer = "The Eiffel Tower is 330 metres high."
    documents = [filler + answer, filler, "Tall towers stand in many cities."]
    with_chunks = Chunked(OnnxReranker(), chunk_tokens=96, overlap=16)
    result = await rerank(with_chunks, "How high is the Eiffel Tower?", documents)
    assert result[0].index == 0
    assert answer in result[0].metadata["chunk"]
    await with_chunks.aclose()
