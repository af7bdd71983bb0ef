"""The text of a document: where it is looked for, and what is said where there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from localrank import Cascade, Diversified, Identity, InvalidRequestError, Limited, rerank
from localrank.calling.texts import text_tuple
from localrank.testing import MockReranker

pytestmark = pytest.mark.anyio


def texts(documents: Any, text: Any = None, *, read_as_objects: bool = False) -> tuple[str, ...]:
    return text_tuple(tuple(documents), text, read_as_objects=read_as_objects)


@dataclass
class Note:
    content: Any = None
    page_content: Any = None
    text: Any = None


class Message:
    """A chat message: its text is made by a method, its content is there."""

    content = "a ferry"

    def text(self) -> str:
        return self.content


@pytest.mark.parametrize(
    "document",
    [
        Note(content="a ferry"),
        Note(page_content="a ferry", content="a train"),
        Note(text="a ferry", page_content="a train", content="a train"),
        Message(),
        {"content": "a ferry"},
        {"page_content": "a ferry", "content": "a train"},
        {"text": None, "content": "a ferry"},
        {"text": float("nan"), "content": "a ferry"},
    ],
)
def test_text_is_looked_for_under_text_then_page_content_then_content(document: Any) -> None:
    assert texts([document]) == ("a ferry",)


@pytest.mark.parametrize(
    ("documents", "said"),
    [
        (["a ferry", None], r"documents\[1\] is None, which has no text"),
        ([None, None], r"documents\[0\] is None"),
        (["a ferry", float("nan")], r"documents\[1\] is nan"),
        (["a ferry", np.float32("nan")], r"documents\[1\] is np.float32\(nan\)"),
        (["a ferry", Decimal("sNaN")], r"documents\[1\] is the number Decimal\('sNaN'\)"),
        (["a ferry", 3], r"documents\[1\] is the number 3 \(type int\)"),
        (["a ferry", True], r"documents\[1\] is the number True \(type bool\)"),
        ([2.5], r"documents\[0\] is the number 2.5 \(type float\)"),
        (["a ferry", b"a train"], r"documents\[1\] is bytes of length 7.* \.decode"),
        (
            [object()],
            r"documents\[0\] \(type object\) has no text under 'text' or 'page_content' or 'content'",
        ),
        ([("a ferry", 1)], r"documents\[0\] \(type tuple\) has no text"),
        ([["q", "a ferry"]], r"documents\[0\] is a pair of texts.* Pass the documents alone"),
        ([{}], r"documents\[0\] \(an empty mapping\) has no text under"),
        (
            [{"text": "a ferry"}, {"text": None}],
            r"documents\[1\] \(keys 'text'\) has no text: 'text' is None",
        ),
        ([{"text": float("nan")}], r"documents\[0\] .*'text' is nan"),
        ([Note()], r"documents\[0\] \(type Note\) has no text: 'text' is None, 'page_content' is None"),
        ([{"text": b"a ferry"}], r"The text of documents\[0\] is of type bytes"),
        ([{"text": ["a", "ferry"]}], r"The text of documents\[0\] is of type list"),
        (["a ferry", {"text": "x"}], r"documents\[0\] is a string, documents\[1\] is a mapping"),
    ],
)
def test_a_document_without_text_is_named_as_what_it_is(documents: list[Any], said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        texts(documents)


def test_the_mark_of_pandas_for_a_missing_value_is_named() -> None:
    pandas = pytest.importorskip("pandas")

    for missing in (pandas.NA, pandas.NaT):
        with pytest.raises(InvalidRequestError, match=r"documents\[1\] is (<NA>|NaT)"):
            texts(["a ferry", missing])
    with pytest.raises(InvalidRequestError, match=r"documents\[0\] .*'text' is <NA>"):
        texts([{"text": pandas.NA}])


class Raising:
    @property
    def text(self) -> str:
        raise OSError("secret words")


class RaisingMapping(Mapping[str, str]):
    def __getitem__(self, key: str) -> str:
        raise RuntimeError("secret words")

    def __iter__(self) -> Iterator[str]:
        return iter(["text"])

    def __len__(self) -> int:
        return 1


def _failing(document: Any) -> str:
    raise ZeroDivisionError("secret words")


@pytest.mark.parametrize(
    ("document", "text", "cause"),
    [
        (Raising(), None, OSError),
        (Raising(), "text", OSError),
        (RaisingMapping(), None, RuntimeError),
        ("words", _failing, ZeroDivisionError),
    ],
)
def test_what_fails_while_a_text_is_read_is_one_error_with_its_cause(
    document: Any, text: Any, cause: type[Exception]
) -> None:
    with pytest.raises(
        InvalidRequestError, match=rf"documents\[0\].* could not be read: {cause.__name__}"
    ) as caught:
        texts([document], text)

    assert isinstance(caught.value.__cause__, cause)
    assert "secret" not in str(caught.value)


class Shouting(str):
    """A string whose methods are not a string's."""

    __slots__ = ()

    def __str__(self) -> str:
        return "SHOUTED"

    def __len__(self) -> int:
        return 0


@pytest.mark.parametrize("text", [Shouting("a ferry"), np.str_("a ferry")])
def test_a_subclass_of_string_is_read_as_the_string_it_is(text: str) -> None:
    for found in texts([text, {"text": text}["text"]]) + texts([{"text": text}]):
        assert type(found) is str
        assert found == "a ferry"


def test_no_key_that_is_a_whole_text_stands_in_a_message() -> None:
    secret = "a long secret document " * 50

    with pytest.raises(InvalidRequestError) as caught:
        texts([{secret: 1}])

    assert len(str(caught.value)) < 250


def test_a_lone_surrogate_is_a_character_like_others() -> None:
    assert texts(["\ud83d", "b"]) == ("\ud83d", "b")


def test_a_model_that_reads_objects_needs_no_text_of_them() -> None:
    documents = [
        {"title": "Ferry", "pages": 3, "body": "leaves at ten", "by": None},
        {"text": "a train", "body": "x"},
    ]

    assert texts(documents, read_as_objects=True) == ("Ferry\n3\nleaves at ten", "a train")
    assert texts([object(), 3, b"a picture"], read_as_objects=True) == ("", "", "")
    with pytest.raises(InvalidRequestError, match=r"documents\[1\] is None"):
        texts([object(), None], read_as_objects=True)


async def test_rerank_asks_for_a_text_only_where_some_model_reads_it() -> None:
    curious = MockReranker(accepts_objects=True)
    documents = [{"title": "Ferry"}, {"title": "Train"}]

    result = await rerank(curious, "q", documents)

    assert {hit.document["title"] for hit in result} == {"Ferry", "Train"}
    assert len(await rerank(Limited(curious, concurrency=1), "q", documents)) == 2
    for model in (Cascade(curious, Identity(), keep=1), Diversified(curious), MockReranker()):
        with pytest.raises(InvalidRequestError, match=r"documents\[0\] \(keys 'title'\) has no text"):
            await rerank(model, "q", documents)


HIT = {"id": 7, "_source": {"body": "a ferry"}, "payload": SimpleNamespace(text="a train")}


@pytest.mark.parametrize(
    ("document", "path", "text"),
    [
        (HIT, "_source.body", "a ferry"),
        (HIT, "payload.text", "a train"),
        (SimpleNamespace(payload={"text": "a bus"}), "payload.text", "a bus"),
        ({"payload.text": "as it is", "payload": {"text": "by the path"}}, "payload.text", "as it is"),
        ({"passages": [{"text": "the first"}, {"text": "the second"}]}, "passages.1.text", "the second"),
    ],
)
def test_a_path_leads_through_mappings_attributes_and_lists(document: Any, path: str, text: str) -> None:
    assert texts([document, document], path) == (text, text)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("_source.text", r"documents\[0\] has '_source' \(keys 'body'\), but nothing there under 'text'"),
        ("payload.text.words", r"has 'payload.text' \(type str\), but nothing there under 'words'"),
        ("body.text", r"documents\[0\] \(keys '_source', 'id', 'payload'\) has no text under 'body.text'"),
        ("payload", r"The text of documents\[0\] is of type SimpleNamespace"),
    ],
)
def test_a_path_that_leads_nowhere_says_how_far_it_led(path: str, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        texts([HIT], path)


def test_an_attribute_that_a_function_wants_and_a_document_lacks_is_named() -> None:
    with pytest.raises(InvalidRequestError, match=r"could not be read: AttributeError, 'page_content'\."):
        texts(["words"], lambda document: document.page_content)
