"""Middleware: what it may change and what it may not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from localrank import (
    Cached,
    DoRerankResult,
    InvalidRequestError,
    InvalidResponseError,
    ScoredIndex,
    rerank,
    wrapped,
)
from localrank.compose.wrapping.wrapper import fingerprint_of
from tests.support.small_models import Scoring

pytestmark = pytest.mark.anyio


def redacted(options):
    return replace(options, documents=tuple(text.replace("secret", "***") for text in options.documents))


async def halved(result, options):
    assert options.query == "q"
    return replace(result, results=[replace(item, score=item.score / 2) for item in result.results])


async def test_options_are_changed_for_the_model_and_not_for_the_caller():
    inner = Scoring()
    result = await rerank(wrapped(inner, transform_options=redacted), "q", ["a secret"])
    assert inner.asked == [("a ***",)]
    assert (result[0].text, result[0].score) == ("a secret", 5.0)


async def test_the_answer_is_changed_on_its_way_back():
    result = await rerank(wrapped(Scoring(), transform_result=halved), "q", ["aa", "b"])
    assert [hit.score for hit in result] == [1.0, 0.5]


async def test_an_answer_that_breaks_the_contract_is_refused():
    def broken(result, options):
        return DoRerankResult([ScoredIndex(7, 1.0)])

    with pytest.raises(InvalidResponseError, match="index 7"):
        await rerank(wrapped(Scoring(), transform_result=broken), "q", ["a"])


@pytest.mark.parametrize(
    "made", [lambda options: replace(options, documents=("a", "b")), lambda options: None]
)
async def test_options_with_other_documents_in_number_are_refused(made):
    with pytest.raises(InvalidResponseError, match="transform_options"):
        await rerank(wrapped(Scoring(), transform_options=made), "q", ["a"])


async def test_it_keeps_the_models_names_and_kind():
    model = wrapped(Scoring(score_kind="logit"), transform_options=redacted)
    assert (model.provider, model.model_id, model.score_kind) == ("small", "scoring", "logit")


async def test_a_cache_tells_it_from_the_bare_model():
    inner = Scoring()
    assert fingerprint_of(wrapped(inner, transform_result=halved)) != fingerprint_of(inner)
    store = Cached(inner).store
    await rerank(Cached(inner, store), "q", ["aa"])
    result = await rerank(Cached(wrapped(inner, transform_result=halved), store), "q", ["aa"])
    assert result[0].score == 1.0


async def test_what_a_transform_raises_fails_the_call():
    def refuses(options):
        raise InvalidRequestError("not today")

    with pytest.raises(InvalidRequestError, match="not today"):
        await rerank(wrapped(Scoring(), transform_options=refuses), "q", ["a"])


async def test_a_transform_that_cannot_be_called_is_refused():
    with pytest.raises(InvalidRequestError, match="transform_result"):
        wrapped(Scoring(), transform_result=3)
    with pytest.raises(InvalidRequestError, match="no function"):
        wrapped(Scoring())
