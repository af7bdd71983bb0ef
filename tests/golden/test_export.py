"""An exported graph gives the reference's scores on ONNX Runtime, for any number of pairs of any length."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra `golden`")
pytest.importorskip("sentence_transformers", reason="needs the extra `golden`")
pytest.importorskip("onnxscript", reason="needs the extra `golden`")

import onnx
import onnxruntime
from click.testing import CliRunner
from onnx import numpy_helper

from localrank import InvalidRequestError, MissingDependencyError, ModelLoadError, rerank
from localrank.providers import extras
from localrank_transformers import OnnxReranker
from localrank_transformers.commands.models import models
from localrank_transformers.exporting import export as exporting
from localrank_transformers.exporting.export import export_onnx
from tests.golden.test_cross_encoders import QUERY, reference
from tests.support import torch_models
from tests.support.torch_models import texts

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

TOLERANCE = 1e-3


async def agrees(folder: Path, exported: Path) -> None:
    documents = texts(20)
    expected = reference(folder, QUERY, documents)
    logits = expected[:, 1] - expected[:, 0] if expected.ndim == 2 else expected

    result = await rerank(OnnxReranker(exported), QUERY, documents)

    found = {hit.index: hit.metadata["logit"] for hit in result}
    assert found == pytest.approx(dict(enumerate(logits.tolist())), abs=TOLERANCE)


async def int8_and_float32(exported: Path) -> tuple[list[float], list[float]]:
    documents = texts(40)
    results = [
        await rerank(OnnxReranker(exported, precision=precision), QUERY, documents)
        for precision in ("int8", "fp32")
    ]
    first, second = ([hit.score for hit in sorted(one, key=lambda hit: hit.index)] for one in results)
    return first, second


def spearman(first: list[float], second: list[float]) -> float:
    ranks = [np.argsort(np.argsort(values)) for values in (first, second)]
    return float(np.corrcoef(*ranks)[0, 1])


@pytest.mark.timeout(300)
async def test_the_modules_of_an_ettin_reranker_become_one_graph(tmp_path: Path) -> None:
    folder = torch_models.build_modular(tmp_path / "ettin")

    rows = export_onnx(folder, tmp_path / "out", precision="int8")

    assert len(rows) == 8
    assert max(abs(row.torch - row.onnx) for row in rows) < TOLERANCE
    await agrees(folder, tmp_path / "out")
    assert spearman(*await int8_and_float32(tmp_path / "out")) > 0.97


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["bert-two-labels", "xlm-roberta", "deberta-v2", "modernbert-mean"])
async def test_classifiers_are_exported(tmp_path: Path, name: str) -> None:
    folder = torch_models.build_encoder(tmp_path / name, name)
    done = CliRunner().invoke(
        models, ["export", str(folder), "--out", str(tmp_path / "out"), "--precision", "int8"]
    )

    assert done.exit_code == 0, done.output
    assert (tmp_path / "out/onnx/model_int8.onnx").is_file()
    await agrees(folder, tmp_path / "out")


async def test_an_export_anew_leaves_the_files_that_others_have_loaded(tmp_path: Path) -> None:
    folder, graphs = torch_models.build_encoder(tmp_path / "m", "bert"), tmp_path / "out/onnx"
    graphs.mkdir(parents=True)
    for name in ("model.onnx", "model_int8.onnx"):
        (graphs / name).write_bytes(b"old")
        (tmp_path / name).hardlink_to(graphs / name)
    export_onnx(folder, tmp_path / "out", precision="int8")
    for name in ("model.onnx", "model_int8.onnx"):
        assert (tmp_path / name).read_bytes() == b"old"
        assert (graphs / name).stat().st_size > 1_000


async def test_an_export_that_fails_leaves_the_graph_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no such operator")

    folder, graph = torch_models.build_encoder(tmp_path / "m", "bert"), tmp_path / "out/onnx/model.onnx"
    graph.parent.mkdir(parents=True)
    graph.write_bytes(b"old")
    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(ModelLoadError, match="no such operator"):
        export_onnx(folder, tmp_path / "out")
    assert graph.read_bytes() == b"old"


async def test_a_graph_with_other_scores_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from localrank_transformers.exporting.torch import graphs as export

    folder = torch_models.build_encoder(tmp_path / "m", "bert")

    def write_other_graph(_files: object, path: Path, _dtype: object) -> None:
        from tests.support import tiny_models

        tiny_models.build(path.parent.parent, onnx_name="onnx/model.onnx")

    monkeypatch.setattr(export, "write_graph", write_other_graph)
    with pytest.raises(ModelLoadError, match="other logits"):
        export_onnx(folder, tmp_path / "out")
    assert not (tmp_path / "out/onnx/model.onnx").exists()


@pytest.mark.parametrize("at", ["compare with torch", "logits"])
async def test_an_interruption_leaves_no_graph_that_was_not_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    folder = torch_models.build_encoder(tmp_path / "m", "bert")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def on_step(step: str) -> None:
        if step == at:
            interrupt()

    if at == "logits":
        monkeypatch.setattr(exporting, "onnx_logits", interrupt)
    with pytest.raises(KeyboardInterrupt):
        export_onnx(folder, tmp_path / "out", on_step=on_step)
    assert not (tmp_path / "out/onnx/model.onnx").exists()


@pytest.mark.timeout(300)
async def test_half_precision_keeps_what_goes_in_and_comes_out(tmp_path: Path) -> None:
    folder = torch_models.build_encoder(tmp_path / "m", "bert")
    rows = export_onnx(folder, tmp_path / "out", precision="fp16")

    sizes = [(tmp_path / "out/onnx" / name).stat().st_size for name in ("model.onnx", "model_fp16.onnx")]
    assert sizes[1] < 0.75 * sizes[0]
    session = onnxruntime.InferenceSession(tmp_path / "out/onnx/model_fp16.onnx")
    assert {one.type for one in session.get_inputs()} == {"tensor(int64)"}
    assert [one.type for one in session.get_outputs()] == ["tensor(float)"]
    assert 0 < max(abs(row.reduced - row.torch) for row in rows) < 0.05
    found = await rerank(OnnxReranker(tmp_path / "out", precision="fp16"), QUERY, texts(8))
    exact = await rerank(OnnxReranker(tmp_path / "out"), QUERY, texts(8))
    scores = ({hit.index: hit.score for hit in result} for result in (found, exact))
    assert next(scores) == pytest.approx(next(scores), abs=0.02)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("cpu", "largest", "graph"),
    [
        ("vnni", 127, "model_qint8_avx512_vnni.onnx"),
        ("avx512", 64, "model_qint8_avx512.onnx"),
    ],
)
async def test_int8_is_made_for_the_processor_that_is_named(
    tmp_path: Path, cpu: str, largest: int, graph: str
) -> None:
    folder = torch_models.build_encoder(tmp_path / "m", "bert")
    done = CliRunner().invoke(
        models,
        [
            "export",
            str(folder),
            "--to",
            "onnx",
            "--out",
            str(tmp_path / "out"),
            "--precision",
            "int8",
            "--cpu",
            cpu,
        ],
    )

    assert done.exit_code == 0, done.output
    assert "largest difference: fp32" in done.output
    weights = [
        numpy_helper.to_array(one)
        for one in onnx.load(tmp_path / "out/onnx" / graph).graph.initializer
        if one.data_type == onnx.TensorProto.INT8 and len(one.dims) == 2
    ]
    assert weights
    assert max(int(np.abs(one.astype(np.int32)).max()) for one in weights) == largest
    scales = [
        one
        for one in onnx.load(tmp_path / "out/onnx" / graph).graph.initializer
        if one.name.endswith("_scale")
    ]
    assert any(one.dims and one.dims[0] > 1 for one in scales), "a scale for each column"


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"cpu": "pentium", "precision": "int8"}, "pentium.*vnni"),
        ({"cpu": "vnni"}, "precision is 'fp32'"),
    ],
)
async def test_a_processor_without_a_meaning_is_refused(
    tmp_path: Path, options: dict[str, Any], match: str
) -> None:
    with pytest.raises(InvalidRequestError, match=match):
        export_onnx(tmp_path, tmp_path / "out", **options)


async def test_the_own_folder_is_not_overwritten(tmp_path: Path) -> None:
    folder = torch_models.build_encoder(tmp_path / "m", "bert")
    with pytest.raises(InvalidRequestError, match="out"):
        export_onnx(folder, folder)


async def test_a_missing_exporter_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "onnxscript" else object())
    with pytest.raises(MissingDependencyError, match=r"onnxscript.*localrank\[export\]"):
        export_onnx(tmp_path, tmp_path / "out")
