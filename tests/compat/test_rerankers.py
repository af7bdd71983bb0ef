"""`compat.Reranker`: the names, arguments and answers of the library rerankers, held beside it where it is installed."""

from __future__ import annotations

from typing import Any

import pytest

from localrank import Identity, InvalidRequestError, UnknownModelError
from localrank.compat import Document, Reranker
from localrank.compat.rerankers import _name
from localrank.testing import LexicalReranker

pytestmark = pytest.mark.anyio

TEXTS = ["a train to Rome", "a ferry to Capri", "pasta"]


def test_texts_come_back_ranked_with_ids_and_metadata() -> None:
    results = Reranker(LexicalReranker()).rank(
        "ferry", TEXTS, doc_ids=["t", "f", "p"], metadata=[{"n": 1}, {"n": 2}, {"n": 3}]
    )

    first = results[0]
    assert (first.rank, first.text, first.doc_id, first.n, first.document.metadata) == (
        1,
        "a ferry to Capri",
        "f",
        2,
        {"n": 2},
    )
    assert (results.has_scores, results.query, results.results_count(), len(results)) == (True, "ferry", 3, 3)
    assert results.get_score_by_docid("f") == first.score
    assert results.get_result_by_docid("x") is None
    assert [one.doc_id for one in results.top_k(1)] == ["f"]
    with pytest.raises(AttributeError, match="'nothing'"):
        _ = first.nothing


def test_documents_keep_their_own_ids() -> None:
    results = Reranker(LexicalReranker()).rank("ferry", [Document("x", doc_id=7), Document("ferry")])

    assert [one.doc_id for one in results] == [1, 7]


async def test_it_is_awaited_too() -> None:
    results = await Reranker(LexicalReranker()).rank_async("ferry", TEXTS)

    assert results[0].doc_id == 1


def test_one_text_is_scored() -> None:
    assert Reranker(LexicalReranker()).score("ferry", "a ferry") > 0


def test_a_mere_order_has_no_scores() -> None:
    results = Reranker(Identity()).rank("q", TEXTS)

    assert results.has_scores is False
    assert [one.score for one in results] == [None, None, None]


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((None, "en", None), "onnx:localrank-mini"),
        (("mini", "en", None), "mini"),
        (("cross-encoder", "en", None), "onnx:mixedbread-ai/mxbai-rerank-base-v1"),
        (("cross-encoder", "de", None), "onnx:corrius/cross-encoder-mmarco-mMiniLMv2-L12-H384-v1"),
        (("BAAI/bge-reranker-base", "en", "cross-encoder"), "onnx:BAAI/bge-reranker-base"),
        (("cohere", "en", None), "cohere:rerank-english-v3.0"),
        (("rerank-v3.5", "en", "cohere"), "cohere:rerank-v3.5"),
        (("t5", "xx", None), "torch:unicamp-dl/mt5-base-mmarco-v2"),
    ],
)
def test_its_names_mean_our_models(arguments: Any, name: str) -> None:
    assert _name(*arguments) == name


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"model_name": "rankgpt"}, "of the kind 'rankgpt' run in rerankers only"),
        ({"model_name": "voyage", "lang": "de"}, "no default model of the kind 'voyage' for 'de'"),
    ],
)
def test_what_only_rerankers_has_is_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(UnknownModelError, match=said):
        Reranker(**arguments)


def test_wrong_arguments_are_named() -> None:
    ranker = Reranker(LexicalReranker())

    with pytest.raises(InvalidRequestError, match="doc_ids has 1 entries for 3 documents"):
        ranker.rank("q", TEXTS, doc_ids=[1])
    with pytest.raises(InvalidRequestError, match=r"docs\[0\], of type int, has no text"):
        ranker.rank("q", [3])  # type: ignore[list-item]
    with pytest.raises(InvalidRequestError, match="device cannot be set"):
        Reranker(LexicalReranker(), device="cpu")
    with pytest.raises(InvalidRequestError, match="LocalRankCompressor"):
        ranker.as_langchain_compressor()


def test_documents_of_rerankers_itself_are_read() -> None:
    theirs = pytest.importorskip("rerankers")

    results = Reranker(LexicalReranker()).rank(
        "ferry",
        [theirs.Document("a train", doc_id="t", metadata={"n": 1}), theirs.Document("a ferry", doc_id="f")],
    )

    assert [(one.doc_id, one.document.metadata) for one in results] == [("f", {}), ("t", {"n": 1})]
    same = theirs.results.RankedResults(
        [theirs.results.Result(theirs.Document("a", doc_id=1), 0.5, 1)], "q", True
    )
    names = {name for name in dir(same) if not name.startswith("_")}
    assert names <= {name for name in dir(results) if not name.startswith("_")}


def test_ids_and_metadata_are_taken_by_their_place_whatever_holds_them() -> None:
    pandas = pytest.importorskip("pandas")
    shuffled = pandas.Series(["t", "f", "p"], index=[2, 0, 1])
    metadata = pandas.Series([{"n": 1}, {"n": 2}, {"n": 3}], index=[1, 2, 0])
    first = Reranker(LexicalReranker()).rank("ferry", TEXTS, doc_ids=shuffled, metadata=metadata)[0]
    assert (first.text, first.doc_id, first.n) == ("a ferry to Capri", "f", 2)

    ids: Any = (name for name in "tfp")
    assert Reranker(LexicalReranker()).rank("ferry", TEXTS, doc_ids=ids)[0].doc_id == "f"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"docs": None}, "docs is of type NoneType"),
        ({"docs": ["a"], "doc_ids": 5}, "doc_ids is of type int"),
        ({"docs": ["a"], "metadata": [None]}, r"metadata\[0\] is of type NoneType"),
    ],
)
def test_what_is_no_list_of_them_is_named(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        Reranker(LexicalReranker()).rank("q", **arguments)


def test_what_the_model_warns_of_goes_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    Reranker(LexicalReranker()).rank("ferry", ["", *TEXTS])

    assert [record.getMessage()[:17] for record in caplog.records] == ["blank_documents: "]
