"""Images go out in the shape that each service wants, or are refused before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

from localrank import InvalidRequestError, rerank
from localrank_cohere import CohereReranker, JinaReranker
from tests.support.rerank_server import RerankServer, Turn

pytestmark = pytest.mark.anyio
PICTURE = "https://a.example/1.png"
DATA = "data:image/png;base64,iVBORw0KGgoA"
PNG = b"\x89PNG\r\n\x1a\n\x00"
VL = "nvidia/llama-nemotron-rerank-vl-1b-v2"


def part(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def said(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


async def sent(dialect: str, model: str, documents: list[Any], **arguments: Any) -> Any:
    """Return the documents as they went over the wire."""
    rows = b'[{"index": 0, "score": 1}, {"index": 1, "score": 0}, {"index": 2, "score": 0}]'
    named = {"jina": b"results", "openrouter": b"results", "vllm": b"results", "nim": b"rankings"}
    score = b"logit" if dialect == "nim" else b"score" if dialect == "sglang" else b"relevance_score"
    listed = rows.replace(b"score", score)
    body = listed if dialect == "sglang" else b'{"%s": %s}' % (named[dialect], listed)
    with RerankServer() as server:
        server.script(Turn(body=body))
        async with CohereReranker(model, dialect=dialect, base_url=server.url, **arguments) as reranker:
            result = await rerank(reranker, "q", documents)
    assert result.warnings == ()
    assert result[0].document is documents[0]
    return server.requests[0].body["passages" if dialect == "nim" else "documents"]


@pytest.mark.parametrize(
    ("dialect", "model", "picture", "wire"),
    [
        ("openrouter", "m", PNG, [{"text": "t", "image": DATA}, {"image": PICTURE}, "x"]),
        ("vllm", "m", PNG, [{"content": [said("t"), part(DATA)]}, {"content": [part(PICTURE)]}, "x"]),
        ("sglang", "m", PNG, [[said("t"), part(DATA)], [part(PICTURE)], "x"]),
    ],
)
async def test_each_service_gets_its_own_shape(dialect: str, model: str, picture: Any, wire: Any) -> None:
    documents = [{"text": "t", "image": picture}, {"image": PICTURE}, {"text": "x"}]

    assert await sent(dialect, model, documents) == wire


async def test_jinas_model_gets_an_image_or_a_text() -> None:
    documents = [{"image": PNG}, {"text": "t"}, {"image": PICTURE}]

    assert await sent("jina", "jina-reranker-m0", documents) == [{"image": DATA}, "t", {"image": PICTURE}]


async def test_nvidias_model_gets_images_that_come_along() -> None:
    documents = [{"text": "t", "image": PNG}, {"image": DATA}, {"text": "x"}]
    wire = [{"text": "t", "image": DATA}, {"image": DATA}, {"text": "x"}]

    assert await sent("nim", VL, documents) == wire


async def test_chosen_fields_are_the_text_beside_an_image() -> None:
    documents = [{"title": "T", "year": 1999, "image": PICTURE}, {"title": "U"}, {"title": "V"}]
    wire = [{"text": "title: T\nyear: 1999\n", "image": PICTURE}, "title: U\n", "title: V\n"]

    assert await sent("openrouter", "m", documents, fields="all") == wire


@pytest.mark.parametrize(
    ("dialect", "model", "document", "hint"),
    [
        ("jina", "jina-reranker-m0", {"text": "t", "image": PICTURE}, "the text or the image"),
        ("nim", VL, {"image": PICTURE}, "the service fetches no address"),
        ("vllm", "m", {"image": "photo.png"}, "read_bytes"),
        ("openrouter", "m", {"image": b"no image"}, "bytes of a PNG"),
    ],
)
async def test_what_cannot_be_sent_is_refused_before_anything_is(
    dialect: str, model: str, document: Any, hint: str
) -> None:
    with RerankServer() as server:
        async with CohereReranker(model, dialect=dialect, base_url=server.url) as reranker:
            with pytest.raises(
                InvalidRequestError, match=r"The image of documents\[0\] cannot be sent"
            ) as caught:
                await rerank(reranker, "q", [document])

    assert hint in str(caught.value)
    assert server.requests == []


@pytest.mark.parametrize("model", ["jina-reranker-v2-base-multilingual", "jina-reranker-v3"])
async def test_a_model_of_texts_is_sent_no_image(model: str) -> None:
    with RerankServer("jina") as server:
        async with JinaReranker(model, base_url=server.url) as reranker:
            result = await rerank(reranker, "q", [{"text": "t", "image": PICTURE}])
            with pytest.raises(InvalidRequestError, match="holds an image and no text"):
                await rerank(reranker, "q", [{"image": PICTURE}])

    assert server.requests[0].body["documents"] == ["t"]
    assert [one.feature for one in result.warnings] == ["images"]
