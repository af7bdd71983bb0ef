"""Numbers that wrappers are made with: of any kind of integer, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from localrank import Batched, Cascade, Chunked, Diversified, InvalidRequestError


@pytest.mark.parametrize(
    ("wrapper", "name"),
    [(Cascade, "keep"), (Diversified, "candidates"), (Chunked, "chunk_tokens"), (Batched, "max_documents")],
)
def test_a_number_of_numpy_is_the_number(wrapper: Callable[..., Any], name: str) -> None:
    models = ["lexical:default"] * (2 if wrapper is Cascade else 1)
    assert wrapper(*models, **{name: np.int64(20)}).fingerprint == wrapper(*models, **{name: 20}).fingerprint


@pytest.mark.parametrize("wrong", [True, 2.5, 0])
def test_what_is_no_whole_number_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidRequestError, match="keep is"):
        Cascade("lexical:default", "lexical:default", keep=wrong)
    with pytest.raises(InvalidRequestError, match="candidates is"):
        Diversified("lexical:default", candidates=wrong)
    with pytest.raises(InvalidRequestError, match="chunk_tokens is"):
        Chunked("lexical:default", chunk_tokens=wrong)
