"""A cross-encoder of sentence-transformers as a model: on a stand-in, and on the library itself with small real weights."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from localrank import InvalidRequestError, InvalidResponseError, rerank_sync
from localrank.integrations import from_cross_encoder
from localrank.testing import RerankerConformance

QUERY = "what is the capital of france"
TEXTS = ["retrieval and machine learning", "paris is the capital of france", "pasta in the port city"]


class Identity:
    pass


class Sigmoid:
    pass


class Lengths:
    """Has the parts of a `CrossEncoder` that are read, and remembers how it was asked."""

    def __init__(self, **members: Any) -> None:
        self.asked: list[tuple[int, int]] = []
        self.__dict__.update(members)

    def predict(
        self, pairs: list[tuple[str, str]], *, batch_size: int, show_progress_bar: bool
    ) -> list[float]:
        assert not show_progress_bar
        self.asked.append((len(pairs), batch_size))
        return [float(len(document)) for _, document in pairs]


def test_it_ranks_by_predict_in_batches() -> None:
    model = Lengths()

    result = rerank_sync(from_cross_encoder(model, batch_size=2), "q", ["a", "aaa", "aa"])

    assert [hit.index for hit in result] == [1, 2, 0]
    assert sorted(model.asked) == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("kind", "activation"), [("probability", Sigmoid()), ("logit", Identity()), ("unknown", abs)]
)
def test_the_activation_says_what_a_score_is(kind: str, activation: object) -> None:
    assert kind == from_cross_encoder(Lengths(activation_fn=activation)).score_kind


def test_its_name_is_the_one_it_was_loaded_by() -> None:
    named = Lengths(config=SimpleNamespace(_name_or_path="some/model"))

    assert (
        from_cross_encoder(named).model_id,
        from_cross_encoder(Lengths()).model_id,
        from_cross_encoder(named, model_id="mine").model_id,
    ) == ("some/model", "Lengths", "mine")


def test_several_labels_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match="3 labels"):
        from_cross_encoder(Lengths(num_labels=3))


def test_what_cannot_predict_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="predict"):
        from_cross_encoder(object())


def test_too_few_scores_are_an_error() -> None:
    model = SimpleNamespace(predict=lambda pairs, **_: [1.0])

    with pytest.raises(InvalidResponseError, match="1 scores for 3"):
        rerank_sync(from_cross_encoder(model), QUERY, TEXTS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("sentence_transformers", reason="needs the extra `golden`")
    from tests.support import torch_models

    return torch_models.build_encoder(tmp_path_factory.mktemp("models") / "m", "bert")


def loaded(folder: Path) -> Any:
    from sentence_transformers import CrossEncoder

    return CrossEncoder(str(folder), device="cpu")


def test_it_gives_the_scores_of_sentence_transformers_itself(folder: Path) -> None:
    expected = loaded(folder).rank(QUERY, TEXTS)

    result = rerank_sync(from_cross_encoder(loaded(folder)), QUERY, TEXTS)

    assert [(one["corpus_id"], pytest.approx(one["score"], abs=1e-6)) for one in expected] == [
        (hit.index, hit.score) for hit in result
    ]
    assert result.score_kind == "probability"


class TestCrossEncoderConformance(RerankerConformance):
    @pytest.fixture(autouse=True)
    def build(self, folder: Path) -> None:
        self.folder = folder

    def make(self) -> Any:
        return from_cross_encoder(loaded(self.folder), batch_size=8)
