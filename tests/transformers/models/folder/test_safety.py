"""Model files that point outside their folder, are cut off, or are not what their name says."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from localrank.contract.errors import ModelLoadError
from localrank_transformers import OnnxReranker
from localrank_transformers.models.folder.safety.graphs import check_onnx, onnx_siblings
from localrank_transformers.models.folder.safety.names import check_name, check_size
from localrank_transformers.models.folder.safety.tensors import check_safetensors
from localrank_transformers.models.folder.settings_files import read_torch_files
from localrank_transformers.models.onnx_file.wire import MalformedOnnxError, external_data
from tests.support import tiny_models


def external(folder: Path) -> tuple[Path, Path]:
    """Build a model with external data and return the graph and the file with its weights."""
    tiny_models.build(folder, external_data=True)
    graph = folder / "onnx/model.onnx"
    return graph, next(path for path in graph.parent.iterdir() if path.suffix == ".data")


def relocate(graph: Path, location: str) -> None:
    model = onnx.load(str(graph), load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    graph.write_bytes(model.SerializeToString())


def test_the_files_beside_a_graph_are_found(tmp_path: Path) -> None:
    graph, data = external(tmp_path / "m")
    assert onnx_siblings(graph) == (data.name,)
    check_onnx(graph)


def test_external_data_of_subgraphs_functions_and_attributes_are_found() -> None:
    def tensor(location: str) -> TensorProto:
        made = TensorProto(name=location, data_type=TensorProto.FLOAT, dims=[1])
        made.data_location = TensorProto.EXTERNAL
        made.external_data.add(key="location", value=location)
        return made

    inner = helper.make_graph([], "inner", [], [], [tensor("subgraph")])
    constant = helper.make_node("Constant", [], ["c"], value=tensor("attribute"))
    branch = helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)
    sparse = helper.make_sparse_tensor(tensor("sparse"), tensor("indices"), [1])
    model = helper.make_model(
        helper.make_graph(
            [constant, branch], "outer", [], [], [tensor("initializer")], sparse_initializer=[sparse]
        )
    )
    function = helper.make_node("Constant", [], ["c"], value=tensor("function"))
    model.functions.append(helper.make_function("d", "f", [], ["c"], [function], []))
    found = {entry.location for entry in external_data(model.SerializeToString())}
    assert found == {"subgraph", "attribute", "sparse", "indices", "initializer", "function"}


@pytest.mark.anyio
@pytest.mark.parametrize(
    "location",
    ["../../secret", "/etc/passwd", "..\\secret", "C:\\secret", "a/../../b", "", "\\\\host\\share"],
)
async def test_external_data_outside_the_folder_is_refused(tmp_path: Path, location: str) -> None:
    graph, _ = external(tmp_path / "m")
    relocate(graph, location)
    with pytest.raises(ModelLoadError, match="outside the model's folder"):
        await OnnxReranker(tmp_path / "m").warm_up()


def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    graph, data = external(tmp_path / "m")
    data.rename(tmp_path / "elsewhere")
    data.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelLoadError, match="a link that leaves"):
        check_onnx(graph)
    check_onnx(graph, root=tmp_path)


def test_missing_and_short_external_data_are_told_apart(tmp_path: Path) -> None:
    graph, data = external(tmp_path / "m")
    content = data.read_bytes()
    data.write_bytes(content[:-1])
    with pytest.raises(ModelLoadError, match="is shorter than"):
        check_onnx(graph)
    data.unlink()
    with pytest.raises(ModelLoadError, match="not beside it"):
        check_onnx(graph)


@pytest.mark.parametrize(
    "content", [b"", b"not a graph", b"\x3a", b"\x3a\xff\xff\xff\xff\x0f", b"\x08\x01", b"<html>"]
)
def test_what_is_no_graph_is_refused(tmp_path: Path, content: bytes) -> None:
    place = tmp_path / "model.onnx"
    place.write_bytes(content)
    with pytest.raises(ModelLoadError, match="no valid ONNX file"):
        check_onnx(place)


def test_a_graph_that_breaks_off_is_refused_wherever_it_breaks(tmp_path: Path) -> None:
    whole = (tiny_models.build(tmp_path / "m") / "onnx/model.onnx").read_bytes()
    graph_starts = whole.index(b":")
    for end in range(graph_starts + 1, len(whole) - 20, 97):
        with pytest.raises(MalformedOnnxError):
            external_data(whole[:end])


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_nothing_else_happens(content: bytes) -> None:
    with suppress(MalformedOnnxError):
        external_data(content)


def test_graphs_nested_without_end_are_refused() -> None:
    graph = b""
    for _ in range(300):
        attribute = _field(6, graph)
        graph = _field(1, _field(5, attribute))
    with pytest.raises(MalformedOnnxError, match="nested too deeply"):
        external_data(_field(7, graph))


def _field(number: int, content: bytes) -> bytes:
    length, varint = len(content), b""
    while length > 127:
        varint += bytes([length & 127 | 128])
        length >>= 7
    return bytes([number << 3 | 2]) + varint + bytes([length]) + content


def safetensors(header: object, data: bytes = bytes(8)) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def of(shape: list[int], start: int, end: int) -> dict[str, object]:
    return {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}


def test_a_sound_safetensors_file_passes(tmp_path: Path) -> None:
    place = tmp_path / "model.safetensors"
    place.write_bytes(
        safetensors({"__metadata__": {"format": "pt"}, "a": of([1], 0, 4), "b": of([1, 1], 4, 8)})
    )
    check_safetensors(place)


@pytest.mark.parametrize(
    ("dtypes", "bytes_of_two"),
    [
        (("F64", "I64", "U64", "C64"), 16),
        (("F32", "I32", "U32"), 8),
        (("F16", "BF16", "I16", "U16"), 4),
        (("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 2),
        (("F4",), 1),
    ],
)
def test_numbers_take_what_their_kind_takes(
    tmp_path: Path, dtypes: tuple[str, ...], bytes_of_two: int
) -> None:
    place = tmp_path / "model.safetensors"
    for dtype in dtypes:
        for size in (bytes_of_two, bytes_of_two + 1):
            tensor = {"dtype": dtype, "shape": [2], "data_offsets": [0, size]}
            place.write_bytes(safetensors({"a": tensor}, bytes(size)))
            if size == bytes_of_two:
                check_safetensors(place)
            else:
                with pytest.raises(ModelLoadError, match="do not follow"):
                    check_safetensors(place)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04\x95 a pickle, say",
        safetensors({"a": of([2], 0, 8)})[:-1],
        safetensors({"a": of([2], 0, 8)}, bytes(9)),
        safetensors({"a": of([3], 0, 8)}),
        safetensors({"a": of([1], 0, 4), "b": of([2], 0, 8)}),
        safetensors({"a": of([1], 4, 8)}),
        safetensors({"a": of([2], "0", "8")}),
        safetensors({"a": 3}),
        safetensors([1]),
        safetensors(b"{" * 100),
        safetensors(b"[" * 100_000),
        (1 << 40).to_bytes(8, "little") + bytes(100),
    ],
)
def test_a_malformed_safetensors_file_is_refused(tmp_path: Path, content: bytes) -> None:
    place = tmp_path / "model.safetensors"
    place.write_bytes(content)
    with pytest.raises(ModelLoadError, match="no valid safetensors file"):
        check_safetensors(place)


def torch_folder(folder: Path, **files: bytes) -> Path:
    for name, content in {"config.json": b"{}", **files}.items():
        (folder / name).write_bytes(content)
    return folder


def test_a_torch_folder_with_a_malformed_file_is_refused_before_torch_reads_it(tmp_path: Path) -> None:
    sound = safetensors({"a": of([2], 0, 8)})
    read_torch_files(torch_folder(tmp_path, **{"model.safetensors": sound}))
    with pytest.raises(ModelLoadError, match="no valid safetensors file"):
        read_torch_files(torch_folder(tmp_path, **{"model.safetensors": sound[:-1]}))


@pytest.mark.parametrize(
    ("shard", "match"),
    [
        ("../../evil.safetensors", "no plain path"),
        ("a.bin", "can run any code"),
        ("gone.safetensors", "has no gone"),
    ],
)
def test_a_torch_folder_with_an_index_that_leads_elsewhere_is_refused(
    tmp_path: Path, shard: str, match: str
) -> None:
    index = json.dumps({"weight_map": {"a": shard}}).encode()
    with pytest.raises(ModelLoadError, match=match):
        read_torch_files(torch_folder(tmp_path, **{"model.safetensors.index.json": index}))


@pytest.mark.parametrize("name", ["config.json", "onnx/model.onnx", "a/b/c.safetensors", "model.onnx_data"])
def test_an_ordinary_name_is_itself(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "megabytes"),
    [
        ("config.json", 64),
        ("tokenizer.json", 256),
        ("vocab.txt", 64),
        ("a.model", 64),
        ("a.jinja", 4),
        ("a.onnx", 2048),
    ],
)
def test_a_file_larger_than_any_honest_one_is_refused(name: str, megabytes: int) -> None:
    most = megabytes << 20
    check_size(name, most)
    check_size("model.safetensors", most + 1)
    with pytest.raises(ModelLoadError, match=f"{most + 1:,} bytes; at most {most:,}"):
        check_size(name, most + 1)
