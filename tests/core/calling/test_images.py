"""One rule for images and models that read none: alone they are refused, beside a text they cost a warning."""

from __future__ import annotations

from typing import Any

import pytest

from localrank import (
    Cached,
    Cascade,
    Chunked,
    Fallback,
    InvalidRequestError,
    rerank,
    rerank_as_completed,
    rerank_many,
    rerank_sync,
)
from localrank.compose.several.given import Identity
from localrank.contract.model import DoRerankOptions, DoRerankResult, ScoredIndex
from localrank.testing import LexicalReranker

pytestmark = pytest.mark.anyio
PICTURE = "https://a.example/1.png"
BOTH = {"text": "a photo of a ferry", "image": PICTURE}
ALONE = {"image": PICTURE}


class Seeing:
    """Scores by the length of an image's address, and keeps what it was given."""

    provider, model_id = "seeing", "m"
    accepts_objects = reads_images = needs_text = True

    def __init__(self) -> None:
        self.given: list[DoRerankOptions] = []

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        self.given.append(options)
        lengths = [len(one["image"]) if "image" in one else 0 for one in options.objects or ()]
        return DoRerankResult([ScoredIndex(index, float(length)) for index, length in enumerate(lengths)])


async def test_an_image_alone_is_refused_by_a_model_that_reads_texts() -> None:
    with pytest.raises(InvalidRequestError, match=r"documents\[1\] holds an image and no text") as caught:
        await rerank(LexicalReranker(), "ferry", [BOTH, ALONE])

    assert PICTURE not in str(caught.value)


async def test_an_image_beside_a_text_costs_one_warning() -> None:
    result = await rerank(LexicalReranker(), "ferry", [BOTH, BOTH, {"text": "a train"}])

    assert [(one.type, one.feature) for one in result.warnings] == [("unsupported", "images")]
    assert "2 documents hold an image" in result.warnings[0].message
    assert result[0].document is BOTH


@pytest.mark.parametrize("documents", [["ferry"], [{"text": "ferry", "image": None}], [{"text": "ferry"}]])
async def test_without_images_there_is_no_warning(documents: list[Any]) -> None:
    assert (await rerank(LexicalReranker(), "ferry", documents)).warnings == ()


async def test_a_caption_by_its_key_is_the_text_of_an_image() -> None:
    result = await rerank(LexicalReranker(), "ferry", [{**ALONE, "alt": "a ferry"}], text="alt")

    assert [one.feature for one in result.warnings] == ["images"]


async def test_a_model_that_reads_images_gets_them() -> None:
    model = Seeing()
    result = await rerank(model, "ferry", [{"text": "a train"}, ALONE, BOTH])

    assert model.given[0].documents == ("a train", "", "a photo of a ferry")
    assert model.given[0].objects == ({"text": "a train"}, ALONE, BOTH)
    assert result.warnings == ()


async def test_an_image_stands_for_the_words_that_a_blank_text_lacks() -> None:
    documents = [{"text": " ", "image": PICTURE}, {"text": ""}, {"text": "a train"}]
    result = await rerank(Seeing(), "ferry", documents)

    assert [hit.index for hit in result] == [0, 2, 1]
    assert [hit.index for hit in result if hit.metadata == {"scored": False}] == [1]
    assert [one.type for one in result.warnings] == ["blank_documents"]


async def test_to_a_model_that_reads_images_a_document_with_neither_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match=r"documents\[0\] .*has no text"):
        await rerank(Seeing(), "ferry", [{"title": "a ferry"}])


async def test_wrappers_take_an_image_alone_if_every_model_in_them_does() -> None:
    assert len(await rerank(Fallback(Seeing(), Identity()), "ferry", [ALONE])) == 1
    with pytest.raises(InvalidRequestError, match="holds an image"):
        await rerank(Cascade(LexicalReranker(), Seeing(), keep=[1]), "ferry", [ALONE])


async def test_wrappers_hand_images_to_the_models_that_read_them() -> None:
    seeing = Seeing()
    result = await rerank(Cascade(LexicalReranker(), seeing, keep=[1]), "ferry", [BOTH, {"text": "a train"}])

    assert seeing.given[0].objects == (BOTH,)
    assert [one.feature for one in result.warnings] == ["images"]


@pytest.mark.parametrize("wrapper", [Cached, Chunked])
async def test_wrappers_that_know_documents_by_their_text_hand_on_no_image(wrapper: Any) -> None:
    with pytest.raises(InvalidRequestError, match="holds an image"):
        await rerank(wrapper(Seeing()), "ferry", [ALONE])

    class ReadsMore(Seeing):
        needs_text = False

    with pytest.raises(InvalidRequestError, match="reads the caller's own objects"):
        wrapper(ReadsMore())


def test_a_long_list_is_counted_too() -> None:
    result = rerank_sync(LexicalReranker(), "ferry", [BOTH] * 2_500, top_k=1)

    assert "2500 documents hold an image" in result.warnings[0].message


async def test_many_queries_take_images_as_one_does() -> None:
    (result,) = await rerank_many(Seeing(), [("ferry", [BOTH, ALONE])])
    async with rerank_as_completed(Seeing(), [("ferry", [BOTH, ALONE])]) as answers:
        completed = [answer async for _, answer in answers]

    assert (len(result), result.warnings) == (2, ())
    assert completed == [result]
