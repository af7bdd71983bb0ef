"""An exported graph gives the reference's scores on ONNX Runtime, for any number of pairs of any length."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra `golden`")
pytest.importorskip("sentence_transformers", reason="needs the extra `golden`")
pytest.importorskip("onnxscript", reason="needs the extra `golden`")

from click.testing import CliRunner

from localrank import InvalidRequestError, MissingDependencyError, ModelLoadError, rerank
from localrank_transformers import OnnxReranker, exporting
from localrank_transformers.commands import models
from localrank_transformers.exporting import export_onnx
from tests.golden.test_cross_encoders import QUERY, reference
from tests.support import causal_models, torch_models
from tests.support.torch_models import texts

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

TOLERANCE = 1e-3


async def agrees(folder: Path, exported: Path) -> None:
    documents = texts(20)
    expected = reference(folder, QUERY, documents)
    margins = expected[:, 1] - expected[:, 0] if expected.ndim == 2 else expected

    result = await rerank(OnnxReranker(exported), QUERY, documents)

    found = {hit.index: hit.metadata["logit"] for hit in result}
    assert found == pytest.approx(dict(enumerate(margins.tolist())), abs=TOLERANCE)


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


async def test_a_graph_with_other_scores_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from localrank_transformers.engines.torch import export

    folder = torch_models.build_encoder(tmp_path / "m", "bert")

    def write_other_graph(_kind: object, _files: object, path: Path) -> tuple[str, ...]:
        from tests.support import tiny_models

        tiny_models.build(path.parent.parent, onnx_name="onnx/model.onnx")
        return ()

    monkeypatch.setattr(export, "write_graph", write_other_graph)
    with pytest.raises(ModelLoadError, match="other logits"):
        export_onnx(folder, tmp_path / "out")
    assert not (tmp_path / "out/onnx/model.onnx").exists()


async def test_a_causal_model_is_refused_by_naming_the_engine_that_runs_it(tmp_path: Path) -> None:
    folder = causal_models.build_qwen3(tmp_path / "qwen3")
    with pytest.raises(ModelLoadError, match="TorchReranker"):
        export_onnx(folder, tmp_path / "out")


async def test_the_own_folder_is_not_overwritten(tmp_path: Path) -> None:
    folder = torch_models.build_encoder(tmp_path / "m", "bert")
    with pytest.raises(InvalidRequestError, match="out"):
        export_onnx(folder, folder)


async def test_a_missing_exporter_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "find_spec", lambda name: None if name == "onnxscript" else object())
    with pytest.raises(MissingDependencyError, match=r"onnxscript.*localrank\[export\]"):
        export_onnx(tmp_path, tmp_path / "out")
