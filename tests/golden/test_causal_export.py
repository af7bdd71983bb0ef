"""An exported causal reranker gives the scores of its authors' recipe on ONNX Runtime, one prompt without padding at a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra `golden`")
pytest.importorskip("sentence_transformers", reason="needs the extra `golden`")
pytest.importorskip("onnxscript", reason="needs the extra `golden`")

import onnxruntime
from transformers import AutoTokenizer

from localrank import ModelLoadError, rerank
from localrank_transformers import OnnxReranker, TorchReranker
from localrank_transformers.exporting.export import export_onnx
from tests.golden import test_causal as recipes
from tests.golden.test_causal import QUERY
from tests.support import causal_models, t5_models
from tests.support.causal_models import sentences

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("anyio_backend", ["asyncio"]),
    pytest.mark.timeout(300),
]

TOLERANCE = 1e-3


async def logits(model: OnnxReranker, documents: list[str], **options: Any) -> list[float]:
    result = await rerank(model, QUERY, documents, **options)
    return [hit.metadata["logit"] for hit in sorted(result, key=lambda hit: hit.index)]


@pytest.fixture(scope="module")
def qwen3(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A model and its export, with int8 weights too."""
    place = tmp_path_factory.mktemp("qwen3")
    folder = causal_models.build_qwen3(place / "torch")
    export_onnx(folder, place / "onnx", precision="int8")
    return folder, place / "onnx"


async def test_qwen3_agrees_with_its_card(qwen3: tuple[Path, Path]) -> None:
    folder, exported = qwen3
    documents = sentences(20)
    expected = recipes.qwen3(folder, documents)

    assert expected.std() > 0.05
    assert await logits(OnnxReranker(exported), documents) == pytest.approx(expected.tolist(), abs=TOLERANCE)


async def test_an_instruction_changes_the_scores_as_on_torch(qwen3: tuple[Path, Path]) -> None:
    folder, exported = qwen3
    documents = sentences(6)
    expected = recipes.qwen3(folder, documents, "find the city").tolist()

    model = OnnxReranker(exported, instruction="find the pasta")

    assert await logits(model, documents, instruction="find the city") == pytest.approx(
        expected, abs=TOLERANCE
    )
    torch = TorchReranker(folder, device="cpu", instruction="find the pasta")
    assert await logits(model, documents) == pytest.approx(await logits(torch, documents), abs=TOLERANCE)


async def test_a_cut_document_is_scored_as_on_torch(qwen3: tuple[Path, Path]) -> None:
    folder, exported = qwen3
    documents = ["paris city " * 400, "paris"]
    results = [
        await rerank(model, QUERY, documents)
        for model in (
            OnnxReranker(exported, max_length=250),
            TorchReranker(folder, device="cpu", max_length=250),
        )
    ]

    found, expected = ({hit.index: hit.metadata["logit"] for hit in result} for result in results)
    assert found == pytest.approx(expected, abs=TOLERANCE)
    assert [result.usage.truncated_documents for result in results] == [1, 1]
    assert results[0].usage.input_tokens == results[1].usage.input_tokens


async def test_prompts_of_one_length_may_share_a_run(qwen3: tuple[Path, Path]) -> None:
    _, exported = qwen3
    model = OnnxReranker(exported)
    documents = ["paris city", "city paris", "paris paris", "city city", "pasta"]
    alone = [(await logits(model, [document]))[0] for document in documents]
    assert await logits(model, documents) == pytest.approx(alone, abs=1e-5)


async def test_the_graph_computes_the_answering_words_alone(qwen3: tuple[Path, Path]) -> None:
    _, exported = qwen3
    session = onnxruntime.InferenceSession(exported / "onnx/model.onnx")
    assert [(one.name, len(one.shape)) for one in session.get_inputs()] == [("input_ids", 2)]
    [output] = session.get_outputs()
    assert (output.name, output.type, output.shape[1]) == ("logits", "tensor(float)", 2)
    assert json.loads((exported / "localrank.json").read_text()) == {
        "format": 1,
        "family": "causal",
        "template": "qwen3",
        "labels": ["no", "yes"],
        "settings": {},
    }


async def test_int8_keeps_the_order_for_the_most_part(qwen3: tuple[Path, Path]) -> None:
    _, exported = qwen3
    documents = sentences(40)
    results = [
        await rerank(OnnxReranker(exported, precision=precision), QUERY, documents)
        for precision in ("fp32", "int8")
    ]
    precise, rough = ([hit.index for hit in result] for result in results)
    apart = [precise.index(index) - rough.index(index) for index in range(40)]
    spearman = 1 - 6 * sum(one * one for one in apart) / (40 * (40 * 40 - 1))
    assert spearman > 0.9


@pytest.mark.slow
async def test_mxbai_v2(tmp_path: Path) -> None:
    folder = causal_models.build_qwen2(tmp_path / "mxbai")
    documents = sentences(20)
    export_onnx(folder, tmp_path / "onnx", template="mxbai-v2")

    for instruction in (None, "find the pasta {query}"):
        found = await logits(OnnxReranker(tmp_path / "onnx"), documents, instruction=instruction)

        expected = recipes.mxbai(folder, documents, instruction)
        assert expected.std() > 0.05
        assert found == pytest.approx(expected.tolist(), abs=TOLERANCE)


@pytest.mark.slow
@pytest.mark.parametrize("build", [causal_models.build_gemma, causal_models.build_gemma2])
async def test_bge_gemma(tmp_path: Path, build: Callable[[Path], Path]) -> None:
    folder = build(tmp_path / "gemma")
    documents = sentences(20)
    yes = AutoTokenizer.from_pretrained(folder)("Yes", add_special_tokens=False)["input_ids"][0]
    expected = recipes.last_logits(folder, recipes.bge_rows(folder, documents))[:, yes]
    export_onnx(folder, tmp_path / "onnx", template="bge-yes")

    found = await logits(OnnxReranker(tmp_path / "onnx"), documents)

    assert expected.std() > 0.05
    assert found == pytest.approx(expected.tolist(), abs=TOLERANCE)


@pytest.mark.slow
async def test_bge_layerwise_at_its_advised_layer(tmp_path: Path) -> None:
    folder = causal_models.build_layerwise(tmp_path / "layerwise")
    documents = sentences(8)
    expected = [recipes.minicpm(folder, row, 4) for row in recipes.bge_rows(folder, documents)]
    export_onnx(folder, tmp_path / "onnx")
    assert await logits(OnnxReranker(tmp_path / "onnx"), documents) == pytest.approx(expected, abs=TOLERANCE)


async def test_a_causal_model_that_does_not_tell_its_prompt_is_refused(tmp_path: Path) -> None:
    folder = causal_models.build_qwen2(tmp_path / "mxbai")
    with pytest.raises(ModelLoadError, match=r"--template.*mxbai-v2.*TorchReranker"):
        export_onnx(folder, tmp_path / "onnx")


async def test_a_sequence_to_sequence_model_is_refused_by_naming_the_engine_that_runs_it(
    tmp_path: Path,
) -> None:
    folder = t5_models.build_t5(tmp_path / "t5")
    with pytest.raises(ModelLoadError, match="TorchReranker"):
        export_onnx(folder, tmp_path / "onnx")


@pytest.mark.slow
async def test_weights_too_large_for_one_file_lie_beside_the_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from localrank_transformers.exporting import quantize as onnx_quantize
    from localrank_transformers.exporting.torch import graphs as export

    monkeypatch.setattr(export, "_SINGLE_FILE_BYTES", 0)
    monkeypatch.setattr(onnx_quantize, "_SINGLE_FILE_BYTES", 0)
    folder = causal_models.build_qwen3(tmp_path / "qwen3")

    rows = export_onnx(folder, tmp_path / "onnx", precision="int8")

    assert max(abs(row.onnx - row.torch) for row in rows) < TOLERANCE
    beside = sorted(path.name for path in (tmp_path / "onnx/onnx").iterdir())
    assert beside == ["model.onnx", "model.onnx.data", "model_int8.onnx", "model_int8.onnx.data"]
