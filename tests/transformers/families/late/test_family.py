"""Late interaction on ONNX Runtime: the scores of MaxSim, a query encoded once, each document alone, nothing kept."""

from __future__ import annotations

import json
import random
import threading
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from localrank import InvalidRequestError, ModelLoadError, RerankAbortedError, rerank
from localrank_transformers import OnnxReranker
from localrank_transformers.call.contract import Row
from localrank_transformers.engines.onnx.session import OnnxRequest
from localrank_transformers.families.late.cosines import mean_of_best_cosines
from localrank_transformers.families.late.family import LateFamily
from localrank_transformers.families.late.tokens import LateTokenizer
from tests.support import late_graphs
from tests.support.loopback_hub import LoopbackHub

pytestmark = pytest.mark.anyio

QUERY = "what is the capital of france"
SMALL = ["config.json", "tokenizer.json", "tokenizer_config.json"]


def documents(count: int = 40) -> list[str]:
    """Texts of unequal lengths with punctuation, the last few beyond the model's window."""
    chance = random.Random(5)
    words = [f"w{number}" for number in range(60)] + ["the", "paris", "france", "capital", "."]
    return [" ".join(chance.choices(words, k=1 + at % 30)) for at in range(count)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return late_graphs.build(tmp_path / "m")


async def scores(model: OnnxReranker, texts: Sequence[str], query: str = QUERY) -> list[float]:
    found = {hit.index: hit.score for hit in await rerank(model, query, texts)}
    return [found[index] for index in range(len(texts))]


async def test_a_score_is_the_mean_of_the_best_cosines(folder: Path) -> None:
    expected = late_graphs.expected(QUERY, documents())

    assert np.std(expected) > 0.02
    assert await scores(OnnxReranker(folder), documents()) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("attends", [False, True])
async def test_the_tokens_that_fill_a_query_are_seen_only_where_the_model_says_so(
    tmp_path: Path, attends: bool
) -> None:
    folder = late_graphs.build(tmp_path / "m", attend_to_mask_tokens=attends)
    expected = late_graphs.expected(QUERY, documents(), attends=attends)

    assert expected != pytest.approx(late_graphs.expected(QUERY, documents(), attends=not attends), abs=1e-3)
    assert await scores(OnnxReranker(folder), documents()) == pytest.approx(expected, abs=1e-5)


async def test_a_score_is_bit_identical_alone_among_others_and_in_any_order(folder: Path) -> None:
    model, texts = OnnxReranker(folder), documents()
    together = await scores(model, texts)

    assert (await scores(model, texts[::-1]))[::-1] == together
    assert [(await scores(model, [text]))[0] for text in texts[:5]] == together[:5]


async def test_the_scores_are_cosines_not_probabilities(folder: Path) -> None:
    model = OnnxReranker(folder)
    assert model.score_kind == "logit"
    result = await rerank(model, QUERY, ["paris"])
    assert (result.score_kind, result[0].metadata["logit"]) == ("logit", result[0].score)
    assert OnnxReranker(folder, activation="sigmoid").score_kind == "probability"


def state(folder: Path, **settings: object) -> Path:
    """Write the numbers that make a logit of a cosine into the folder."""
    content = {
        "format": 1,
        "family": "late-interaction",
        "template": None,
        "labels": [],
        "settings": settings,
    }
    (folder / "localrank.json").write_text(json.dumps(content))
    return folder


async def test_scale_and_bias_make_a_probability_of_the_cosine(folder: Path) -> None:
    texts = documents()
    logits = [8 * cosine - 2 for cosine in late_graphs.expected(QUERY, texts)]
    model = OnnxReranker(state(folder, scale=8.0, bias=-2))

    before = model.score_kind
    result = await rerank(model, QUERY, texts)

    assert (before, result.score_kind, model.score_kind) == ("probability",) * 3
    found = {hit.index: (hit.metadata["logit"], hit.score) for hit in result}
    assert [found[at][0] for at in range(len(texts))] == pytest.approx(logits, abs=1e-4)
    assert [found[at][1] for at in range(len(texts))] == pytest.approx(
        [1 / (1 + np.exp(-logit)) for logit in logits], abs=1e-4
    )


async def test_without_scale_and_bias_the_folder_may_say_its_family_alone(folder: Path) -> None:
    model = OnnxReranker(state(folder))
    assert model.score_kind == "logit"
    assert await scores(model, documents()) == pytest.approx(
        late_graphs.expected(QUERY, documents()), abs=1e-5
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"scale": 0.0, "bias": 1.0},
        {"scale": 25.0},
        {"bias": 1},
        {"scale": "25", "bias": 1},
        {"scale": True, "bias": 1},
        {"scale": 25.0, "bias": float("nan")},
    ],
)
async def test_numbers_that_are_none_are_refused(folder: Path, settings: dict[str, object]) -> None:
    with pytest.raises(ModelLoadError, match="scale"):
        await rerank(OnnxReranker(state(folder, **settings)), QUERY, ["paris"])


async def test_the_querys_tokens_count_by_the_lengths_of_their_vectors_where_the_files_say_so(
    folder: Path,
) -> None:
    expected = late_graphs.expected(QUERY, documents(), by_length=True)

    assert expected != pytest.approx(late_graphs.expected(QUERY, documents()), abs=1e-3)
    model = OnnxReranker(state(folder, query_weights="length"))
    assert await scores(model, documents()) == pytest.approx(expected, abs=1e-5)


async def test_unit_vectors_are_refused_where_lengths_count(folder: Path) -> None:
    late_graphs.write_graph(folder / "onnx/model.onnx", late_graphs.WIDTH, unit=True)
    assert len(await rerank(OnnxReranker(folder), QUERY, documents(3))) == 3
    with pytest.raises(ModelLoadError, match="unit vectors"):
        await rerank(OnnxReranker(state(folder, query_weights="length")), QUERY, ["paris"])


async def test_unknown_weights_are_refused(folder: Path) -> None:
    with pytest.raises(ModelLoadError, match=r"query_weights 'idf'.*'length'"):
        await rerank(OnnxReranker(state(folder, query_weights="idf")), QUERY, ["paris"])


async def test_an_encoder_whose_own_vectors_are_compared_needs_no_further_file(tmp_path: Path) -> None:
    folder = state(late_graphs.build(tmp_path / "m"), scale=8.0, bias=-2.0)
    (folder / "artifact.metadata").unlink()
    config = json.loads((folder / "config.json").read_text())
    bare = {**config, "architectures": ["BertModel"], "hidden_size": late_graphs.WIDTH}
    (folder / "config.json").write_text(json.dumps(bare))

    result = await rerank(OnnxReranker(folder), "paris", ["paris", "city"])

    assert [(hit.index, hit.metadata["logit"]) for hit in result][:1] == [(0, pytest.approx(6.0))]
    assert result.usage.input_tokens == 3 * 3


async def test_a_query_is_encoded_once_and_each_document_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[int] = []
    original = OnnxRequest.vectors

    def counting(self: OnnxRequest, rows: Sequence[Row], *, alone: bool) -> Any:
        assert len(rows) == 1
        lengths.append(len(rows[0].ids))
        return original(self, rows, alone=alone)

    monkeypatch.setattr(OnnxRequest, "vectors", counting)
    texts = ["paris", "paris city", "the port of paris", "paris"]
    result = await rerank(OnnxReranker(folder), QUERY, texts)

    assert sorted(lengths) == sorted([late_graphs.QUERY_LENGTH, 4, 5, 7])
    assert result.usage.input_tokens == late_graphs.QUERY_LENGTH + 4 + 5 + 7


async def test_no_documents_vectors_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alive: list[weakref.ref[Any]] = []
    most = 0
    original = OnnxRequest.vectors

    def watching(self: OnnxRequest, rows: Sequence[Row], *, alone: bool) -> Any:
        nonlocal most
        most = max(most, sum(ref() is not None for ref in alive))
        output = original(self, rows, alone=alone)
        alive.append(weakref.ref(output[0]))
        return output

    monkeypatch.setattr(OnnxRequest, "vectors", watching)
    model = OnnxReranker(folder, threads=1)
    await rerank(model, QUERY, documents(200))

    assert len(alive) == 201
    assert most <= 2


async def test_long_texts_are_cut_and_marked(folder: Path) -> None:
    result = await rerank(OnnxReranker(folder), "paris " * 30, ["paris", "city " * 50])

    assert {hit.index: hit.truncated for hit in result} == {0: False, 1: True}
    assert sorted(warning.type for warning in result.warnings) == ["documents_truncated", "query_truncated"]
    assert "what this model reads" in next(one.message for one in result.warnings if "query" in one.type)
    assert result.usage.truncated_documents == 1


async def test_an_abort_ends_the_call_and_the_model_is_usable_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, event = OnnxReranker(folder), threading.Event()
    expected = await scores(model, ["paris"])
    original = LateTokenizer.row
    rows = 0

    def slow(self: LateTokenizer, document: Any) -> Any:
        nonlocal rows
        rows += 1
        time.sleep(0.005)
        return original(self, document)

    timer = threading.Timer(0.1, event.set)
    timer.start()
    with monkeypatch.context() as patched:
        patched.setattr(LateTokenizer, "row", slow)
        with pytest.raises(RerankAbortedError):
            await rerank(model, QUERY, documents(4_000), abort_event=event)
    timer.join()
    assert rows < 4_000
    assert await scores(model, ["paris"]) == expected


async def test_a_deadline_returns_what_was_scored(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = OnnxReranker(folder)
    await model.warm_up()
    original = LateTokenizer.row

    def slow(self: LateTokenizer, document: Any) -> Any:
        time.sleep(0.01)
        return original(self, document)

    monkeypatch.setattr(LateTokenizer, "row", slow)
    result = await rerank(model, QUERY, documents(2_000), deadline=0.4)

    assert len(result) == 2_000
    assert "deadline_exceeded" in [warning.type for warning in result.warnings]


async def test_the_encoder_without_its_projection_is_refused(folder: Path) -> None:
    late_graphs.write_graph(folder / "onnx/model.onnx", late_graphs.HIDDEN)
    with pytest.raises(ModelLoadError, match=r"without its projection.*models export"):
        await rerank(OnnxReranker(folder), QUERY, ["paris"])


async def test_an_instruction_has_no_place(folder: Path) -> None:
    with pytest.raises(InvalidRequestError, match="instruction"):
        await rerank(OnnxReranker(folder, instruction="x"), QUERY, ["paris"])
    result = await rerank(OnnxReranker(folder), QUERY, ["paris"], instruction="x")
    assert [warning.feature for warning in result.warnings] == ["instruction"]


async def test_max_length_cuts_documents(folder: Path) -> None:
    result = await rerank(OnnxReranker(folder, max_length=16), QUERY, ["paris " * 14, "paris " * 10])
    assert {hit.index: hit.truncated for hit in result} == {0: True, 1: False}


def test_a_document_of_skipped_tokens_only_has_the_least_cosine() -> None:
    vectors = np.eye(2, dtype=np.float32)
    assert mean_of_best_cosines(vectors, vectors, np.zeros(2, dtype=np.int64)) == -1.0
    assert mean_of_best_cosines(vectors, vectors, np.array([1, 0])) == 0.5


def test_long_texts_are_compared_in_parts_with_the_same_result() -> None:
    chance = np.random.default_rng(3)
    query, document = (chance.normal(size=(tokens, 384)).astype(np.float32) for tokens in (20, 300))
    query /= np.linalg.norm(query, axis=1, keepdims=True)
    unit = document / np.linalg.norm(document, axis=1, keepdims=True)

    assert mean_of_best_cosines(query, document) == pytest.approx(
        (query @ unit.T).max(axis=1).mean(), abs=1e-6
    )


def test_spans_are_those_of_the_text(folder: Path) -> None:
    with OnnxReranker(folder) as model:
        assert model.token_spans("paris city") == [(0, 5), (6, 10)]
        assert isinstance(model._once.get()[0].family, LateFamily)


def publish(hub: LoopbackHub, name: str, folder: Path) -> None:
    """Publish the layout of answerai-colbert-small: one graph with the projection, and three without it."""
    late_graphs.build(folder, onnx_name="vespa_colbert.onnx")
    late_graphs.write_graph(folder / "encoder.onnx", late_graphs.HIDDEN)
    encoder = (folder / "encoder.onnx").read_bytes()
    names = [*SMALL, "artifact.metadata", "vespa_colbert.onnx"]
    files = {name: (folder / name).read_bytes() for name in names}
    unwanted = ["onnx/model.onnx", "onnx/model_fp16.onnx", "onnx/model_int8.onnx"]
    hub.add(name, {**files, **dict.fromkeys(unwanted, encoder), "model.safetensors": b"x"})


@pytest.mark.parametrize("name", ["answerai-colbert-small", "some-one/colbert"])
async def test_a_repository_with_a_graph_for_vespa_is_served_by_that_one(
    hub: LoopbackHub, tmp_path: Path, name: str
) -> None:
    repository = "answerdotai/answerai-colbert-small-v1" if "/" not in name else name
    publish(hub, repository, tmp_path / "m")
    model = OnnxReranker(name)
    texts = documents(20)

    assert await scores(model, texts) == pytest.approx(late_graphs.expected(QUERY, texts), abs=1e-5)
    assert hub.asked("head") == [*SMALL, "artifact.metadata", "vespa_colbert.onnx"]
    assert (model.model_id, model.score_kind) == (repository, "logit")


async def test_int8_of_such_a_repository_is_refused_and_not_fetched(hub: LoopbackHub, tmp_path: Path) -> None:
    publish(hub, "some-one/colbert", tmp_path / "m")
    with pytest.raises(ModelLoadError, match="int8"):
        await rerank(OnnxReranker("some-one/colbert", precision="int8"), QUERY, ["paris"])
    assert "onnx/model_int8.onnx" not in hub.asked("head")


async def test_pylates_layout_is_fetched_with_its_modules(hub: LoopbackHub, tmp_path: Path) -> None:
    folder = late_graphs.build(tmp_path / "m")
    modules = [
        {"path": "", "type": "sentence_transformers.models.Transformer"},
        {"path": "1_Dense", "type": "pylate.models.Dense.Dense"},
    ]
    stated = {
        "model_type": "ColBERT",
        "query_prefix": "[unused0]",
        "document_prefix": "[unused1]",
        "query_length": late_graphs.QUERY_LENGTH,
        "document_length": late_graphs.DOCUMENT_LENGTH,
        "skiplist_words": late_graphs.PUNCTUATION,
    }
    config = {**json.loads((folder / "config.json").read_text()), "architectures": ["BertModel"]}
    more = {
        "config.json": config,
        "modules.json": modules,
        "config_sentence_transformers.json": stated,
        "1_Dense/config.json": {"out_features": late_graphs.WIDTH},
    }
    files = {name: (folder / name).read_bytes() for name in [*SMALL, "onnx/model.onnx"]}
    files |= {name: json.dumps(content).encode() for name, content in more.items()}
    hub.add("some-one/modern", {**files, "1_Dense/model.safetensors": b"x"})
    texts = documents()

    found = await scores(OnnxReranker("some-one/modern"), texts)

    assert found == pytest.approx(late_graphs.expected(QUERY, texts), abs=1e-5)
    assert "1_Dense/model.safetensors" not in hub.asked("head")
