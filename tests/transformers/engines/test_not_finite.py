"""NaN or infinity in a weight, or on the way, is an error on every engine, and no score."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from localrank import rerank_sync
from localrank.contract.errors import InferenceError
from localrank_transformers import OnnxReranker
from localrank_transformers.call.contract import Engine
from localrank_transformers.engines.native.encoder import NativeEncoder
from localrank_transformers.engines.native.engine import open_native
from localrank_transformers.engines.native.layout import NativeLayer
from localrank_transformers.engines.native.library import Kernels, library, usable
from localrank_transformers.engines.onnx.session import OnnxEngine
from tests.support import native_layouts, packed_encoders

NOT_FINITE = (np.nan, np.inf, -np.inf)

with_kernels = pytest.mark.skipif(library() is None, reason="no compiled kernels for this machine")
every_kind = pytest.mark.parametrize("kernels", usable(), ids=lambda kernels: kernels.name)


def float_tensors(model: onnx.ModelProto) -> list[onnx.TensorProto]:
    return [one for one in model.graph.initializer if one.data_type == onnx.TensorProto.FLOAT]


def damaged(good: Path, value: float) -> Iterator[tuple[str, Path]]:
    """Write copies of a graph, in each of which another tensor holds nothing but `value`."""
    for at in range(len(float_tensors(onnx.load(good)))):
        model = onnx.load(good)
        tensor = float_tensors(model)[at]
        tensor.raw_data = np.full(tuple(tensor.dims), value, dtype=np.float32).tobytes()
        place = good.with_name(f"{tensor.name}.onnx")
        place.write_bytes(model.SerializeToString())
        yield tensor.name, place


def gives_numbers(engine: Engine | None, kind: str) -> bool:
    assert engine is not None
    rows = packed_encoders.some_rows(5, 17)
    try:
        request = engine.request()
        found = request.vectors(rows) if kind == "late" else [request.run(rows)]
    except InferenceError:
        return False
    return all(np.isfinite(one).all() for one in found)


@with_kernels
@pytest.mark.parametrize("int8", [False, True])
@pytest.mark.parametrize("kind", ["bert", "late"])
@pytest.mark.parametrize("value", NOT_FINITE)
def test_no_tensor_of_the_kernels_hides_it(tmp_path: Path, kind: str, value: float, *, int8: bool) -> None:
    good = packed_encoders.build(tmp_path / "m", kind, int8=int8)
    assert gives_numbers(open_native(good), kind)
    hidden = [name for name, bad in damaged(good, value) if gives_numbers(open_native(bad), kind)]
    assert hidden == []


@pytest.mark.parametrize("int8", [False, True])
@pytest.mark.parametrize("kind", ["bert", "late"])
@pytest.mark.parametrize("value", NOT_FINITE)
def test_no_tensor_of_onnx_runtime_hides_it(tmp_path: Path, kind: str, value: float, *, int8: bool) -> None:
    good = packed_encoders.build(tmp_path / "m", kind, int8=int8)
    assert gives_numbers(OnnxEngine(good, pad_id=0, int8=int8), kind)
    hidden = [
        name
        for name, bad in damaged(good, value)
        if gives_numbers(OnnxEngine(bad, pad_id=0, int8=int8), kind)
    ]
    assert hidden == []


@pytest.mark.parametrize("providers", [None, ["CPUExecutionProvider"]])
@pytest.mark.parametrize("int8", [False, True])
def test_a_call_ends_in_an_error(tmp_path: Path, providers: list[str] | None, *, int8: bool) -> None:
    good = packed_encoders.build(tmp_path / "m", int8=int8)
    _, bad = next(damaged(good, np.nan))
    bad.replace(good)
    model = OnnxReranker(
        good.parent, precision="int8" if int8 else "fp32", optimize=False, execution_providers=providers
    )
    with model, pytest.raises(InferenceError, match="not finite"):
        rerank_sync(model, "what is rag", ["rag retrieval", "pasta"], max_retries=0)


def layer_with(layer: NativeLayer, number: int, bias: np.ndarray) -> NativeLayer:
    products = list(layer.products)
    products[number] = replace(products[number], bias=bias)
    return replace(layer, products=tuple(products))


@every_kind
@pytest.mark.parametrize("int8", [False, True])
@pytest.mark.parametrize("number", range(6))
def test_finite_weights_too_large_for_their_sums_are_found(
    kernels: Kernels, number: int, *, int8: bool
) -> None:
    random = np.random.default_rng(number)
    sizes = native_layouts.Sizes(int8=int8)
    layout = native_layouts.random_layout(random, sizes)
    documents = native_layouts.some_documents(random, sizes, [5, 17])
    first, *others = layout.layers
    # A bias of its own for each output: what is added to all alike, normalization and softmax take away again.
    bias = (np.sign(random.standard_normal(len(first.products[number].bias))) * 3e38).astype(np.float32)
    broken = replace(layout, layers=(layer_with(first, number, bias), *others))
    assert np.isfinite(native_layouts.run(NativeEncoder(kernels, layout), documents)).all()
    with pytest.raises(InferenceError, match="not finite"):
        native_layouts.run(NativeEncoder(kernels, broken), documents)


@every_kind
def test_one_document_of_a_run_is_enough(kernels: Kernels) -> None:
    random = np.random.default_rng(0)
    sizes = native_layouts.Sizes()
    layout = native_layouts.random_layout(random, sizes)
    positions = layout.positions.copy()
    positions[20] = np.nan
    encoder = NativeEncoder(kernels, replace(layout, positions=positions))
    short, long = native_layouts.some_documents(random, sizes, [5, 21])
    assert np.isfinite(native_layouts.run(encoder, [short])).all()
    with pytest.raises(InferenceError, match="not finite"):
        native_layouts.run(encoder, [short, long])
