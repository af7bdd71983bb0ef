"""What is kept, what is asked again, and what is never kept."""

from __future__ import annotations

import sqlite3
import threading

import anyio
import pytest

from localrank import (
    Cached,
    Cascade,
    DoRerankOptions,
    DoRerankResult,
    Identity,
    InvalidRequestError,
    MemoryStore,
    RerankAbortedError,
    RerankUsage,
    ScoredIndex,
    ServerError,
    SQLiteStore,
    rerank,
    rerank_sync,
)
from localrank.compose.single.cached import cache_keys
from localrank.providers.calls import call_model
from tests.support.small_models import Failing, Flag, Listwise, Scoring, Sleeping

pytestmark = pytest.mark.anyio

DOCUMENTS = ["aaa", "b", "cc"]


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    made = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "scores.sqlite")
    yield made
    made.close()


async def test_a_second_call_asks_nothing_and_ranks_alike(store):
    inner = Scoring(usage=RerankUsage(input_tokens=30, api_calls=1))
    model = Cached(inner, store)
    first = await rerank(model, "q", DOCUMENTS)
    second = await rerank(model, "q", DOCUMENTS)
    assert len(inner.calls) == 1
    assert [(hit.index, hit.score) for hit in second] == [(hit.index, hit.score) for hit in first]
    assert (first.usage.cache_hits, second.usage.cache_hits) == (0, 3)
    assert (second.usage.input_tokens, second.usage.api_calls) == (0, 0)


async def test_only_the_misses_are_sent(store):
    inner = Scoring()
    model = Cached(inner, store)
    await rerank(model, "q", DOCUMENTS)
    result = await rerank(model, "q", ["dddd", "aaa", "ee"])
    assert inner.asked[1] == ("dddd", "ee")
    assert [hit.index for hit in result] == [0, 1, 2]
    assert [hit.metadata.get("cached", False) for hit in result] == [False, True, False]
    assert result.usage.cache_hits == 1


async def test_equal_texts_are_sent_once(store):
    inner = Scoring()
    result = await rerank(Cached(inner, store), "q", ["aa", "b", "aa"])
    assert inner.asked == [("aa", "b")]
    assert [hit.index for hit in result] == [0, 2, 1]


async def test_all_scores_are_kept_whatever_top_k(store):
    inner = Scoring()
    model = Cached(inner, store)
    await rerank(model, "q", DOCUMENTS, top_k=1)
    await rerank(model, "q", DOCUMENTS)
    assert inner.asked == [tuple(DOCUMENTS)]


async def test_first_stage_scores_follow_the_misses(store):
    inner = Scoring()
    model = Cached(inner, store)
    await rerank(model, "q", ["b"])
    await rerank(model, "q", DOCUMENTS, first_stage_scores=[1, 2, 3])
    assert inner.calls[1].first_stage_scores == (1.0, 3.0)


@pytest.mark.parametrize(
    "changed",
    [
        {"query": "other"},
        {"instruction": "Only rivers."},
        {"provider_options": {"small": {"depth": 2}}},
    ],
)
async def test_what_a_score_depends_on_is_in_the_key(changed):
    plain = {"query": "q", "documents": ("a",)}
    model = Scoring()
    assert cache_keys(model, DoRerankOptions(**plain)) != cache_keys(
        model, DoRerankOptions(**{**plain, **changed})
    )


async def test_the_fingerprint_is_in_the_key():
    options, one, other = DoRerankOptions("q", ("a",)), Scoring(), Scoring()
    one.fingerprint, other.fingerprint = "int8", "fp32"
    assert cache_keys(one, options) != cache_keys(other, options)


async def test_query_and_document_do_not_run_into_each_other():
    model = Scoring()
    assert cache_keys(model, DoRerankOptions("ab", ("c",))) != cache_keys(
        model, DoRerankOptions("a", ("bc",))
    )


async def test_a_failed_answer_is_not_kept(store):
    inner = Failing(ServerError("x", status=500), None)
    model = Cached(inner, store)
    with pytest.raises(ServerError):
        await rerank(model, "q", DOCUMENTS, max_retries=0)
    assert (await rerank(model, "q", DOCUMENTS)).usage.cache_hits == 0


async def test_an_aborted_answer_is_not_kept(store):
    flag = Flag()

    def set_it(text: str) -> float:
        flag.set()
        return 1.0

    model = Cached(Scoring(set_it), store)
    with pytest.raises(RerankAbortedError):
        await rerank(model, "q", DOCUMENTS, abort_event=flag)
    assert len(store) == 0


async def test_an_answer_cut_by_the_deadline_is_not_kept(store):
    model = Cached(Sleeping(30), store)
    with anyio.fail_after(10):
        result = await rerank(model, "q", DOCUMENTS, deadline=0.05)
    assert [warning.type for warning in result.warnings] == ["deadline_exceeded"]
    assert len(store) == 0


async def test_kept_scores_come_first_where_the_deadline_cuts_the_rest(store):
    model = Cached(Sleeping(0.0), store)
    await rerank(model, "q", ["b"])
    model.model.seconds = 30
    options = DoRerankOptions("q", tuple(DOCUMENTS), deadline=0.2)
    with anyio.fail_after(10):
        answer = await call_model(model, options)
    assert [item.index for item in answer.results] == [1, 0, 2]
    assert [item.metadata.get("scored", True) for item in answer.results] == [True, False, False]


async def test_what_the_model_put_into_a_lower_tier_is_not_kept(store):
    class Blank(Scoring):
        async def do_rerank(self, options):
            return DoRerankResult([ScoredIndex(0, 0.0, tier=1)])

    await rerank(Cached(Blank(), store), "q", [" "])
    assert len(store) == 0


async def test_truncation_is_kept(store):
    class Cut(Scoring):
        async def do_rerank(self, options):
            return DoRerankResult([ScoredIndex(0, 0.5, truncated=True)])

    model = Cached(Cut(), store)
    await rerank(model, "q", ["long"])
    assert (await rerank(model, "q", ["long"]))[0].truncated is True


async def test_a_failing_store_costs_a_warning_and_not_the_call(tmp_path):
    (tmp_path / "scores.sqlite").write_bytes(b"no database at all, but long enough to be looked at" * 100)
    store = SQLiteStore(tmp_path / "scores.sqlite")
    result = await rerank(Cached(Scoring(), store), "q", DOCUMENTS)
    assert [warning.type for warning in result.warnings] == ["cache_unavailable"]
    assert "DatabaseError" in result.warnings[0].message
    assert [hit.index for hit in result] == [0, 2, 1]
    with pytest.raises(sqlite3.DatabaseError):
        len(store)


@pytest.mark.parametrize("model", [Listwise(), Identity(), Cascade(Scoring(), Scoring())])
async def test_models_whose_scores_depend_on_the_list_are_refused(model):
    with pytest.raises(InvalidRequestError, match="cannot be compared"):
        Cached(model)


async def test_a_model_that_reads_objects_is_refused():
    model = Scoring()
    model.accepts_objects = True
    with pytest.raises(InvalidRequestError, match="objects"):
        Cached(model)


async def test_one_store_serves_several_models_apart(store):
    one, other = Scoring(name="one"), Scoring(lambda text: -len(text), name="other")
    await rerank(Cached(one, store), "q", DOCUMENTS)
    result = await rerank(Cached(other, store), "q", DOCUMENTS)
    assert [hit.index for hit in result] == [1, 2, 0]


async def test_the_event_loop_and_rerank_sync_share_one_cache(store):
    inner = Scoring()
    model = Cached(inner, store)
    await rerank(model, "q", DOCUMENTS)
    result = await anyio.to_thread.run_sync(rerank_sync, model, "q", DOCUMENTS)
    assert (len(inner.calls), result.usage.cache_hits) == (1, 3)


async def test_progress_tells_the_hits_first(store):
    told: list[tuple[int, int]] = []
    model = Cached(Scoring(), store)
    await rerank(model, "q", ["b"])
    await model.do_rerank(
        DoRerankOptions("q", tuple(DOCUMENTS), report_progress=lambda *figures: told.append(figures))
    )
    assert told == [(1, 3), (3, 3)]


async def test_it_has_the_inner_models_members():
    inner = Scoring(score_kind="logit")
    model = Cached(inner)
    assert (model.score_kind, model.scores_comparable, model.fingerprint) == ("logit", True, "small:scoring")
    assert not hasattr(model, "token_spans")


async def test_a_call_that_asks_nothing_tells_the_whole_at_once(store):
    told: list[tuple[int, int]] = []
    model = Cached(Scoring(), store)
    await rerank(model, "q", DOCUMENTS)
    await call_model(
        model, DoRerankOptions("q", tuple(DOCUMENTS), report_progress=lambda *figures: told.append(figures))
    )
    assert told == [(3, 3)]


@pytest.mark.parametrize("blocks", [False, True])
async def test_only_a_store_that_blocks_leaves_the_event_loops_thread(blocks):
    threads: list[int] = []

    class Watched(MemoryStore):
        blocking = blocks

        def get_many(self, keys):
            threads.append(threading.get_ident())
            return super().get_many(keys)

    await rerank(Cached(Scoring(), Watched()), "q", DOCUMENTS)
    assert [thread != threading.get_ident() for thread in threads] == [blocks]
