"""An object that is no reranker brings what to pass in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from localrank import InvalidRequestError, rerank_sync
from localrank.compat import CohereClient, CrossEncoder, Reranker
from localrank.testing import LexicalReranker


def of(module: str) -> Any:
    """Return an object of a class that a module of another library has."""
    base = type("CrossEncoder", (), {"__module__": module, "__call__": lambda self: 0})
    return type("Own", (base,), {})()


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (None, 'Pass the name of a model, such as "localrank-mini"'),
        (Path("folder"), r"Pass OnnxReranker\(path\)"),
        (lambda query, text: 1.0, r"Pass from_callable\(…\)"),
        (of("sentence_transformers.cross_encoder.model"), r"Pass from_cross_encoder\(…\)"),
        (of("flashrank.Ranker"), r"Pass from_flashrank\(…\)"),
        (of("llama_index.core.postprocessor"), r"Pass from_llama_index\(…\)"),
        (CrossEncoder(LexicalReranker()), r"\.model is a reranker"),
        (Reranker(LexicalReranker()), r"\.model is a reranker"),
        (CohereClient(LexicalReranker()), r"\.reranker is a reranker"),
        (object(), "A reranker has model_id, provider and do_rerank"),
    ],
)
def test_what_is_no_reranker_brings_what_to_pass(model: Any, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        rerank_sync(model, "q", ["a"])
