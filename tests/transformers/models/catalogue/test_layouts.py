"""Each model that ONNX Runtime runs, on a loopback hub in the layout of its repository: what is asked for, what is detected."""

from __future__ import annotations

from pathlib import Path

import pytest

from localrank.contract.errors import ModelLoadError
from localrank.contract.model import DoRerankOptions
from localrank_transformers import OnnxReranker
from localrank_transformers.models.catalogue.entries import CatalogueEntry, entries, lookup
from localrank_transformers.models.hub import models as hub_models
from tests.support import tiny_models
from tests.support.loopback_hub import LoopbackHub
from tests.support.repository_layouts import ONNX_LAYOUTS, SMALL

NEVER = ["pytorch_model.bin", "model.safetensors", "README.md", "openvino/openvino_model.bin", "tf_model.h5"]
PROCESSORS = {
    "vnni": ("AVX512-VNNI", "AVX512", "AVX2"),
    "avx2": ("AVX2",),
    "arm": ("NEON-dot-product", "NEON"),
    "none": (),
}


def of_onnx() -> list[CatalogueEntry]:
    """Cross-encoders; test_onnx_late has the layout of late interaction."""
    known = [entry for entry in entries() if entry.hub_id and "onnx" in entry.engines]
    return [entry for entry in known if entry.family == "cross-encoder"]


def publish_onnx(hub: LoopbackHub, entry: CatalogueEntry, folder: Path) -> None:
    layout = ONNX_LAYOUTS[entry.name]
    tiny_models.build(
        folder,
        style=layout.style,
        max_length=layout.tokens,
        config={
            "architectures": [layout.architecture],
            "model_type": layout.model_type,
            "max_position_embeddings": layout.positions,
        },
    )
    graph = (folder / "onnx/model.onnx").read_bytes()
    files = {name: (folder / name).read_bytes() for name in SMALL if (folder / name).is_file()}
    files |= dict.fromkeys(entry.onnx_files.values(), graph)
    files |= dict.fromkeys([*NEVER, "onnx/model_O4.onnx"], b"x")
    hub.add(str(entry.hub_id), {**files, "special_tokens_map.json": b"{}"})


def expected_graph(entry: CatalogueEntry, processor: str) -> str:
    files = entry.onnx_files
    order = {
        "vnni": ["int8-avx512-vnni", "int8-avx512", "int8-avx2", "int8"],
        "avx2": ["int8-avx2", "int8"],
        "arm": ["int8-arm64", "int8"],
        "none": ["int8"],
    }[processor]
    return next((files[precision] for precision in order if precision in files), files["fp32"])


def test_every_model_that_onnx_runs_has_a_layout_here() -> None:
    assert {entry.name for entry in of_onnx()} == set(ONNX_LAYOUTS)


@pytest.mark.parametrize("processor", ["vnni", "arm"])
@pytest.mark.parametrize("name", ONNX_LAYOUTS)
def test_an_alias_fetches_the_configuration_the_tokenizer_and_one_graph_and_ranks(
    hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, processor: str
) -> None:
    entry = lookup(name)
    assert entry is not None
    publish_onnx(hub, entry, tmp_path / "m")
    monkeypatch.setattr(hub_models, "cpu_features", lambda: PROCESSORS[processor])
    graph = expected_graph(entry, processor)
    with OnnxReranker(name) as model:
        loaded, _ = model._once.get()
        assert hub.asked("api") == [entry.hub_id]
        assert hub.asked("head") == [*SMALL, graph]
        assert hub.asked("get") == SMALL
        assert hub.asked("storage") == [graph]
        assert (model.model_id, model.score_kind) == (entry.hub_id, "probability")
        assert (loaded.activation, loaded.family.tokenizer.max_length) == (
            entry.activation,
            entry.default_length,
        )


@pytest.mark.parametrize(
    "wanted",
    [
        ("auto", "vnni", "onnx/model_qint8_avx512_vnni.onnx"),
        ("auto", "avx2", "onnx/model_quint8_avx2.onnx"),
        ("auto", "arm", "onnx/model_qint8_arm64.onnx"),
        ("auto", "none", "onnx/model.onnx"),
        ("int8", "vnni", "onnx/model_qint8_avx512_vnni.onnx"),
        ("fp32", "vnni", "onnx/model.onnx"),
    ],
)
def test_precision_and_processor_choose_the_one_graph(
    hub: LoopbackHub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wanted: tuple[str, str, str],
) -> None:
    precision, processor, graph = wanted
    entry = lookup("mini")
    assert entry is not None
    publish_onnx(hub, entry, tmp_path / "m")
    monkeypatch.setattr(hub_models, "cpu_features", lambda: PROCESSORS[processor])
    with OnnxReranker("mini", precision=precision) as model:
        model.token_spans("what")
    assert hub.asked("storage") == [graph]


@pytest.mark.parametrize(
    ("name", "graph"),
    [
        ("some-one/of-nobody", "onnx/model.onnx"),
        ("Xenova/ms-marco-MiniLM-L-6-v2", "onnx/model_quantized.onnx"),
    ],
)
def test_another_repository_has_its_own_layout_and_int8_only_where_its_weights_are_known(
    hub: LoopbackHub, tmp_path: Path, name: str, graph: str
) -> None:
    folder = tiny_models.build(tmp_path / "m")
    (folder / "onnx/model_quantized.onnx").write_bytes((folder / "onnx/model.onnx").read_bytes() + b"")
    hub.add(name, folder)
    with OnnxReranker(name) as model:
        model.token_spans("what")
        assert model.model_id == name
    assert hub.asked("head")[-1] == graph


def test_external_data_is_fetched_with_its_graph(hub: LoopbackHub, tmp_path: Path) -> None:
    folder = tiny_models.build(tmp_path / "m", external_data=True)
    data = next(path.name for path in (folder / "onnx").iterdir() if path.suffix == ".data")
    hub.add("some-one/large", folder)
    with OnnxReranker("some-one/large") as model:
        model.token_spans("what")
    assert hub.asked("storage") == ["onnx/model.onnx", f"onnx/{data}"]


def test_a_family_that_onnx_cannot_serve_is_refused_at_once(hub: LoopbackHub) -> None:
    for entry in entries():
        if entry.hub_id and entry.family != "cross-encoder" and "onnx" not in entry.engines:
            with pytest.raises(ModelLoadError, match=f"TorchReranker\\('{entry.name}'\\)"):
                OnnxReranker(entry.name)
    assert hub.connections == 0


@pytest.mark.anyio
async def test_a_licence_without_commercial_use_is_said_once(hub: LoopbackHub, tmp_path: Path) -> None:
    entry = lookup("jina-v2")
    assert entry is not None
    publish_onnx(hub, entry, tmp_path / "m")
    options = DoRerankOptions("what", ("the", "rag"))
    with OnnxReranker("jina-v2") as model:
        first, second = [await model.do_rerank(options) for _ in range(2)]
    assert [warning.type for warning in first.warnings] == ["licence"]
    assert "CC-BY-NC-4.0" in first.warnings[0].message
    assert list(second.warnings) == []
