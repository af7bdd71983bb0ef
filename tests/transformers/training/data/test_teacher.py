"""A teacher's scores, from any reranker."""

from __future__ import annotations

import math

import pytest

from localrank.contract.model import DoRerankOptions, DoRerankResult, ScoredIndex
from localrank_transformers.training.data.lists import TrainingList
from localrank_transformers.training.data.teacher import logits_by, taught


class Probabilities:
    model_id = "probabilities"
    provider = "test"

    def do_rerank_sync(self, options: DoRerankOptions) -> DoRerankResult:
        return DoRerankResult([ScoredIndex(i, float(text)) for i, text in enumerate(options.documents)])


def test_a_probability_becomes_its_logit_in_the_order_of_the_documents() -> None:
    found = logits_by(Probabilities(), [TrainingList("q", ("0.25", "0.75", "1.0"))])
    assert found == [[pytest.approx(-math.log(3)), pytest.approx(math.log(3)), 30.0]]


def test_the_embedded_model_teaches_its_logits() -> None:
    lists = [TrainingList("What is rust?", ("Rust is an oxide of iron.", "Bread is baked."), (1.0, 0.0))]
    scores = taught("localrank-mini", lists)[0].scores
    assert scores is not None
    assert scores[0] > 0 > scores[1]
