"""Optimized graphs give the model's own logits; int8 ranks alike; the record says how."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from localrank import RankedDocument, rerank_sync
from localrank.contract.errors import ModelLoadError
from localrank_transformers import OnnxReranker
from localrank_transformers.call.contract import Row
from localrank_transformers.call.planner import PACKED_DOCUMENTS
from localrank_transformers.engines.native.library import library
from localrank_transformers.engines.onnx.session import OnnxEngine
from localrank_transformers.families.tokenization import PairTokenizer
from localrank_transformers.optimizing.encoder.graph import Int8, build_graph
from localrank_transformers.optimizing.encoder.weights import Encoder, read_encoder
from localrank_transformers.optimizing.exactness import compare, last_layer_widths
from localrank_transformers.optimizing.kept.store import file_sum
from localrank_transformers.optimizing.making import BUILT_IN
from localrank_transformers.optimizing.optimize import Candidates, optimize
from localrank_transformers.optimizing.record import figures, parse_record
from localrank_transformers.optimizing.smoothing import seen_inputs, smoothed_int8
from tests.support import packed_encoders, tiny_encoders
from tests.support.tiny_encoders import unit

KINDS = ["bert", "electra", "xlm-roberta"]
QUERY = "what is rag"
DOCUMENTS = ["the capital of france", "pasta", "w1 w2 w3 w4 w5 machine learning", "retrieval " * 20]


def rows(folder: Path) -> list[Row]:
    tokenizer = PairTokenizer(Tokenizer.from_file(str(folder / "tokenizer.json")), max_length=64)
    query = tokenizer.query(QUERY)
    return [tokenizer.row(query, tokens) for tokens in tokenizer.documents(query, DOCUMENTS)]


def expected(folder: Path, given: list[Row]) -> np.ndarray:
    tensors = load_file(folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    return np.array([tiny_encoders.forward(tensors, config, row.ids, row.types) for row in given])


def logits(graph: bytes, given: list[Row]) -> np.ndarray:
    request = OnnxEngine(graph, pad_id=0).request()
    return np.concatenate([request.run([row]) for row in given])


def rounded(encoder: Encoder, given: list[Row]) -> Int8:
    return smoothed_int8(encoder, seen_inputs(encoder, given))


def lists(count: int) -> list[Candidates]:
    return [
        Candidates(f"what is w{number}", tuple(f"w{number + step} the w{step}" for step in range(8)))
        for number in range(count)
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("labels", [1, 2])
def test_the_float32_graph_gives_the_models_own_logits(tmp_path: Path, kind: str, labels: int) -> None:
    folder = tiny_encoders.build(tmp_path / "m", kind, labels=labels)
    given = rows(folder)
    found = logits(build_graph(read_encoder(folder)), given)
    np.testing.assert_allclose(found, expected(folder, given), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_int8_graph_stays_close(tmp_path: Path, kind: str) -> None:
    folder = tiny_encoders.build(tmp_path / "m", kind)
    given, encoder = rows(folder), read_encoder(folder)
    found = logits(build_graph(encoder, int8=rounded(encoder, given)), given)
    assert np.abs(found - expected(folder, given)).max() < 0.2


def test_the_last_layer_computes_one_token(tmp_path: Path) -> None:
    import onnx

    folder = tiny_encoders.build(tmp_path / "m", "bert")
    graph = build_graph(read_encoder(folder))
    assert last_layer_widths(graph, rows(folder)) == [(1, 1)] * len(DOCUMENTS)
    starts = [node for node in onnx.load_from_string(graph).graph.node if node.op_type == "CumSum"]
    assert len(starts) == 2, "the last layer's query and residual"


def test_attention_nodes_have_names_of_their_own_so_that_a_profile_tells_them_apart(tmp_path: Path) -> None:
    import onnx

    encoder = read_encoder(tiny_encoders.build(tmp_path / "m", "bert"))
    graph = onnx.load_from_string(build_graph(encoder)).graph
    branches = [branch.g for node in graph.node if node.op_type == "If" for branch in node.attribute]
    names = [node.name for branch in branches for node in branch.node]
    attention = [name for name in names if name.startswith("Attention")]
    assert len(attention) == (1 + PACKED_DOCUMENTS) * len(encoder.layers)
    assert len({*names, ""}) == len(names) + 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [2, 3, 4, 7])
def test_documents_of_a_shared_run_get_the_bits_they_get_alone(tmp_path: Path, kind: str, count: int) -> None:
    folder = tiny_encoders.build(tmp_path / "m", kind)
    given, encoder = (rows(folder) * 2)[:count], read_encoder(folder)
    assert len({len(row.ids) for row in given}) > 1
    for int8 in (None, rounded(encoder, given)):
        graph = build_graph(encoder, int8=int8)
        engine = OnnxEngine(graph, pad_id=0, int8=int8 is not None)
        assert engine.grouping == "packed"
        np.testing.assert_array_equal(engine.request().run(given), logits(graph, given))


def test_what_int8_has_not_seen_is_cut_to_what_it_has(tmp_path: Path) -> None:
    folder = tiny_encoders.build(tmp_path / "m", "bert")
    given, encoder = rows(folder), read_encoder(folder)
    wide = rounded(encoder, given)
    narrow = Int8(
        {place: (0.5 * low, 0.5 * high) for place, (low, high) in wide.ranges.items()}, wide.smoothing
    )
    exact = expected(folder, given)
    changes = [
        np.abs(logits(build_graph(encoder, int8=int8), given) - exact).max() for int8 in (wide, narrow)
    ]
    assert 2 * changes[0] < changes[1]


def late_vectors(folder: Path, ids: np.ndarray) -> np.ndarray:
    config = json.loads((folder / "config.json").read_text())
    return tiny_encoders.vectors(load_file(folder / "model.safetensors"), config, ids)


def index(hit: RankedDocument[str]) -> int:
    return hit.index


def late_logits(folder: Path, given: Candidates) -> list[float]:
    """The logits by the forward pass written out: a line through the mean of the best cosines of each document's row."""
    stated = json.loads((folder / "localrank.json").read_text())["settings"]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    query, *found = (
        late_vectors(folder, np.array(tokenizer.encode(text).ids[:64]))
        for text in (given.query, *given.documents)
    )
    lengths = np.linalg.norm(query, axis=1)
    weights = lengths if "query_weights" in stated else None
    best = [(unit(query) @ unit(one).T).max(axis=1) for one in found]
    return [stated["scale"] * np.average(one, weights=weights) + stated["bias"] for one in best]


def test_without_a_head_the_graph_gives_the_vectors_of_all_tokens(tmp_path: Path) -> None:
    folder = tiny_encoders.build_late(tmp_path / "m")
    encoder, ids = read_encoder(folder, headless=True), np.array([2, 9, 11, 7, 3])
    row, longer = Row(ids, np.zeros_like(ids)), Row(np.tile(ids, 3), np.tile(np.zeros_like(ids), 3))
    exact = OnnxEngine(build_graph(encoder), pad_id=0).request()
    small = OnnxEngine(build_graph(encoder, int8=rounded(encoder, [row])), pad_id=0, int8=True).request()

    (vectors,) = exact.vectors([row])

    np.testing.assert_allclose(vectors, late_vectors(folder, ids), atol=1e-5)
    for request in (exact, small):
        (alone,), (first, second, third) = request.vectors([row]), request.vectors([row, longer, row])
        np.testing.assert_array_equal(first, alone)
        np.testing.assert_array_equal(third, alone)
        assert second.shape == (len(longer.ids), tiny_encoders.HIDDEN)
    (found,) = small.vectors([row])
    assert (unit(found) * unit(vectors)).sum(axis=1).min() > 0.97


def test_a_graph_without_a_head_reads_no_segments(tmp_path: Path) -> None:
    import onnx

    encoder = read_encoder(tiny_encoders.build_late(tmp_path / "m"), headless=True)
    graph = onnx.load_from_string(build_graph(encoder)).graph
    assert [given.name for given in graph.input] == ["input_ids", "position_ids", "lengths"]
    assert [given.name for given in graph.output] == ["token_vectors"]


@pytest.mark.parametrize("weights", [{}, {"query_weights": "length"}])
@pytest.mark.parametrize("again", [False, True])
def test_a_late_interaction_folder_is_optimized_and_gives_its_own_logits(
    tmp_path: Path, again: bool, weights: dict[str, str]
) -> None:
    folder = tiny_encoders.build_late(tmp_path / "m", scale=10.0, bias=-3.0, **weights)
    out = tmp_path / "out"
    if again:
        optimize(folder, folder, candidates=[])
    agreement = optimize(folder, out, candidates=lists(12))
    expected_logits = late_logits(folder, Candidates(QUERY, tuple(DOCUMENTS)))

    found = {}
    for precision in ("fp32", "int8"):
        model = OnnxReranker(out, precision=precision)
        result = rerank_sync(model, QUERY, DOCUMENTS)
        found[precision] = [hit.metadata["logit"] for hit in sorted(result, key=index)]
        assert model.score_kind == "probability"
    assert found["fp32"] == pytest.approx(expected_logits, abs=1e-4)
    assert found["int8"] == pytest.approx(expected_logits, abs=0.5)
    record = parse_record((out / "onnx/model_int8.json").read_text())
    assert record is not None
    assert agreement == record.agreement
    assert (record.last_layer, record.smoothed) == ("all tokens", ("qkv", "attended", "up", "down"))
    assert record.agreement is not None
    assert record.agreement.pairs == 48
    assert 0 < record.agreement.mean_change < 0.5


def test_an_empty_document_of_a_tokenizer_without_special_tokens_comes_last(tmp_path: Path) -> None:
    folder = tiny_encoders.build_late(tmp_path / "m")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer | {"post_processor": None}))
    optimize(folder, folder, candidates=[])
    for precision in ("fp32", "int8"):
        result = rerank_sync(OnnxReranker(folder, precision=precision), QUERY, ["", *DOCUMENTS])
        assert [index(hit) for hit in result][-1] == 0
        assert len(result) == 1 + len(DOCUMENTS)


def test_a_graph_of_other_late_weights_is_noticed(tmp_path: Path) -> None:
    folder = tiny_encoders.build_late(tmp_path / "m")
    optimize(folder, folder, candidates=[])
    tensors = load_file(folder / "model.safetensors")
    tensors["encoder.layer.1.output.dense.bias"][3] += 0.1
    save_file(tensors, str(folder / "model.safetensors"))
    with pytest.raises(ModelLoadError, match="differ"):
        optimize(folder, tmp_path / "out", candidates=[])


def test_a_late_interaction_model_with_a_projection_is_not_optimized(tmp_path: Path) -> None:
    folder = tiny_encoders.build_late(tmp_path / "m")
    modules = [{"path": "", "type": "x.Transformer"}, {"path": "1_Dense", "type": "x.Dense"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(ModelLoadError, match="projection"):
        optimize(folder, tmp_path / "out", candidates=[])


def test_a_folder_is_optimized_and_loads(tmp_path: Path) -> None:
    folder = tiny_encoders.build(tmp_path / "m", "bert")
    agreement = optimize(folder, tmp_path / "out", candidates=lists(12))
    assert agreement.lists == 6
    assert agreement.spearman > 0.8
    record = parse_record((tmp_path / "out/onnx/model_int8.json").read_text())
    assert record is not None
    assert agreement == record.agreement
    assert record.sha256 == file_sum(tmp_path / "out/onnx/model_int8.onnx")
    assert (tmp_path / "out/onnx/model.onnx").is_file()
    result = rerank_sync(OnnxReranker(tmp_path / "out", precision="int8"), QUERY, DOCUMENTS)
    reference = dict(enumerate(expected(folder, rows(folder))[:, 0]))
    assert all(abs(reference[hit.index] - hit.metadata["logit"]) < 0.2 for hit in result)


def test_the_strength_of_the_smoothing_is_the_one_that_changes_the_logits_least(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny_encoders.build_late(tmp_path / "m", scale=10.0, bias=0.0)

    def made(name: str, exponents: tuple[float, ...]) -> bytes:
        monkeypatch.setattr("localrank_transformers.optimizing.optimize.EXPONENTS", exponents)
        optimize(folder, tmp_path / name, candidates=lists(12))
        return (tmp_path / name / "onnx/model_int8.onnx").read_bytes()

    def change(name: str) -> float:
        expected_logits = [late_logits(folder, one) for one in lists(12)[:6]]
        result = [
            [hit.metadata["logit"] for hit in sorted(rerank_sync(model, one.query, one.documents), key=index)]
            for model in [OnnxReranker(tmp_path / name, precision="int8")]
            for one in lists(12)[:6]
        ]
        return compare(expected_logits, result).mean_change

    alone = {exponent: made(f"e{exponent}", (exponent,)) for exponent in (0.0, 0.75, 3.0)}
    best = min(alone, key=lambda exponent: change(f"e{exponent}"))
    assert made("chosen", tuple(alone)) == alone[best]


@pytest.mark.parametrize("kind", ["bert", "late"])
def test_the_agreement_is_that_of_the_engine_which_runs_the_graph(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "m"
    if kind == "late":
        tiny_encoders.build_late(folder, scale=10.0, bias=0.0, shape=packed_encoders.SHAPE)
    else:
        tiny_encoders.build(folder, kind, shape=packed_encoders.SHAPE)
    optimize(folder, tmp_path / "out", candidates=lists(12))
    exact, small = (
        [
            [hit.metadata["logit"] for hit in sorted(rerank_sync(model, one.query, one.documents), key=index)]
            for model in [OnnxReranker(tmp_path / "out", precision=precision)]
            for one in lists(12)[6:]
        ]
        for precision in ("fp32", "int8")
    )
    record = parse_record((tmp_path / "out/onnx/model_int8.json").read_text())

    assert record is not None
    assert record.agreement is not None
    assert record.agreement.mean_change == pytest.approx(compare(exact, small).mean_change, rel=1e-3)
    assert record.engine == ("ONNX Runtime" if library() is None else "the compiled kernels")
    assert record.engine in figures(record)


def test_a_record_of_before_the_engine_was_noted_is_read(tmp_path: Path) -> None:
    optimize(tiny_encoders.build(tmp_path / "m", "bert"), tmp_path / "out", candidates=lists(4))
    written = json.loads((tmp_path / "out/onnx/model_int8.json").read_text())
    del written["engine"]
    record = parse_record(json.dumps(written))
    assert record is not None
    assert record.engine == ""
    assert figures(record).endswith("lists given)")


def test_built_in_texts_take_the_place_of_too_few_candidates(tmp_path: Path) -> None:
    folder = tiny_encoders.build(tmp_path / "m", "bert")
    assert optimize(folder, tmp_path / "out", candidates=lists(3)).pairs == 128
    record = parse_record((tmp_path / "out/onnx/model_int8.json").read_text())
    assert record is not None
    assert record.compared_on == BUILT_IN


def test_a_late_interaction_model_that_does_not_look_at_its_filling_is_not_optimized(tmp_path: Path) -> None:
    folder = tiny_encoders.build_late(tmp_path / "m")
    filling = {"query_expansion": {"strategy": "fixed", "length": 8, "attend": False}}
    (folder / "sentence_bert_config.json").write_text(json.dumps(filling))
    with pytest.raises(ModelLoadError, match="takes a mask"):
        optimize(folder, tmp_path / "out", candidates=[])


def test_an_unknown_architecture_is_refused(tmp_path: Path) -> None:
    folder = tiny_encoders.build(tmp_path / "m", "bert")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "deberta-v2"}))
    with pytest.raises(ModelLoadError, match="deberta-v2"):
        read_encoder(folder)


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    folder = tiny_encoders.build(tmp_path / "m", "bert")
    tensors = load_file(folder / "model.safetensors")
    del tensors["classifier.bias"]
    save_file(tensors, str(folder / "model.safetensors"))
    with pytest.raises(ModelLoadError, match=r"classifier\.bias"):
        read_encoder(folder)


def test_a_graph_of_other_weights_is_noticed(tmp_path: Path) -> None:
    folder = tiny_encoders.build(tmp_path / "m", "bert")
    other = tiny_encoders.build(tmp_path / "other", "bert", seed=1)
    (folder / "onnx/model.onnx").write_bytes(build_graph(read_encoder(other)))
    with pytest.raises(ModelLoadError, match="differ"):
        optimize(folder, tmp_path / "out", candidates=[])


def test_agreement_of_equal_and_of_reversed_lists() -> None:
    same = compare([[3.0, 2.0, 1.0]], [[3.0, 2.0, 1.0]])
    assert (same.spearman, same.same_first, same.top_5_overlap, same.mean_change) == (1.0, 1.0, 1.0, 0.0)
    reverse = compare([[3.0, 2.0, 1.0]], [[1.0, 2.0, 3.0]])
    assert pytest.approx(-1.0) == reverse.spearman
    assert reverse.same_first == 0.0
    assert (reverse.lists, reverse.pairs, reverse.max_change) == (1, 3, 2.0)


def test_the_best_ten_are_compared_apart_from_the_best_five() -> None:
    falling = [float(-place) for place in range(20)]
    swapped = [*falling[:8], *falling[12:14], *falling[10:12], *falling[8:10], *falling[14:]]
    found = compare([falling], [swapped])
    assert (found.top_5_overlap, found.top_10_overlap) == (1.0, 0.8)
