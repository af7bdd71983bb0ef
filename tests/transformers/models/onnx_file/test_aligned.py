"""Where the data of large tensors lie in a written graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from localrank_transformers.models.onnx_file.aligned import ALIGNMENT, aligned
from localrank_transformers.models.onnx_file.mapped import mapped_graph
from localrank_transformers.models.onnx_file.wire import MalformedOnnxError


def model_with(names: list[str], rows: int = 200) -> bytes:
    """Return a model with a tensor of each name; their lengths move what comes after them."""
    tensors = [
        numpy_helper.from_array(np.full((rows, 128), at + 1.5, np.float32), one)
        for at, one in enumerate(names)
    ]
    return helper.make_model(helper.make_graph([], "g", [], [], tensors)).SerializeToString()


@given(st.lists(st.text("ab", max_size=140), min_size=1, max_size=4))
def test_large_tensors_begin_at_a_multiple_and_are_the_same(names: list[str]) -> None:
    content = model_with(names)
    found = aligned(content)
    for at in range(len(names)):
        data = np.full((200, 128), at + 1.5, np.float32).tobytes()
        assert found.find(data) % ALIGNMENT == 0
    before, after = onnx.load_from_string(content), onnx.load_from_string(found)
    for tensor in after.graph.initializer:
        assert not tensor.doc_string.strip()
        tensor.ClearField("doc_string")
    assert before == after


def test_every_large_tensor_can_then_be_mapped(tmp_path: Path) -> None:
    place = tmp_path / "m.onnx"
    place.write_bytes(aligned(model_with(["a", "bc", "def"])))
    found = mapped_graph(place)
    assert found is not None
    assert len(found[0]) < 1_000


def test_a_second_time_changes_nothing() -> None:
    once = aligned(model_with(["a", "bc"]))
    assert aligned(once) == once


def test_small_tensors_are_left_as_they_are() -> None:
    content = model_with(["a", "b"], rows=2)
    assert onnx.load_from_string(aligned(content)) == onnx.load_from_string(content)


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(MalformedOnnxError):
        aligned(b"\x0a\x05abc")


def test_a_small_tensor_behind_a_large_one_is_left_as_it_is() -> None:
    large, small = (
        numpy_helper.from_array(np.ones((rows, 128), np.float32), f"{rows}") for rows in (1_000, 2)
    )
    content = helper.make_model(helper.make_graph([], "g", [], [], [large, small])).SerializeToString()
    _, after = onnx.load_from_string(aligned(content)).graph.initializer
    assert after == small
