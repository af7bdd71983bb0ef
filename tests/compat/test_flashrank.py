"""FlashRank's interface over our models, beside FlashRank itself where it is installed."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from localrank import DoRerankOptions, DoRerankResult, InvalidRequestError, ScoredIndex, UnknownModelError
from localrank.compat import Ranker, RerankRequest
from localrank.testing import LexicalReranker, MockReranker
from localrank_transformers import OnnxReranker
from tests.support import flashrank_files
from tests.support.notes import ANSWER, TEXTS
from tests.support.notes import QUERY as NOTES_QUERY

QUERY = "what is the capital of france"
WORDS = ["retrieval and machine learning", "paris is the capital of france", "pasta in the port city"]


def passages(texts: list[str] = WORDS) -> list[dict[str, Any]]:
    return [{"id": place + 7, "text": text, "meta": {"place": place}} for place, text in enumerate(texts)]


def test_the_default_is_the_embedded_model() -> None:
    ranked = Ranker().rerank(RerankRequest(NOTES_QUERY, passages(list(TEXTS))))

    assert ranked[0]["text"] == ANSWER


def test_it_does_with_the_callers_passages_what_flashrank_does(tmp_path: Path) -> None:
    flashrank = pytest.importorskip("flashrank", reason="needs the extra `frameworks`")
    folder = flashrank_files.build(tmp_path)
    original = flashrank.Ranker(flashrank_files.NAME, cache_dir=str(tmp_path), log_level="ERROR")
    ours, theirs = passages(), passages()

    expected = original.rerank(flashrank.RerankRequest(query=QUERY, passages=theirs))
    ranked = Ranker(str(folder)).rerank(RerankRequest(query=QUERY, passages=ours))

    assert expected is theirs
    assert ranked is ours
    assert [{**one, "score": pytest.approx(float(one["score"]), abs=1e-5)} for one in expected] == ranked


def test_the_request_has_the_members_of_flashranks_own() -> None:
    flashrank = pytest.importorskip("flashrank", reason="needs the extra `frameworks`")

    for arguments in ((), ("q",), ("q", [{"text": "a"}])):
        assert vars(flashrank.RerankRequest(*arguments)) == vars(RerankRequest(*arguments))


@pytest.mark.parametrize(
    ("ours", "name"),
    [(Ranker.__init__, "__init__"), (Ranker.rerank, "rerank"), (RerankRequest.__init__, "request")],
)
def test_what_flashrank_takes_is_taken_at_the_same_places(ours: Callable[..., Any], name: str) -> None:
    flashrank = pytest.importorskip("flashrank", reason="needs the extra `frameworks`")
    theirs = flashrank.RerankRequest.__init__ if name == "request" else getattr(flashrank.Ranker, name)

    def taken(function: Callable[..., Any]) -> list[tuple[str, Any]]:
        return [(one.name, one.kind) for one in inspect.signature(function).parameters.values()]

    assert taken(ours) == taken(theirs)


def test_what_flashrank_takes_is_taken_as_it_is_left_out() -> None:
    flashrank = pytest.importorskip("flashrank", reason="needs the extra `frameworks`")
    left_out = {
        name: one.default
        for name, one in inspect.signature(flashrank.Ranker.__init__).parameters.items()
        if name not in {"self", "model_name"}
    }

    assert {"cache_dir", "max_length", "log_level"} <= left_out.keys()
    assert Ranker("localrank-tiny", **left_out).rerank(RerankRequest(QUERY, passages()))


def test_flashranks_own_request_is_read_too() -> None:
    flashrank = pytest.importorskip("flashrank", reason="needs the extra `frameworks`")

    ranked = Ranker(LexicalReranker()).rerank(flashrank.RerankRequest(QUERY, passages()))

    assert WORDS[1] == ranked[0]["text"]


def test_passages_are_sorted_in_place_and_keep_what_they_hold() -> None:
    given = passages()
    first, second, third = given

    ranked = Ranker(MockReranker([[0.1, 0.9, 0.5]])).rerank(RerankRequest(QUERY, given))

    assert ranked is given
    assert [second, third, first] == ranked
    assert {"id": 8, "text": WORDS[1], "meta": {"place": 1}, "score": 0.9} == second


def test_scores_can_be_written_as_json() -> None:
    ranked = Ranker(LexicalReranker()).rerank(RerankRequest(QUERY, passages()))

    assert ranked == json.loads(json.dumps(ranked))


def test_no_passages_give_an_empty_answer() -> None:
    assert Ranker(LexicalReranker()).rerank(RerankRequest(QUERY)) == []


@pytest.mark.parametrize("broken", [{"id": 1}, {"text": None}, "text"])
def test_a_passage_without_text_is_refused_and_nothing_is_changed(broken: Any) -> None:
    given = [*passages(), broken]

    with pytest.raises(InvalidRequestError, match=r"passages\[3\]"):
        Ranker(LexicalReranker()).rerank(RerankRequest(QUERY, given))

    assert [*passages(), broken] == given


def test_a_request_without_query_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="query"):
        Ranker(LexicalReranker()).rerank(RerankRequest(passages=passages()))


def test_max_length_reaches_the_model(tmp_path: Path) -> None:
    folder = flashrank_files.build(tmp_path)
    long = [{"text": "retrieval " * 20 + "paris"}, {"text": "retrieval " * 20 + "pasta"}]

    short = Ranker(str(folder), max_length=16).rerank(RerankRequest(QUERY, [dict(one) for one in long]))
    whole = Ranker(str(folder)).rerank(RerankRequest(QUERY, [dict(one) for one in long]))

    assert (len({one["score"] for one in short}), len({one["score"] for one in whole})) == (1, 2)


@pytest.mark.parametrize("name", ["ms-marco-TinyBERT-L-2-v2", "ms-marco-MiniLM-L-12-v2"])
def test_flashranks_names_mean_the_same_weights(name: str) -> None:
    model = Ranker(name).model

    assert isinstance(model, OnnxReranker)
    assert name.replace("L-", "L") == model.model_id.removeprefix("cross-encoder/")


@pytest.mark.parametrize("name", ["rank-T5-flan", "ms-marco-MultiBERT-L-12", "rank_zephyr_7b_v1_full"])
def test_models_that_only_flashrank_has_are_refused_with_a_way_out(name: str) -> None:
    with pytest.raises(UnknownModelError, match="from_flashrank"):
        Ranker(name)


def refusal(name: str) -> str | None:
    try:
        Ranker(name)
    except UnknownModelError as error:
        return str(error)
    return None


def test_every_model_of_flashrank_is_known_or_refused_with_a_way_out() -> None:
    config = pytest.importorskip("flashrank.Config", reason="needs the extra `frameworks`")

    refusals = [refusal(name) for name in config.model_file_map]

    assert [message for message in refusals if message and "from_flashrank" not in message] == []
    assert None in refusals


class Deaf(dict[str, Any]):
    """A passage that takes no score."""

    def __setitem__(self, key: str, value: Any) -> None:
        raise RuntimeError("read only")


@pytest.mark.parametrize(
    "broken", [Deaf(text="pasta"), MappingProxyType({"text": "pasta"}), None, "pasta", {"text": None}]
)
def test_where_one_passage_cannot_be_ranked_none_is_changed(broken: Any) -> None:
    given: list[Any] = [*passages(), broken]
    given[0]["score"] = "theirs"
    before = [dict(passage) for passage in given[:3]]

    with pytest.raises(InvalidRequestError, match=r"passages\[3\]"):
        Ranker(MockReranker([[0.1, 0.9, 0.5, 0.7]])).rerank(RerankRequest(QUERY, given))

    assert [dict(passage) for passage in given[:3]] == before
    assert given[3] is broken


def test_a_call_that_fails_changes_nothing() -> None:
    given = passages()
    before = [dict(passage) for passage in given]

    with pytest.raises(ZeroDivisionError):
        Ranker(MockReranker([ZeroDivisionError("no")])).rerank(RerankRequest(QUERY, given))

    assert given == before


def test_passages_that_the_model_leaves_out_stay_in_the_list() -> None:
    given = passages()
    first, second, third = given

    class Choosy(MockReranker):
        async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
            return DoRerankResult([ScoredIndex(2, 0.5)])

    ranked = Ranker(Choosy()).rerank(RerankRequest(QUERY, given))

    assert ranked == [third, first, second]
    assert ["score" in passage for passage in ranked] == [True, False, False]


def test_a_list_that_changes_during_the_call_is_left_as_it_is() -> None:
    given = passages()

    class Meddling(MockReranker):
        async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
            given.append({"text": "new"})
            return await super().do_rerank(options)

    with pytest.raises(InvalidRequestError, match="changed during the call"):
        Ranker(Meddling()).rerank(RerankRequest(QUERY, given))

    assert [passage["text"] for passage in given] == [*WORDS, "new"]
    assert not any("score" in passage for passage in given)


def test_passages_that_are_no_list_are_refused() -> None:
    for given in (tuple(passages()), {"text": "a"}, iter(passages())):
        with pytest.raises(InvalidRequestError, match="passages is of type"):
            Ranker(LexicalReranker()).rerank(RerankRequest(QUERY, given))  # type: ignore[arg-type]


def test_what_the_model_warns_of_goes_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    Ranker(LexicalReranker()).rerank(RerankRequest(QUERY, passages(["", *WORDS])))

    assert [record.getMessage()[:17] for record in caplog.records] == ["blank_documents: "]
