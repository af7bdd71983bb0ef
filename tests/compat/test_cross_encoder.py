"""The interface of sentence-transformers' `CrossEncoder` over our models, beside the original where it is installed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from localrank import Cascade, InvalidRequestError, InvalidResponseError, rerank_sync
from localrank.compat import CrossEncoder
from localrank.testing import LexicalReranker, MockReranker
from localrank_transformers import OnnxReranker
from tests.support import tiny_models
from tests.support.notes import ANSWER, TEXTS
from tests.support.notes import QUERY as NOTES_QUERY

QUERY = "what is the capital of france"
WORDS = ["retrieval and machine learning", "paris is the capital of france", "pasta in the port city"]
PAIRS = [(QUERY, text) for text in WORDS]


class Identity:
    pass


class Sigmoid:
    pass


class Tanh:
    pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_models.build(tmp_path / "m")


def test_the_default_is_the_embedded_model() -> None:
    [first] = CrossEncoder().rank(NOTES_QUERY, TEXTS, top_k=1, return_documents=True)

    assert first["text"] == ANSWER


def test_pairs_give_an_array_of_float32_in_their_order(folder: Path) -> None:
    scores = CrossEncoder(folder).predict(PAIRS)

    expected = [rerank_sync(OnnxReranker(folder), QUERY, [text])[0].score for text in WORDS]
    assert (np.float32, (3,)) == (scores.dtype, scores.shape)
    assert expected == pytest.approx(scores.tolist(), abs=1e-6)


def test_one_pair_gives_one_number(folder: Path) -> None:
    model = CrossEncoder(folder)

    assert isinstance(model.predict(PAIRS[1]), np.float32)
    assert model.predict(PAIRS)[1] == model.predict(PAIRS[1]) == model.predict(list(PAIRS[1]))


def test_pairs_of_several_queries_may_be_mixed() -> None:
    pairs = [("paris", "paris"), ("pasta", "paris"), ("paris", "pasta"), ("pasta", "pasta")]

    scores = CrossEncoder(LexicalReranker()).predict(pairs)

    assert [bool(score) for score in scores] == [True, False, False, True]


def test_an_array_of_pairs_is_read_too(folder: Path) -> None:
    model = CrossEncoder(folder)

    assert model.predict(PAIRS).tolist() == model.predict(np.array(PAIRS)).tolist()
    assert model.predict(PAIRS[0]) == model.predict(np.array(PAIRS[0]))


def test_no_pairs_give_an_empty_array(folder: Path) -> None:
    assert CrossEncoder(folder).predict([]).shape == (0,)


def test_without_numpy_there_is_a_list(folder: Path) -> None:
    scores = CrossEncoder(folder).predict(PAIRS, convert_to_numpy=False)

    assert CrossEncoder(folder).predict(PAIRS).tolist() == scores
    assert isinstance(scores, list)


def test_rank_gives_index_and_score_best_first(folder: Path) -> None:
    ranked = CrossEncoder(folder).rank(QUERY, WORDS)

    expected = rerank_sync(OnnxReranker(folder), QUERY, WORDS)
    assert [{"corpus_id": hit.index, "score": hit.score} for hit in expected] == ranked


def test_rank_returns_the_best_with_their_texts_where_asked() -> None:
    model = CrossEncoder(MockReranker([[0.1, 0.9, 0.5]]))

    assert [
        {"corpus_id": 1, "score": 0.9, "text": WORDS[1]},
        {"corpus_id": 2, "score": 0.5, "text": WORDS[2]},
    ] == model.rank(QUERY, WORDS, 2, True)


def test_an_identity_gives_logits_and_a_sigmoid_over_them_the_same_as_none(folder: Path) -> None:
    raw = CrossEncoder(folder, activation_fn=Identity())
    logits = raw.predict(PAIRS)

    expected = [1 / (1 + math.exp(-logit)) for logit in logits.tolist()]
    assert expected == pytest.approx(CrossEncoder(folder, activation_fn=Sigmoid()).predict(PAIRS).tolist())
    assert expected == pytest.approx(CrossEncoder(folder).predict(PAIRS).tolist())
    assert expected == pytest.approx(raw.predict(PAIRS, activation_fn=Sigmoid).tolist())
    assert sorted(expected)[::-1] == pytest.approx(
        [one["score"] for one in raw.rank(QUERY, WORDS, activation_fn=Sigmoid())]
    )


def test_logits_of_a_model_that_gives_probabilities_are_refused_at_the_call(folder: Path) -> None:
    with pytest.raises(InvalidRequestError, match="constructor"):
        CrossEncoder(folder).predict(PAIRS, activation_fn=Identity())


def test_another_activation_is_refused(folder: Path) -> None:
    with pytest.raises(InvalidRequestError, match="Tanh"):
        CrossEncoder(folder, activation_fn=Tanh())


@pytest.mark.parametrize(
    ("settings", "named"), [({"batch_size": 0}, "batch_size"), ({"convert_to_tensor": True}, "from_numpy")]
)
def test_what_cannot_work_is_refused(folder: Path, settings: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRequestError, match=named):
        CrossEncoder(folder).predict(PAIRS, **settings)


@pytest.mark.parametrize("broken", [[("q", "a", "b")], [("q",)], [("q", 1)], ("q", 1)])
def test_what_is_no_pair_is_refused(folder: Path, broken: Any) -> None:
    with pytest.raises(InvalidRequestError, match="two strings"):
        CrossEncoder(folder).predict(broken)


def test_settings_beside_a_made_reranker_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match="max_length"):
        CrossEncoder(LexicalReranker(), max_length=3)


def test_a_setting_that_the_backend_does_not_have_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="device"):
        CrossEncoder(device="cuda")


def test_a_model_that_ranks_in_tiers_gives_ranks_and_no_scores_of_pairs() -> None:
    model = CrossEncoder(Cascade(LexicalReranker(), MockReranker(), keep=1))

    assert len(model.rank(QUERY, WORDS)) == 3
    with pytest.raises(InvalidResponseError, match="tiers"):
        model.predict(PAIRS)


@pytest.mark.parametrize(
    "settings",
    [
        {"num_labels": 1},
        {"trust_remote_code": True},
        {"token": None, "model_card_data": None, "prompts": {}, "modules": None},
        {"model_kwargs": {"torch_dtype": "auto", "attn_implementation": "sdpa"}},
        {"automodel_args": {"dtype": "float32"}},
        {"tokenizer_args": {"use_fast": True}, "config_args": {"num_labels": 1}},
        {"classifier_dropout": 0.1},
        {"default_activation_function": Sigmoid()},
    ],
)
def test_an_argument_that_changes_nothing_here_is_taken(folder: Path, settings: dict[str, Any]) -> None:
    model = CrossEncoder(folder, **settings)

    assert model.predict(PAIRS).tolist() == CrossEncoder(folder).predict(PAIRS).tolist()


def test_old_names_and_places_mean_what_they_meant(folder: Path) -> None:
    raw = CrossEncoder(folder, activation_fn=Identity())

    for model in (
        CrossEncoder(model_name=folder, default_activation_function=Identity()),
        CrossEncoder(folder, 1, None, Identity()),
    ):
        assert model.predict(PAIRS).tolist() == raw.predict(PAIRS).tolist()
    short = CrossEncoder(folder, max_length=16).predict(PAIRS).tolist()
    for model in (
        CrossEncoder(folder, 1, 16),
        CrossEncoder(folder, processor_kwargs={"model_max_length": 16}),
        CrossEncoder(folder, tokenizer_kwargs={"model_max_length": 16}),
    ):
        assert model.predict(PAIRS).tolist() == short
    assert raw.predict(sentences=PAIRS).tolist() == raw.predict(PAIRS).tolist()
    assert raw.predict(PAIRS, activation_fct=Sigmoid()).tolist() == pytest.approx(
        CrossEncoder(folder).predict(PAIRS).tolist()
    )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"num_labels": 3}, "num_labels is 3"),
        ({"prompts": {"query": "x: "}}, "prompts is"),
        ({"default_prompt_name": "query"}, "default_prompt_name is 'query'"),
        ({"token": "hf_secret"}, "token is given.* HF_TOKEN"),
        ({"model_kwargs": {"torch_dtype": "bfloat16"}}, "model_kwargs sets 'torch_dtype'"),
        ({"model_kwargs": {"file_name": "x.onnx"}}, "model_kwargs sets 'file_name'"),
        ({"processor_kwargs": {"padding_side": "left"}}, "processor_kwargs sets 'padding_side'"),
        ({"config_kwargs": ["num_labels"]}, "config_kwargs is of type list"),
        ({"backend": "openvino"}, "backend is 'openvino'"),
        ({"max_lenght": 3}, "no argument 'max_lenght'. Did you mean 'max_length'"),
        ({"num_workers": 3}, "no argument 'num_workers'"),
        ({"model_name_or_path": ""}, "model is ''"),
    ],
)
def test_an_argument_that_would_change_scores_is_refused_by_name(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said) as caught:
        CrossEncoder(**settings)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"num_workers": 2},
        {"apply_softmax": True},
        {"device": "cpu"},
        {"pool": None, "chunk_size": 8},
        {"prompt": None, "prompt_name": None},
    ],
)
def test_a_call_takes_what_changes_nothing_here(settings: dict[str, Any]) -> None:
    model = CrossEncoder(LexicalReranker())

    assert model.predict(PAIRS, **settings).tolist() == model.predict(PAIRS).tolist()
    assert model.rank(QUERY, WORDS, convert_to_tensor=False, **settings) == model.rank(QUERY, WORDS)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"prompt": "query: "}, "prompt is 'query: '"),
        ({"device": "cuda"}, "device is 'cuda'"),
        ({"pool": {}}, "pool is {}"),
        ({"sentense": 1}, "no argument 'sentense'"),
    ],
)
def test_a_call_refuses_by_name_what_would_change_scores(settings: dict[str, Any], said: str) -> None:
    model = CrossEncoder(LexicalReranker())

    with pytest.raises(InvalidRequestError, match=f"{said}"):
        model.predict(PAIRS, **settings)
    with pytest.raises(InvalidRequestError, match=f"{said}"):
        model.rank(QUERY, WORDS, **settings)


def test_pairs_may_come_from_zip_and_from_a_column() -> None:
    model = CrossEncoder(LexicalReranker())
    expected = model.predict(PAIRS).tolist()

    assert model.predict(zip([QUERY] * 3, WORDS, strict=True)).tolist() == expected
    assert model.predict(pair for pair in PAIRS).tolist() == expected
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"query": QUERY, "text": WORDS}, index=[5, 3, 9])
    assert model.predict(list(zip(table["query"], table["text"], strict=True))).tolist() == expected
    assert model.rank(QUERY, table["text"]) == model.rank(QUERY, WORDS)
    with pytest.raises(InvalidRequestError, match="DataFrame"):
        model.rank(QUERY, table)


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_a_table_of_two_columns_holds_a_pair_a_row(kind: str) -> None:
    module = pytest.importorskip(kind)
    made = module.table if kind == "pyarrow" else module.DataFrame
    table = made({"query": [QUERY] * 3, "text": WORDS})
    model = CrossEncoder(LexicalReranker())

    assert model.predict(table).tolist() == model.predict(PAIRS).tolist()
    with pytest.raises(InvalidRequestError, match=r"columns is 1\..*two of them, the query first"):
        model.predict(made({"text": WORDS}))
    with pytest.raises(InvalidRequestError, match=r"inputs\[1\] is"):
        model.predict(made({"query": [QUERY] * 3, "text": [WORDS[0], None, WORDS[1]]}))
    assert model.predict(made({"query": [], "text": []})).tolist() == []


def test_rows_of_a_table_of_pandas_are_told_apart_whatever_its_index_and_names() -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(list(zip([QUERY] * 3, WORDS, strict=True)), index=[5, 3, 9], columns=["x", "x"])
    model = CrossEncoder(LexicalReranker())

    assert model.predict(table).tolist() == model.predict(PAIRS).tolist()


def test_a_table_that_has_no_rows_yet_is_refused() -> None:
    polars = pytest.importorskip("polars")
    table = polars.LazyFrame({"query": [QUERY] * 3, "text": WORDS})

    with pytest.raises(InvalidRequestError, match=r"LazyFrame.*no rows yet.*collect\(\)"):
        CrossEncoder(LexicalReranker()).predict(table)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        (None, "inputs is of type NoneType"),
        ("q", "inputs is of type str"),
        ({"q": "a"}, "inputs is of type dict"),
        (3, "inputs is of type int"),
        ([("q", "a"), "xy"], r"inputs\[1\] is 'xy'"),
        ([("q", "a"), None], r"inputs\[1\] is None"),
        ([("q", None)], r"inputs\[0\] is \('q', None\)"),
        ([("q", b"a")], r"inputs\[0\] is \('q', b'a'\)"),
        ([3], r"inputs\[0\] is 3"),
    ],
)
def test_what_holds_no_pairs_is_named(inputs: Any, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        CrossEncoder(LexicalReranker()).predict(inputs)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("sentence_transformers", reason="needs the extra `golden`")
    from tests.support import torch_models

    return torch_models.build_encoder(tmp_path_factory.mktemp("models") / "m", "bert")


def original(weights: Path, **settings: Any) -> Any:
    from sentence_transformers import CrossEncoder as Original

    return Original(str(weights), device="cpu", **settings)


def ours(weights: Path, **settings: Any) -> CrossEncoder:
    return CrossEncoder(weights, backend="torch", device="cpu", **settings)


@pytest.mark.parametrize("inputs", [PAIRS, PAIRS[1], list(PAIRS[1]), np.array(PAIRS)], ids=str)
def test_predict_returns_what_the_original_returns(weights: Path, inputs: Any) -> None:
    expected, scores = original(weights).predict(inputs), ours(weights).predict(inputs)

    assert (type(expected), expected.dtype, expected.shape) == (type(scores), scores.dtype, scores.shape)
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_rank_returns_what_the_original_returns(weights: Path) -> None:
    for settings in ({}, {"top_k": 2}, {"return_documents": True}, {"top_k": 99}):
        expected = original(weights).rank(QUERY, WORDS, **settings)

        ranked = ours(weights).rank(QUERY, WORDS, **settings)

        assert [{**one, "score": pytest.approx(one["score"], abs=1e-5)} for one in expected] == ranked
        assert [list(one) for one in expected] == [list(one) for one in ranked]


def test_logits_are_those_of_the_original(weights: Path) -> None:
    torch = pytest.importorskip("torch")
    identity = torch.nn.Identity()

    expected = original(weights, activation_fn=identity).predict(PAIRS)

    np.testing.assert_allclose(ours(weights, activation_fn=identity).predict(PAIRS), expected, atol=1e-4)


def test_a_device_that_the_backend_has_not_is_refused_with_the_one_that_has() -> None:
    assert CrossEncoder("localrank-tiny", device="cpu")
    with pytest.raises(
        InvalidRequestError, match=r"device is 'cuda:0', and the backend .* backend=\"torch\""
    ):
        CrossEncoder("localrank-tiny", device="cuda:0")


def test_what_the_model_warns_of_goes_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    german = "Wie setze ich den Router zurück, wenn er nicht mehr geht?"
    cross_encoder = CrossEncoder("localrank-tiny")
    cross_encoder.rank(german, WORDS)
    cross_encoder.predict([(german, text) for text in WORDS])

    assert [record.getMessage()[:17] for record in caplog.records] == ["unread_language: "] * 2


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("fit", "localrank train"),
        ("to", "device="),
        ("save_pretrained", "files"),
        ("tokenizer", "predict and rank"),
    ],
)
def test_what_only_sentence_transformers_has_is_told(name: str, said: str) -> None:
    encoder = CrossEncoder(LexicalReranker())
    assert not hasattr(encoder, name)
    with pytest.raises(AttributeError, match=f"{name}.+{said}"):
        getattr(encoder, name)
