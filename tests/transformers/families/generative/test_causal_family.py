"""A causal reranker on ONNX Runtime: the folder says its prompt, the end of which always stands."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from localrank import InvalidRequestError, ModelLoadError, rerank
from localrank_transformers import OnnxReranker
from tests.support import causal_graphs, tiny_models
from tests.support.causal_graphs import logit
from tests.support.loopback_hub import LoopbackHub

pytestmark = pytest.mark.anyio

QUERY = "what is the capital of france"
DOCUMENTS = [
    "paris is the capital of france",
    "pasta in the city",
    "w2",
    "machine learning",
    "the port city of w1",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return causal_graphs.build(tmp_path / "causal")


async def logits(model: OnnxReranker, documents: list[str], **options: Any) -> list[float]:
    result = await rerank(model, QUERY, documents, **options)
    assert not result.warnings
    return [hit.metadata["logit"] for hit in sorted(result, key=lambda hit: hit.index)]


async def test_the_whole_prompt_is_read(folder: Path) -> None:
    expected = [logit(folder, QUERY, document) for document in DOCUMENTS]
    assert expected == pytest.approx(await logits(OnnxReranker(folder), DOCUMENTS), abs=1e-5)


async def test_a_score_is_the_same_alone_and_among_others(folder: Path) -> None:
    model = OnnxReranker(folder)
    together = await logits(model, DOCUMENTS)
    alone = [(await logits(model, [document]))[0] for document in DOCUMENTS]
    assert alone == pytest.approx(together, abs=1e-6)


async def test_an_instruction_of_the_call_goes_before_that_of_the_model(folder: Path) -> None:
    model = OnnxReranker(folder, instruction="the pasta city")
    expected = [logit(folder, QUERY, document, "the pasta city") for document in DOCUMENTS]
    assert expected == pytest.approx(await logits(model, DOCUMENTS), abs=1e-5)
    of_call = [logit(folder, QUERY, document, "machine port") for document in DOCUMENTS]
    assert of_call == pytest.approx(await logits(model, DOCUMENTS, instruction="machine port"), abs=1e-5)


async def test_a_long_document_loses_its_end_and_the_prompt_keeps_its_own(folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    around = len(tokenizer.encode(causal_graphs.BEFORE + causal_graphs.AFTER).ids)
    around += len(tokenizer.encode(f"<Instruct>: {causal_graphs.TASK}\n<Query>: {QUERY}\n<Document>:").ids)
    room = 150 - around
    expected = logit(folder, QUERY, "paris " * room)

    result = await rerank(OnnxReranker(folder, max_length=150), QUERY, ["paris " * 400, "paris"])

    assert expected == pytest.approx(
        next(hit.metadata["logit"] for hit in result if hit.index == 0), abs=1e-4
    )
    assert [hit.truncated for hit in sorted(result, key=lambda hit: hit.index)] == [True, False]
    assert result.usage.truncated_documents == 1
    assert result.usage.input_tokens == 150 + around + 1


async def test_a_prompt_without_a_place_for_an_instruction_says_so(tmp_path: Path) -> None:
    folder = causal_graphs.build(tmp_path / "bge", template="bge-yes", labels=1)
    result = await rerank(OnnxReranker(folder), QUERY, DOCUMENTS, instruction="the pasta city")
    assert [warning.feature for warning in result.warnings] == ["instruction"]
    with pytest.raises(InvalidRequestError, match="prompt is fixed"):
        await rerank(OnnxReranker(folder, instruction="the pasta city"), QUERY, DOCUMENTS)


async def test_an_instruction_for_another_family_is_refused(tmp_path: Path) -> None:
    pairwise = tiny_models.build(tmp_path / "pairwise")
    for model, what in ((pairwise, "cross-encoder"), (None, "late-interaction model")):
        with pytest.raises(InvalidRequestError, match=f"instruction.*{what}"):
            await rerank(OnnxReranker(model, instruction="the pasta city"), QUERY, DOCUMENTS)


async def test_the_instruction_is_part_of_the_fingerprint_and_survives_pickling(folder: Path) -> None:
    model = OnnxReranker(folder, instruction="the pasta city")
    assert model.fingerprint != OnnxReranker(folder).fingerprint
    assert model.fingerprint == pickle.loads(pickle.dumps(model)).fingerprint


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"format": 2}, "format 2"),
        ({"family": "seq2seq"}, r"'seq2seq'.*TorchReranker"),
        ({"family": ["causal"]}, "family is"),
        ({"template": "qwen9"}, "prompt"),
        ({"template": 3}, "malformed"),
        ({"settings": []}, "malformed"),
    ],
)
async def test_what_the_folder_says_is_checked(folder: Path, change: dict[str, Any], match: str) -> None:
    place = folder / "localrank.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | change))
    with pytest.raises(ModelLoadError, match=match):
        await OnnxReranker(folder).warm_up()


@pytest.mark.parametrize(
    "architecture",
    [
        "Qwen3ForCausalLM",
        "MistralForCausalLM",
        "LayerWiseMiniCPMForCausalLM",
        "T5ForConditionalGeneration",
        "RankT5",
    ],
)
async def test_a_graph_of_another_family_is_refused_by_naming_the_engine_that_runs_it(
    folder: Path, architecture: str
) -> None:
    (folder / "localrank.json").unlink()
    (folder / "config.json").write_text(json.dumps({"architectures": [architecture]}))
    with pytest.raises(ModelLoadError, match=rf"{architecture}.*TorchReranker"):
        await OnnxReranker(folder).warm_up()


async def test_an_exported_folder_may_live_on_the_hub(folder: Path, hub: LoopbackHub) -> None:
    hub.add("me/qwen-onnx", folder)
    expected = [logit(folder, QUERY, document) for document in DOCUMENTS]
    assert expected == pytest.approx(await logits(OnnxReranker("me/qwen-onnx"), DOCUMENTS), abs=1e-5)
