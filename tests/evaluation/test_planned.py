from __future__ import annotations

from pathlib import Path

import pytest

from localrank import Cascade
from localrank.contract.model import AnyReranker
from localrank.evaluation import Collection, evaluate_sync, first_stage_of
from localrank.evaluation.journal import Journal
from localrank.evaluation.planned import PlannedCalls, planned_calls
from localrank.testing import LexicalReranker
from localrank_cohere import CohereReranker, TEIReranker
from tests.support.rerank_server import RerankServer
from tests.support.small_collection import RUN, small_collection


def planned(model: AnyReranker, **options: Journal) -> list[PlannedCalls]:
    chosen = small_collection()
    stage = first_stage_of(chosen, "corpus", candidates=10)
    return planned_calls({"m": model}, chosen, stage, **options)


def test_a_local_model_calls_nobody() -> None:
    assert planned(LexicalReranker()) == []


def test_a_remote_model_is_priced_by_its_search_units() -> None:
    found = planned(CohereReranker("rerank-v3.5"))[0]

    assert (found.model, found.queries, found.requests, found.pairs) == ("cohere:rerank-v3.5", 5, 5, 50)
    assert found.dollars == pytest.approx(5 * 2.00 / 1000)


def test_long_documents_count_as_several() -> None:
    long = {f"d{at}": "word " * 1200 for at in range(60)}  # 1,500 tokens: three of 500 and a bit
    many = Collection("long", {"q": "?"}, long, {"q": {"d0": 1}})
    stage = first_stage_of(many, "corpus", candidates=60)
    found = planned_calls({"m": CohereReranker("rerank-v3.5")}, many, stage)[0]

    assert found.dollars == pytest.approx(3 * 2.00 / 1000)


def test_a_service_of_unknown_price_is_told_with_its_requests() -> None:
    found = planned(TEIReranker("http://127.0.0.1:9", max_documents_per_call=4))[0]

    assert (found.requests, found.dollars, found.price) == (15, None, None)


def test_a_model_inside_a_wrapper_is_found() -> None:
    found = planned(Cascade("lexical:default", CohereReranker("rerank-v3.5"), keep=3))

    assert [(one.name, one.model) for one in found] == [("m", "cohere:rerank-v3.5")]


def test_what_the_journal_has_is_not_counted_and_the_estimate_is_what_is_sent(tmp_path: Path) -> None:
    stage = first_stage_of(small_collection(), RUN)
    with RerankServer("cohere") as server:
        model = CohereReranker("rerank-v3.5", base_url=server.url, api_key="k")
        before = planned_calls({"m": model}, small_collection(), stage)
        evaluate_sync(model, small_collection(), first_stage=stage, journal=tmp_path / "j")
        after = planned_calls({"m": model}, small_collection(), stage, journal=Journal(tmp_path / "j"))

    assert (before[0].requests, before[0].pairs) == (
        len(server.requests),
        sum(len(one.body["documents"]) for one in server.requests),
    )
    assert after == []
