"""Float32 weights out of an int8 graph, up to what rounding took away."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")

from safetensors.numpy import load_file

from localrank.contract.errors import ModelLoadError
from localrank_transformers.optimizing.encoder.graph import PLACES, Int8, build_graph
from localrank_transformers.optimizing.encoder.weights import read_encoder
from localrank_transformers.optimizing.from_bundled import float32_tensors
from tests.support import tiny_encoders

SEGMENTS = "embeddings.token_type_embeddings.weight"
POSITIONS = "embeddings.position_embeddings.weight"
SHAPE = tiny_encoders.Shape(hidden=32, heads=1)
SMOOTHED = {"qkv": SHAPE.hidden, "up": SHAPE.hidden, "down": SHAPE.wide}


def rounded() -> Int8:
    random, layers = np.random.default_rng(1), range(tiny_encoders.LAYERS)
    smoothing = {
        (number, place): random.uniform(0.8, 1.25, size).astype(np.float32)
        for number in layers
        for place, size in SMOOTHED.items()
    }
    return Int8({(number, place): (-3.0, 3.0) for number in layers for place in PLACES}, smoothing)


@pytest.mark.parametrize(("word_blocks", "apart"), [(False, 0.01), (True, 0.13)])
def test_weights_come_back_but_for_rounding(tmp_path: Path, apart: float, *, word_blocks: bool) -> None:
    folder = tiny_encoders.build(tmp_path, "bert", shape=SHAPE)
    config = json.loads((folder / "config.json").read_text())
    graph = build_graph(read_encoder(folder, headless=True), int8=rounded(), word_blocks=word_blocks)
    found = float32_tensors(graph, config)
    stored = load_file(folder / "model.safetensors")
    given = {
        name.removeprefix("bert."): value
        for name, value in stored.items()
        if name.startswith(("bert.embeddings.", "bert.encoder."))
    }
    given[POSITIONS] = given[POSITIONS] + given[SEGMENTS][0]  # the one segment is read with every position
    given[SEGMENTS] = np.zeros_like(given[SEGMENTS])
    assert len(given) > 2
    assert found.keys() == given.keys()
    for name, value in given.items():
        assert found[name].shape == value.shape
        assert np.abs(found[name] - value).max() <= apart * np.abs(value).max(), name


@pytest.mark.parametrize("headless", [True, False])
def test_a_graph_of_another_layout_is_refused(tmp_path: Path, headless: bool) -> None:
    folder = tiny_encoders.build(tmp_path, "bert", shape=SHAPE)
    config = json.loads((folder / "config.json").read_text())
    graph = build_graph(read_encoder(folder, headless=headless), int8=None if headless else rounded())
    with pytest.raises(ModelLoadError, match="another layout"):
        float32_tensors(graph, config)
