"""A result as plain data and as a table: what JSON takes, what it does not, what a notebook shows."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from html.parser import HTMLParser
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from localrank.contract.errors import InvalidRequestError, MissingDependencyError
from localrank.contract.types import (
    RankedDocument,
    RerankResponse,
    RerankResult,
    RerankUsage,
    RerankWarning,
)


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Page:
    text: str
    seen: date


class Model:
    """Looks like a pydantic model."""

    def model_dump(self) -> dict[str, Any]:
        return {"text": "a ferry"}


def result(*documents: Any, **more: Any) -> RerankResult[Any]:
    hits = tuple(
        RankedDocument(index=at, score=1.0 / (at + 1), document=document, text=str(document), rank=at + 1)
        for at, document in enumerate(documents)
    )
    return RerankResult(ranked=hits, usage=RerankUsage(input_tokens=7), response=RerankResponse("m"), **more)


@pytest.mark.parametrize(
    ("document", "written"),
    [
        ("a ferry", "a ferry"),
        ({"text": "a ferry", "n": np.float32(0.5)}, {"text": "a ferry", "n": 0.5}),
        (Page("a ferry", date(2026, 1, 2)), {"text": "a ferry", "seen": "2026-01-02"}),
        (Model(), {"text": "a ferry"}),
        (
            {"at": datetime(2026, 1, 2, tzinfo=UTC), 3: (1, 2)},
            {"at": "2026-01-02T00:00:00+00:00", "3": [1, 2]},
        ),
        (
            {"id": UUID(int=1), "price": Decimal("1.50"), "path": PurePosixPath("a/b"), "colour": Colour.RED},
            {
                "id": "00000000-0000-0000-0000-000000000001",
                "price": "1.50",
                "path": "a/b",
                "colour": "red",
            },
        ),
        ({"vector": np.arange(3), "tags": {"x"}}, {"vector": [0, 1, 2], "tags": ["x"]}),
        ({"year": float("nan"), "most": float("inf")}, {"year": None, "most": None}),
        (
            {"vector": np.array([0.5, np.nan]), "one": np.float64("-inf")},
            {"vector": [0.5, None], "one": None},
        ),
        ({np.int64(3): np.bool_(True)}, {"3": True}),
    ],
)
def test_every_ordinary_document_becomes_what_json_takes(document: Any, written: Any) -> None:
    one = result(document).to_dict()

    assert json.loads(json.dumps(one))["results"][0]["document"] == written
    assert json.loads(result(document).to_json()) == one


def test_the_whole_answer_is_in_it() -> None:
    one = result("a", warnings=(RerankWarning("t", "said"),), score_kind="logit").to_dict()

    assert (one["model"], one["score_kind"], one["usage"]["input_tokens"]) == ("m", "logit", 7)
    assert one["warnings"] == [{"type": "t", "message": "said", "feature": None}]
    assert one["results"] == [
        {
            "rank": 1,
            "index": 0,
            "score": 1.0,
            "document": "a",
            "truncated": False,
            "tier": 0,
            "metadata": {},
        }
    ]


class Broken:
    """Has a form for JSON that cannot be had."""

    def model_dump(self) -> dict[str, Any]:
        raise RuntimeError("not now")


class Asking:
    def to_dict(self, how: str) -> dict[str, Any]:
        return {}


class Unshown(dict[str, Any]):
    def __str__(self) -> str:
        return "x"


def endless() -> list[Any]:
    loop: list[Any] = []
    loop.append(loop)
    return loop


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (SimpleNamespace(text="x"), r"documents\[1\] holds a value of type SimpleNamespace"),
        ({"raw": b"x"}, r"documents\[1\] holds a value of type bytes"),
        ({(1, 2): "x"}, r"documents\[1\] holds a key of type tuple"),
        (endless(), r"documents\[1\] is nested too deeply"),
        (Broken(), r"documents\[1\] holds a value of type Broken, whose model_dump\(\) failed: RuntimeError"),
        (Asking(), r"documents\[1\] holds a value of type Asking, whose to_dict\(\) failed: TypeError"),
        (Unshown(n=10**5000), r"documents\[1\] holds a number of more digits than JSON is read with"),
        ({1: "a", "1": "b"}, r"documents\[1\] holds two keys that JSON writes alike"),
    ],
)
def test_what_json_has_no_form_for_is_named_with_the_way_out(document: Any, said: str) -> None:
    one = result("a", document)

    with pytest.raises(InvalidRequestError, match=f"{said}.*Pass document="):
        one.to_dict()

    assert [hit["document"] for hit in one.to_dict(document=lambda _: "x")["results"]] == ["x", "x"]


def test_a_lone_surrogate_is_written_so_that_it_can_be_encoded() -> None:
    text = result("a \ud800 \u00e9").to_json()

    assert json.loads(text.encode())["results"][0]["document"] == "a \ud800 \u00e9"


def test_scores_and_documents_are_best_first() -> None:
    one = result("a", "b")

    assert (one.scores, one.documents) == ((1.0, 0.5), ("a", "b"))


def test_a_data_frame_has_a_row_a_document() -> None:
    pytest.importorskip("pandas")

    frame = result({"text": "a"}, {"text": "b"}).to_pandas()

    assert list(frame.columns) == ["rank", "index", "score", "text", "truncated", "document"]
    assert frame["score"].tolist() == [1.0, 0.5]
    assert frame["document"].tolist() == [{"text": "a"}, {"text": "b"}]
    assert list(result().to_pandas().columns) == list(frame.columns)


def test_without_pandas_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)

    with pytest.raises(MissingDependencyError, match="pip install pandas"):
        result("a").to_pandas()


class Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_a_notebook_shows_a_table_with_every_text_escaped() -> None:
    hits = (
        RankedDocument(2, 0.9, "d", "<script>alert(1)</script>", 1, truncated=True),
        RankedDocument(0, 0.2, "d", "x" * 400, 2),
        RankedDocument(1, 0.0, "d", "late", 3, metadata={"scored": False}),
    )
    one = RerankResult(
        ranked=hits,
        usage=RerankUsage(),
        response=RerankResponse("m&m"),
        warnings=(RerankWarning("t", "1 < 2"),),
    )

    read = Cells()
    read.feed(one._repr_html_())

    assert "script" not in read.tags
    assert read.tags.count("tr") == 4
    shown = " ".join(read.text)
    assert "3 ↑2" in shown
    assert "1 ↓1" in shown
    assert "read only the beginning" in shown
    assert "not scored" in shown
    assert "m&m" in shown
    assert "1 < 2" in shown
    assert "x" * 299 + "…" in shown


def test_a_long_ranking_shows_its_beginning_in_a_notebook() -> None:
    shown = result(*"a" * 60)._repr_html_()

    assert shown.count("<tr>") == 51
    assert "10 more documents" in shown
