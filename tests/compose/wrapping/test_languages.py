"""A wrapper reads what all its models read."""

from __future__ import annotations

from typing import Any

import pytest

from localrank import Batched, Fallback
from localrank.testing import LexicalReranker
from localrank_transformers import OnnxReranker


def reading(*languages: str) -> Any:
    model = LexicalReranker()
    model.languages = languages  # type: ignore[attr-defined]
    return model


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        (("en", "de"), ("de", "fr"), ("de",)),
        (("en", "de"), ("multilingual",), ("en", "de")),
        (("multilingual",), ("multilingual",), ("multilingual",)),
        (("en",), ("de",), ()),
        (("en",), (), ()),
    ],
)
def test_languages_are_those_that_all_models_have(
    one: tuple[str, ...], other: tuple[str, ...], common: tuple[str, ...]
) -> None:
    assert Fallback(reading(*one), reading(*other)).languages == common


def test_a_model_that_says_nothing_of_languages_leaves_them_unknown() -> None:
    assert Fallback(OnnxReranker(), LexicalReranker()).languages == ()
    assert Batched(OnnxReranker(), max_documents=3).languages == ("en",)
