"""Keywords of other libraries bring the name that the argument has here, wherever the library itself looks at keywords."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas
import pytest

from localrank import rerank_frame_sync, rerank_many_sync
from localrank.calling.keywords import check_keywords

TAKEN = ("top_k", "documents", "min_score", "timeout")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("top_n", r"f\(\) got an unexpected keyword argument 'top_n'\. Did you mean 'top_k'\?$"),
        ("docs", "Did you mean 'documents'"),
        ("score_threshold", "Did you mean 'min_score'"),
        ("time_out", "Did you mean 'timeout'"),
        ("return_documents", "each hit has its document"),
        ("colour", r"'colour'\.$"),
        ("cohere_api_key", "Give it to a reranker, and pass that as the model"),
    ],
)
def test_an_unknown_keyword_brings_the_one_that_is_meant(given: str, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        check_keywords("f", [given], TAKEN)


def test_known_keywords_pass() -> None:
    check_keywords("f", TAKEN, TAKEN)


@pytest.mark.parametrize(
    "call",
    [
        lambda **options: rerank_many_sync("lexical:default", [("q", ["a"])], **options),
        lambda **options: rerank_frame_sync(
            "lexical:default", "q", pandas.DataFrame({"text": ["a"]}), **options
        ),
    ],
)
@pytest.mark.parametrize(
    ("given", "meant"), [("top_n", "'top_k'"), ("treshold", ""), ("time_out", "'timeout'")]
)
def test_calls_with_open_options_look_at_them_first(
    call: Callable[..., object], given: str, meant: str
) -> None:
    options: dict[str, Any] = {given: 1}
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{given}'.*{meant}"):
        call(**options)
