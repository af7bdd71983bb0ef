"""The kernels of every kind of processor give the same bits, and one variable names those that run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from localrank.contract.errors import ModelLoadError
from localrank_transformers.call.contract import Row
from localrank_transformers.engines.native import library as native
from localrank_transformers.engines.native.encoder import NativeEncoder
from localrank_transformers.engines.native.engine import open_native
from localrank_transformers.engines.native.layout import Input, NativeLayer, NativeLayout
from localrank_transformers.engines.native.library import VARIABLE, Kernels, library, open_library, usable
from tests.support import native_layouts, packed_encoders

pytestmark = pytest.mark.skipif(not usable(), reason="no compiled kernels for this machine")

OTHERS = usable()[1:]


def drawn(seed: int) -> tuple[NativeLayout, list[native_layouts.Document]]:
    """Return an encoder and documents for it."""
    random = np.random.default_rng(seed)
    sizes = native_layouts.random_sizes(random)
    lengths = [int(n) for n in random.integers(1, sizes.window + 1, 4)]
    layout = native_layouts.random_layout(random, sizes)
    return layout, native_layouts.some_documents(random, sizes, lengths)


@pytest.mark.skipif(not OTHERS, reason="this processor has one kind of kernels only")
@pytest.mark.parametrize("seed", range(30))
def test_random_encoders_have_the_same_bits(seed: int) -> None:
    layout, documents = drawn(seed)
    first, *others = (native_layouts.run(NativeEncoder(kernels, layout), documents) for kernels in usable())
    assert np.isfinite(first).all()
    for other in others:
        assert other.tobytes() == first.tobytes()


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("kernels", usable(), ids=lambda kernels: kernels.name)
def test_a_random_encoders_threads_and_neighbours_change_no_bit(kernels: Kernels, seed: int) -> None:
    layout, documents = drawn(seed)
    encoder = NativeEncoder(kernels, layout)
    together = native_layouts.run(encoder, documents)
    alone = [native_layouts.run(encoder, [document]) for document in documents]
    assert np.concatenate(alone).tobytes() == together.tobytes()
    assert native_layouts.run(encoder, documents, threads=3).tobytes() == together.tobytes()


def extreme(layer: NativeLayer, random: np.random.Generator) -> NativeLayer:
    """Weights are -128 or 127, and most inputs are cut to 0 or 255."""
    products = [
        replace(one, weight=np.where(random.integers(2, size=one.weight.shape), -128, 127).astype(np.int8))
        for one in layer.products
    ]
    inputs = [Input(np.full(1, 200, dtype=np.float32), 1 / 200, one.offset) for one in layer.inputs]
    return replace(layer, products=tuple(products), inputs=tuple(inputs))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kernels", usable(), ids=lambda kernels: kernels.name)
def test_the_largest_products_are_exact(kernels: Kernels, seed: int) -> None:
    random = np.random.default_rng(seed)
    sizes = native_layouts.Sizes(labels=0, layers=1, inner=256, heads=4)
    layout = native_layouts.random_layout(random, sizes)
    layout = replace(layout, layers=tuple(extreme(layer, random) for layer in layout.layers))
    (ids, types), *_ = documents = native_layouts.some_documents(random, sizes, [40, 7])
    found = native_layouts.run(NativeEncoder(kernels, layout), documents)[:40]
    apart = np.abs(found - packed_encoders.expected_of(layout, Row(ids, types)))
    assert np.median(apart) < 1e-3
    assert apart.max() < 0.1


@pytest.mark.parametrize("kernels", usable(), ids=lambda kernels: kernels.name)
def test_a_name_in_the_environment_chooses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernels: Kernels
) -> None:
    monkeypatch.setenv(VARIABLE, kernels.name)
    found = library()
    assert found is not None
    assert found.name == kernels.name
    assert open_native(packed_encoders.build(tmp_path / "m")) is not None


@pytest.mark.parametrize("name", ["sse2", "AVX2 ", "neon"])
def test_another_name_is_refused_with_those_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    onnx = packed_encoders.build(tmp_path / "m")
    monkeypatch.setenv(VARIABLE, name)
    with pytest.raises(ModelLoadError, match=usable()[0].name) as refused:
        open_native(onnx)
    assert VARIABLE in str(refused.value)
    assert repr(name) in str(refused.value)


def test_kernels_that_this_processor_cannot_run_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Path(native.__file__).with_name(native.FILE)
    beyond = [kernels.name for kernels in open_library(place) if not kernels.is_supported]
    if not beyond:
        pytest.skip("this processor can run all kernels")
    monkeypatch.setenv(VARIABLE, beyond[0])
    with pytest.raises(ModelLoadError, match=repr(beyond[0])):
        library()


def test_a_name_without_kernels_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "__file__", str(tmp_path / "library.py"))
    native._opened.cache_clear()
    try:
        monkeypatch.setenv(VARIABLE, "avx2")
        with pytest.raises(ModelLoadError, match="not compiled"):
            library()
    finally:
        monkeypatch.undo()
        native._opened.cache_clear()
