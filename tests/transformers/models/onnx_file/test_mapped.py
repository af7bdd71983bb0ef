"""Weights that stay in the file of their graph: the same numbers, and no copy of them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, external_data_helper, helper, numpy_helper

from localrank import rerank_sync
from localrank_transformers import OnnxReranker
from localrank_transformers.call.contract import Row
from localrank_transformers.engines.onnx.session import OnnxEngine
from localrank_transformers.models import bundled
from localrank_transformers.models.onnx_file.aligned import aligned
from localrank_transformers.models.onnx_file.content import may_stay_mapped
from localrank_transformers.models.onnx_file.mapped import MAPPED_FROM_BYTES, mapped_graph
from tests.support import tiny_models

ROWS = 300
WIDTH = 256


def table(dtype: str, rows: int = ROWS) -> npt.NDArray[np.generic]:
    return np.random.default_rng(0).integers(-100, 100, (rows, WIDTH)).astype(dtype)


def written(place: Path, *tensors: TensorProto) -> Path:
    """Write a graph that holds `tensors` and does not use them; those of floats lie where they may."""
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
        list(tensors),
    )
    model = helper.make_model(graph, producer_name="somebody")
    place.write_bytes(aligned(model.SerializeToString()))
    return place


def graph_of(place: Path) -> tuple[bytes, Path]:
    found = mapped_graph(place)
    assert found is not None
    return found


def tensors_of(content: bytes, folder: Path) -> dict[str, npt.NDArray[np.generic]]:
    model = onnx.load_from_string(content)
    external_data_helper.load_external_data_for_model(model, str(folder))
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def outside(content: bytes) -> set[str]:
    """Return the names of the tensors that are not in the graph itself."""
    model = onnx.load_from_string(content)
    return {one.name for one in model.graph.initializer if external_data_helper.uses_external_data(one)}


@pytest.mark.parametrize("dtype", ["int8", "uint8", "float16", "float32", "int64", "float64"])
def test_a_large_tensor_stays_in_the_file_and_is_the_same(tmp_path: Path, dtype: str) -> None:
    large, small = table(dtype), table(dtype, 2)
    place = written(
        tmp_path / "m.onnx", numpy_helper.from_array(large, "large"), numpy_helper.from_array(small, "small")
    )
    content, folder = graph_of(place)
    assert folder == tmp_path
    assert len(content) < MAPPED_FROM_BYTES
    assert outside(content) == {"large"}
    found = tensors_of(content, tmp_path)
    np.testing.assert_array_equal(found["large"], large)
    np.testing.assert_array_equal(found["small"], small)


def test_all_else_of_the_model_is_as_it_was(tmp_path: Path) -> None:
    place = written(tmp_path / "m.onnx", numpy_helper.from_array(table("int8"), "large"))
    content, _ = graph_of(place)
    before, after = onnx.load(place), onnx.load_from_string(content)
    for model in (before, after):
        del model.graph.initializer[:]
    assert before == after


def test_numbers_that_lie_between_the_places_of_their_kind_stay_inside(tmp_path: Path) -> None:
    place = tmp_path / "m.onnx"
    insides = []
    for description in ("", "x", "xx", "xxx"):  # moves what comes after it, byte by byte
        tensor = numpy_helper.from_array(table("float32"), "large")
        model = helper.make_model(helper.make_graph([], description, [], [], [tensor]))
        place.write_bytes(model.SerializeToString())
        insides.append(mapped_graph(place) is None)
    assert sorted(insides) == [False, True, True, True]


@pytest.mark.parametrize("content", [b"", b"\x0a\x05abc", b"no model at all"])
def test_what_is_no_model_is_left_to_the_runtime_to_refuse(tmp_path: Path, content: bytes) -> None:
    place = tmp_path / "m.onnx"
    place.write_bytes(content)
    assert mapped_graph(place) is None
    assert mapped_graph(tmp_path / "absent.onnx") is None


def test_a_graph_without_large_tensors_is_read_as_it_is(tmp_path: Path) -> None:
    assert mapped_graph(written(tmp_path / "m.onnx", numpy_helper.from_array(table("int8", 2), "w"))) is None


def test_packed_four_bit_numbers_stay_inside(tmp_path: Path) -> None:
    tensor = helper.make_tensor("w", TensorProto.INT4, [1024, 1024], bytes(1024 * 512), raw=True)
    assert mapped_graph(written(tmp_path / "m.onnx", tensor)) is None


def test_behind_a_link_weights_are_those_of_the_file(tmp_path: Path) -> None:
    large = table("int8")
    (tmp_path / "blobs").mkdir()
    written(tmp_path / "blobs/0123", numpy_helper.from_array(large, "large"))
    link = tmp_path / "m.onnx"
    link.symlink_to("blobs/0123")
    content, folder = graph_of(link)
    assert folder == tmp_path / "blobs"
    np.testing.assert_array_equal(tensors_of(content, folder)["large"], large)


def test_a_link_to_a_graph_whose_weights_lie_beside_the_link_is_left_alone(tmp_path: Path) -> None:
    folder = tiny_models.build(tmp_path / "m", external_data=True)
    graph = folder / "onnx/model.onnx"
    graph.rename(tmp_path / "0123")
    graph.symlink_to(tmp_path / "0123")
    assert mapped_graph(graph) is None


def test_a_session_of_mapped_weights_computes_the_same_bits() -> None:
    place = Path(bundled.__file__).parent / "localrank_tiny/onnx/model_int8.onnx"
    assert mapped_graph(place) is not None
    ids = np.arange(2_000, 2_060, dtype=np.int64)
    rows = [Row(ids, np.zeros_like(ids)), Row(ids[:7], np.zeros_like(ids[:7]))]
    mapped = OnnxEngine(place, pad_id=0, is_kept=True)
    read, copied = (OnnxEngine(graph, pad_id=0) for graph in (place, place.read_bytes()))
    for each in zip(*(engine.request().vectors(rows) for engine in (mapped, read, copied)), strict=True):
        np.testing.assert_array_equal(each[0], each[1])
        np.testing.assert_array_equal(each[0], each[2])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("is_kept", [True, False])
def test_what_is_replaced_and_never_written_over_is_mapped_until_its_model_is_closed(
    tmp_path: Path, is_kept: bool
) -> None:
    inside = tmp_path / "models--a--b/snapshots/0123" if is_kept else tmp_path / "m"
    folder = shutil.copytree(Path(bundled.__file__).parent / "localrank_tiny", inside)
    for path in folder.rglob("*"):
        path.chmod(0o644 if path.is_file() else 0o755)

    def mapped() -> bool:
        return str(folder) in Path("/proc/self/maps").read_text()

    with OnnxReranker(folder, precision="int8") as model:
        assert not mapped()
        rerank_sync(model, "what is rag", ["rag is retrieval", "pasta"])
        assert mapped() == is_kept
    assert not mapped()


@pytest.mark.skipif(sys.platform == "win32", reason="has no such permissions")
@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_what_others_may_write_to_is_not_mapped(tmp_path: Path, mode: int) -> None:
    place = tmp_path / "m.onnx"
    place.write_bytes(b"1")
    place.chmod(mode)
    assert not may_stay_mapped(place, is_kept=True)
    place.chmod(0o644)
    assert may_stay_mapped(place, is_kept=True)
    assert not may_stay_mapped(place, is_kept=False)
