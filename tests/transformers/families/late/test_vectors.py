"""Vectors for other stores: they mean what a ranking of the texts means, to the bit, and MaxSim of a plain store agrees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from localrank import InferenceError, InvalidRequestError, rerank_sync
from localrank_transformers import OnnxReranker
from tests.support import late_graphs, tiny_models

QUERY = "what is the capital of france"
TEXTS = ["paris is the capital", "the city", "france .", "rag", "the capital of the city of paris " * 9]


def models(folder: Path) -> list[OnnxReranker]:
    float32 = late_graphs.build(folder / "m")
    return [
        OnnxReranker("localrank-tiny"),
        OnnxReranker(float32),
        OnnxReranker(float32, document_cache_mb=8),
    ]


def test_what_is_handed_in_again_scores_as_the_text_does(tmp_path: Path) -> None:
    for model in models(tmp_path):
        with model:
            expected = [
                hit.score for hit in sorted(rerank_sync(model, QUERY, TEXTS), key=lambda hit: hit.index)
            ]
            documents = [one.vectors for one in model.document_vectors(TEXTS)]
            assert model.score_vectors(QUERY, documents) == pytest.approx(expected, abs=1e-6)
            if model.model_id == "localrank-tiny":
                assert model.score_vectors(QUERY, documents) == expected


def test_a_store_that_adds_dot_products_up_finds_the_same_mean(tmp_path: Path) -> None:
    for model in models(tmp_path):
        with model:
            query, documents = model.query_vectors(QUERY), model.document_vectors(TEXTS)
            logits = [
                hit.metadata["logit"]
                for hit in sorted(rerank_sync(model, QUERY, TEXTS), key=lambda hit: hit.index)
            ]
        sums = [float((query.weighted @ one.vectors.T).max(axis=1).sum()) for one in documents]
        assert float(query.weights.sum()) == pytest.approx(1)
        assert np.corrcoef(sums, logits)[0, 1] > 0.999
        for one in (query, *documents):
            np.testing.assert_allclose(np.linalg.norm(one.vectors, axis=1), 1, rtol=1e-5)
            assert one.vectors.dtype == np.float32


def test_a_text_beyond_the_window_is_marked() -> None:
    with OnnxReranker("localrank-tiny", max_length=16) as model:
        found = model.document_vectors(["short", "long " * 50])
    assert [one.truncated for one in found] == [False, True]
    assert [len(one.vectors) <= 16 for one in found] == [True, True]


def test_vectors_of_another_shape_or_of_no_numbers_are_refused() -> None:
    with OnnxReranker("localrank-tiny") as model:
        width = model.query_vectors(QUERY).vectors.shape[1]
        no_numbers = ["a", [[1.0], [2.0, 3.0]], np.ones((3, width), dtype=np.complex64)]
        for wrong in (np.ones((3, width + 1)), np.ones(width), *no_numbers):
            with pytest.raises(InvalidRequestError, match="document 1"):
                model.score_vectors(QUERY, [np.ones((2, width)), wrong])
        with pytest.raises(InferenceError, match="not finite"):
            model.score_vectors(QUERY, [np.full((2, width), np.nan)])


def test_a_model_of_pairs_has_none(tmp_path: Path) -> None:
    model = OnnxReranker(tiny_models.build(tmp_path / "m"))
    with model, pytest.raises(InvalidRequestError, match="together with its query"):
        model.document_vectors(TEXTS)
