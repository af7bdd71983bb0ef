from __future__ import annotations

import inspect
import sys
import threading
from dataclasses import replace
from pathlib import Path

import ir_measures
import pytest

from localrank import (
    Fallback,
    Identity,
    InferenceError,
    InvalidRequestError,
    RerankAbortedError,
    ServerError,
    rerank_sync,
)
from localrank.contract.model import DoRerankOptions, DoRerankResult, ScoredIndex
from localrank.contract.types import RerankUsage, RerankWarning
from localrank.evaluation import (
    EvaluationProgress,
    FirstStage,
    evaluate,
    evaluate_sync,
    first_stage_of,
    write_qrels,
    write_run,
)
from localrank.evaluation.report import outcome_remark, report_of
from localrank.evaluation.saved import summary_of
from localrank.testing import LexicalReranker, MockReranker
from tests.support.small_collection import JUDGEMENTS, RUN, small_collection, write_first_stage

pytestmark = pytest.mark.anyio


class Counting:
    """Ranks by length, says what it used, and fails at its `fails_at`-th call."""

    provider, model_id = "testing", "counting"

    def __init__(self, fails_at: int = 0) -> None:
        self.queries: list[str] = []
        self.fails_at = fails_at

    def do_rerank_sync(self, options: DoRerankOptions) -> DoRerankResult:
        self.queries.append(options.query)
        if len(self.queries) == self.fails_at:
            raise InferenceError("The engine broke.")
        usage = RerankUsage(input_tokens=7, duration_ms=len(self.queries) * 10.0, estimated_cost=0.25)
        scores = [ScoredIndex(at, float(len(text))) for at, text in enumerate(options.documents)]
        return DoRerankResult(scores, usage=usage, warnings=[RerankWarning("documents_truncated", "Cut.")])


@pytest.mark.parametrize("model", ["lexical:default", "onnx:localrank-mini"])
async def test_what_is_measured_is_what_ir_measures_finds_in_the_run_that_is_written(
    model: str, tmp_path: Path
) -> None:
    found = await evaluate(model, small_collection(), first_stage="corpus", candidates=10)
    write_run(tmp_path / "a.run", found[model].rankings, model)
    write_qrels(tmp_path / "qrels.txt", found.judgements)

    by_hand = ir_measures.calc(
        [ir_measures.parse_measure(name) for name in found.measures],
        ir_measures.read_trec_qrels(str(tmp_path / "qrels.txt")),
        ir_measures.read_trec_run(str(tmp_path / "a.run")),
    )

    assert {str(key): round(value, 6) for key, value in by_hand.aggregated.items()} == {
        name: round(value, 6) for name, value in found[model].means.items()
    }
    assert {(str(one.measure), one.query_id, one.value) for one in by_hand.per_query} == {
        (name, query, value) for name, of in found[model].values.items() for query, value in of.items()
    }


async def test_the_ranking_is_the_models_own(tmp_path: Path) -> None:
    found = await evaluate(
        "lexical:default", small_collection(), first_stage=write_first_stage(tmp_path / "dense.run")
    )
    ids = [document for document, _ in RUN["q2"]]
    alone = rerank_sync(
        "lexical:default", "what do pandas eat", [small_collection().documents[one] for one in ids]
    )

    assert [one for one, _ in found["lexical:default"].rankings["q2"].documents] == [
        ids[one.index] for one in alone
    ]


async def test_the_first_stage_is_measured_over_the_same_candidates() -> None:
    found = await evaluate(
        LexicalReranker(), small_collection(), first_stage=RUN, candidates=1, measures=["P@1", "R@10"]
    )

    assert found.first_stage.means == found.models[0].means
    assert [len(one.documents) for one in found.first_stage.rankings.values()] == [1] * 5
    assert found.first_stage.values["R@10"]["q1"] == 0.5


async def test_a_better_model_measures_better() -> None:
    found = await evaluate(
        {"good": "lexical:default", "idle": Identity()}, small_collection(), first_stage=RUN
    )

    assert found["good"].means["nDCG@10"] > found["idle"].means["nDCG@10"]
    assert found["idle"].means == found.first_stage.means


async def test_time_tokens_cost_and_warnings_are_added_up() -> None:
    found = (await evaluate(Counting(), small_collection(), first_stage=RUN)).models[0]

    assert (found.name, found.pairs, found.tokens, found.dollars) == ("testing:counting", 15, 35, 1.25)
    assert (found.median_ms, found.p95_ms) == (30.0, 50.0)
    assert found.pairs_per_second == pytest.approx(15 / 0.15)
    assert found.warnings == {"documents_truncated": 5}


async def test_queries_in_a_language_that_the_model_does_not_read_are_counted() -> None:
    collection = small_collection()
    foreign = replace(collection, queries=dict.fromkeys(collection.queries, "Кто выиграл матч?"))
    found = (await evaluate("onnx:localrank-tiny", foreign, first_stage=RUN)).models[0]

    assert found.warnings == {"unread_language": 5}


async def test_the_instruction_and_the_first_stages_scores_reach_the_model() -> None:
    model = MockReranker()
    await evaluate(model, small_collection(), first_stage=RUN, instruction="Prefer manuals.")

    assert {call.instruction for call in model.calls} == {"Prefer manuals."}
    assert [list(call.first_stage_scores or ()) for call in model.calls] == [
        [score for _, score in ranking] for ranking in RUN.values()
    ]


async def test_progress_counts_queries_over_all_models() -> None:
    seen: list[EvaluationProgress] = []
    models = {"a": MockReranker(), "b": MockReranker()}
    await evaluate(models, small_collection(), first_stage=RUN, on_progress=seen.append)

    assert [(one.model, one.done, one.total) for one in seen] == [
        ("a" if done <= 5 else "b", done, 10) for done in range(1, 11)
    ]


async def test_a_set_token_stops_before_anything_is_ranked() -> None:
    token, model = threading.Event(), Counting()
    token.set()

    with pytest.raises(RerankAbortedError):
        await evaluate(model, small_collection(), first_stage=RUN, abort_event=token)
    assert model.queries == []


async def test_a_token_that_is_set_on_the_way_stops() -> None:
    token, model = threading.Event(), Counting()

    def stop(progress: EvaluationProgress) -> None:
        if progress.done == 2:
            token.set()

    with pytest.raises(RerankAbortedError):
        await evaluate(model, small_collection(), first_stage=RUN, abort_event=token, on_progress=stop)
    assert len(model.queries) == 2


async def test_a_token_that_is_set_while_the_first_stage_is_found_stops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token, released = threading.Event(), threading.Event()

    def endless(*_: object, **__: object) -> FirstStage:
        token.set()
        released.wait(20)
        return FirstStage("late", RUN)

    monkeypatch.setattr(sys.modules["localrank.evaluation.evaluate"], "first_stage_of", endless)
    try:
        with pytest.raises(RerankAbortedError) as error:
            await evaluate("lexical:default", small_collection(), abort_event=token)
        assert (error.value.phase, released.is_set()) == ("before_start", False)
    finally:
        released.set()


async def test_relevant_documents_that_are_not_there_are_said() -> None:
    judgements = {**JUDGEMENTS, "q3": {"d5": 1, "gone": 1}}
    found = await evaluate(
        "lexical:default", replace(small_collection(), judgements=judgements), first_stage=RUN
    )

    assert found.remarks == (
        "1 relevant judgements name documents that are not there; nothing can find them.",
    )


async def test_a_second_run_with_the_journal_does_only_what_is_missing(tmp_path: Path) -> None:
    journal = tmp_path / "out" / "journal.jsonl"
    broken, whole, seen = Counting(fails_at=4), Counting(), list[EvaluationProgress]()
    with pytest.raises(InferenceError):
        await evaluate(broken, small_collection(), first_stage=RUN, journal=journal)

    found = await evaluate(
        whole, small_collection(), first_stage=RUN, journal=journal, on_progress=seen.append
    )

    assert whole.queries == ["invoice overdue", "blue whale size"]
    assert [one.resumed for one in seen] == [1, 2, 3, 3, 3]
    assert (
        found.models[0].means
        == (await evaluate(Counting(), small_collection(), first_stage=RUN)).models[0].means
    )


async def test_a_journal_of_other_candidates_is_not_taken(tmp_path: Path) -> None:
    journal, model = tmp_path / "journal.jsonl", Counting()
    await evaluate(Counting(), small_collection(), first_stage=RUN, journal=journal)
    await evaluate(model, small_collection(), first_stage=RUN, candidates=2, journal=journal)

    assert len(model.queries) == 4  # q3 has only two candidates anyway


async def test_a_line_that_was_cut_off_is_ranked_again(tmp_path: Path) -> None:
    journal, model = tmp_path / "journal.jsonl", Counting()
    await evaluate(Counting(), small_collection(), first_stage=RUN, journal=journal)
    journal.write_text(journal.read_text()[:-30])
    await evaluate(model, small_collection(), first_stage=RUN, journal=journal)
    again = Counting()
    await evaluate(again, small_collection(), first_stage=RUN, journal=journal)

    assert (model.queries, again.queries) == (["blue whale size"], [])


async def test_a_query_without_candidates_is_said_and_counts_as_nothing_found() -> None:
    run = {query: ranking for query, ranking in RUN.items() if query != "q1"}
    found = await evaluate("lexical:default", small_collection(), first_stage=run, measures=["R@10"])

    assert found["lexical:default"].means["R@10"] == pytest.approx(4 / 5)
    assert found.remarks == (
        "1 of 5 queries have no candidates from the first stage; they count as nothing found.",
    )


async def test_a_first_stage_that_was_made_before_keeps_its_name() -> None:
    stage = first_stage_of(small_collection(), "bm25", candidates=3)
    found = await evaluate("lexical:default", small_collection(), first_stage=stage, candidates=2)

    assert found.first_stage.name == "bm25"
    assert {len(one.documents) for one in found.first_stage.rankings.values()} == {2}


async def test_queries_are_drawn() -> None:
    found = await evaluate("lexical:default", small_collection(), first_stage=RUN, queries=2, seed=3)

    assert len(found.queries) == len(found.judgements) == 2
    assert found["lexical:default"].values["AP"].keys() == found.queries.keys()


async def test_a_system_that_was_not_evaluated_names_those_that_were() -> None:
    found = await evaluate(MockReranker(), small_collection(), first_stage=RUN)

    with pytest.raises(InvalidRequestError, match="There are 'run', 'testing:mock'"):
        found["mini"]


def test_code_without_async_has_the_same_arguments() -> None:
    assert inspect.signature(evaluate).parameters == inspect.signature(evaluate_sync).parameters


def test_code_without_async_has_the_same() -> None:
    found = evaluate_sync("lexical:default", small_collection(), first_stage=RUN)

    assert found.judgements == JUDGEMENTS
    assert found["lexical:default"].means["P@1"] > found.first_stage.means["P@1"]


async def test_what_became_of_each_call_is_counted_kept_and_said(tmp_path: Path) -> None:
    down = Fallback(MockReranker([ServerError("down", status=503)] * 9), LexicalReranker(), Identity())
    journal = tmp_path / "journal.jsonl"

    found = await evaluate({"shaky": down}, small_collection(), first_stage="corpus", journal=journal)
    again = await evaluate({"shaky": down}, small_collection(), first_stage="corpus", journal=journal)

    assert dict(found["shaky"].outcomes) == {"degraded": 5} == dict(again["shaky"].outcomes)
    assert summary_of(found)[1]["outcomes"] == {"degraded": 5}
    (remark,) = outcome_remark(found["shaky"])
    assert remark == (
        "shaky: not all of 5 queries were ranked by the model that was asked: degraded 5 (100.0%)."
    )
    assert remark in report_of(found).facts


async def test_nothing_is_said_where_every_call_was_ranked() -> None:
    found = await evaluate(LexicalReranker(), small_collection(), first_stage="corpus")

    assert dict(found.models[0].outcomes) == {"ranked": 5}
    assert outcome_remark(found.models[0]) == []
