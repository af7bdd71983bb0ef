"""Which graphs the kernels take: those that we wrote, of widths that they compute, and whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from localrank_transformers.engines.native.encoder import NativeEncoder, StopFlag
from localrank_transformers.engines.native.layout import read_layout
from localrank_transformers.engines.native.library import library
from localrank_transformers.optimizing.encoder.graph import build_graph, from_blocks, in_blocks
from localrank_transformers.optimizing.encoder.weights import read_encoder
from localrank_transformers.optimizing.smoothing import seen_inputs, smoothed_int8
from tests.support import packed_encoders, tiny_encoders, tiny_models
from tests.support.native_layouts import Sizes, random_layout


def test_the_weights_are_found(tmp_path: Path) -> None:
    layout = read_layout(packed_encoders.build(tmp_path / "m", labels=3))
    assert layout is not None
    encoder = read_encoder(tmp_path / "m")
    assert (layout.heads, len(layout.layers)) == (2, 2)
    assert layout.epsilon == pytest.approx(encoder.epsilon)
    np.testing.assert_allclose(layout.words * layout.word_scales, encoder.words, atol=0.02)
    np.testing.assert_array_equal(layout.layers[1].products[5].bias, encoder.layers[1].down.bias)
    assert layout.head is not None
    assert encoder.head is not None
    np.testing.assert_array_equal(layout.head.out.weight, encoder.head.out.weight)


def _in_blocks(folder: Path) -> Path:
    tiny_encoders.build(folder, "bert", shape=packed_encoders.SHAPE)
    encoder = read_encoder(folder, headless=True)
    int8 = smoothed_int8(encoder, seen_inputs(encoder, packed_encoders.some_rows(9, 20, 33)))
    place = folder / "blocks.onnx"
    place.write_bytes(build_graph(encoder, int8=int8, word_blocks=True))
    return place


def test_words_of_four_bits_are_found(tmp_path: Path) -> None:
    place = _in_blocks(tmp_path / "m")
    layout = read_layout(place)
    assert layout is not None
    assert layout.is_int8
    assert layout.has_word_blocks
    assert layout.word_scales is not None
    words = read_encoder(tmp_path / "m", headless=True).words
    assert (layout.words.shape, layout.word_scales.shape) == ((len(words), 32), (len(words), 2))
    found = from_blocks(layout.words, layout.word_scales)
    greatest = np.abs(words.reshape(len(words), 2, 32)).max(-1).repeat(32, axis=1)
    assert (np.abs(found - words) <= greatest / 7.9).all()  # the last of 16 steps is cut on one side
    again = in_blocks(found)
    np.testing.assert_array_equal(from_blocks(*again), found)


def test_blocks_of_another_size_are_left_to_onnx_runtime(tmp_path: Path) -> None:
    def widen(graph: Any) -> None:
        node = next(one for one in graph.node if one.op_type == "GatherBlockQuantized")
        next(one for one in node.attribute if one.name == "block_size").i = 64

    place = _in_blocks(tmp_path / "m")
    _changed(place, widen)
    assert read_layout(place) is None


@pytest.mark.skipif(library() is None, reason="no compiled kernels for this machine")
def test_words_of_four_bits_have_the_bits_of_the_same_words_in_eight() -> None:
    random, kernels = np.random.default_rng(3), library()
    assert kernels is not None
    layout = random_layout(random, Sizes(labels=0, segments=1))
    halves = np.array(
        [0.01, -0.02, 1, 6e-8, 6.1e-5, 3e-4], dtype=np.float16
    )  # the fourth is no normal number
    scales = np.resize(halves, (len(layout.words), 1))
    whole = random.integers(-8, 8, layout.words.shape, dtype=np.int8)
    nibbles = (whole + 8).astype(np.uint8)
    packed = nibbles[:, 0::2] | (nibbles[:, 1::2] << 4)
    eight = replace(layout, words=whole, word_scales=scales.astype(np.float32))
    four = replace(layout, words=packed, word_scales=scales.repeat(layout.width // 32, axis=1))
    ids = np.arange(len(whole), dtype=np.int64)
    found = [
        NativeEncoder(kernels, one).run(ids, np.zeros_like(ids), np.array([len(ids)], np.int32), StopFlag(0))
        for one in (four, eight)
    ]
    np.testing.assert_array_equal(*found)


def test_an_encoder_without_a_head_has_none(tmp_path: Path) -> None:
    layout = read_layout(packed_encoders.build(tmp_path / "m", "late"))
    assert layout is not None
    assert layout.head is None
    assert layout.types is None


@pytest.mark.parametrize(
    "shape",
    [
        tiny_encoders.Shape(hidden=48, heads=1),
        tiny_encoders.Shape(hidden=64, heads=4),
        tiny_encoders.Shape(hidden=64, heads=2, wide=80),
        tiny_encoders.Shape(
            hidden=32, heads=1, layers=1, wide=65_568
        ),  # more products than int32 holds the sum of
    ],
)
def test_other_widths_are_left_to_onnx_runtime(tmp_path: Path, shape: tiny_encoders.Shape) -> None:
    assert read_layout(packed_encoders.build(tmp_path / "m", shape=shape)) is None


def test_float32_has_no_scales(tmp_path: Path) -> None:
    layout = read_layout(packed_encoders.build(tmp_path / "m", int8=False))
    assert layout is not None
    assert not layout.is_int8
    encoder = read_encoder(tmp_path / "m")
    np.testing.assert_array_equal(layout.words, encoder.words)
    assert layout.layers[0].inputs == ()
    np.testing.assert_array_equal(layout.layers[0].products[4].weight, encoder.layers[0].up.weight)


def _changed(place: Path, change: Callable[[Any], None]) -> None:
    import onnx

    model = onnx.load(place)
    change(model.graph)
    place.write_bytes(model.SerializeToString())


def test_a_product_with_a_factor_is_left_to_onnx_runtime(tmp_path: Path) -> None:
    import onnx

    def halve(graph: Any) -> None:
        product = next(node for node in graph.node if node.op_type == "Gemm")
        product.attribute.append(onnx.helper.make_attribute("alpha", 0.5))

    place = packed_encoders.build(tmp_path / "m", int8=False)
    _changed(place, halve)
    assert read_layout(place) is None


def test_numbers_of_another_type_are_left_to_onnx_runtime(tmp_path: Path) -> None:
    import onnx

    def widen(graph: Any) -> None:
        name = next(node for node in graph.node if node.op_type == "QuantizeLinear").input[1]
        tensor = next(one for one in graph.initializer if one.name == name)
        whole = np.array(1, dtype=np.int64)
        tensor.CopyFrom(onnx.numpy_helper.from_array(whole, name))

    place = packed_encoders.build(tmp_path / "m")
    _changed(place, widen)
    assert read_layout(place) is None


def test_a_projected_embedding_is_left_to_onnx_runtime(tmp_path: Path) -> None:
    assert read_layout(packed_encoders.build(tmp_path / "m", "electra")) is None


def test_another_activation_is_left_to_onnx_runtime(tmp_path: Path) -> None:
    tiny_encoders.build(tmp_path / "m", "bert", shape=packed_encoders.SHAPE)
    encoder = replace(read_encoder(tmp_path / "m"), activation="Relu")
    int8 = smoothed_int8(encoder, seen_inputs(encoder, packed_encoders.some_rows(9)))
    place = tmp_path / "relu.onnx"
    place.write_bytes(build_graph(encoder, int8=int8))
    assert read_layout(place) is None


def test_graphs_of_others_are_left_to_onnx_runtime(tmp_path: Path) -> None:
    folder = tiny_models.build(tmp_path / "m")
    assert read_layout(folder / "onnx/model.onnx") is None


def test_a_head_without_a_logit_is_left_to_onnx_runtime(tmp_path: Path) -> None:
    import onnx

    def empty(graph: Any) -> None:
        *_, last = (node for node in graph.node if node.op_type == "Gemm")
        for tensor in graph.initializer:
            if tensor.name in last.input:
                none = onnx.numpy_helper.to_array(tensor)[..., :0]
                tensor.CopyFrom(onnx.numpy_helper.from_array(none, tensor.name))

    place = packed_encoders.build(tmp_path / "m")
    _changed(place, empty)
    assert read_layout(place) is None


@pytest.mark.parametrize("heads", [0, -2, 3])
def test_a_graph_that_has_been_changed_is_left_to_onnx_runtime(tmp_path: Path, heads: int) -> None:
    def change(graph: Any) -> None:
        branches = [branch.g for node in graph.node if node.op_type == "If" for branch in node.attribute]
        for attention in (node for branch in branches for node in branch.node if node.op_type == "Attention"):
            next(one for one in attention.attribute if one.name == "q_num_heads").i = heads

    place = packed_encoders.build(tmp_path / "m")
    _changed(place, change)
    assert read_layout(place) is None


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.9999])
def test_a_file_that_breaks_off_is_left_to_onnx_runtime(tmp_path: Path, share: float) -> None:
    place = packed_encoders.build(tmp_path / "m")
    content = place.read_bytes()
    place.write_bytes(content[: int(share * len(content))])
    assert read_layout(place) is None


def test_a_file_that_is_not_there_is_left_to_onnx_runtime(tmp_path: Path) -> None:
    assert read_layout(tmp_path / "none.onnx") is None
