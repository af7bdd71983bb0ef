"""The family is read from the files; what they do not tell is refused with the setting that decides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from localrank import InvalidRequestError, ModelLoadError
from localrank_transformers.families.detection import causal_template, detect
from localrank_transformers.torch_files import TorchFiles, read_torch_files
from tests.support.repository_layouts import safetensors

ETTIN = [
    {"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "path": "2_Dense", "type": "sentence_transformers.models.Dense"},
    {"idx": 3, "path": "3_LayerNorm", "type": "sentence_transformers.models.LayerNorm"},
    {"idx": 4, "path": "4_Dense", "type": "sentence_transformers.models.Dense"},
]


def files(folder: Path, architecture: str, *, modules: Any = None, chat_template: str = "") -> TorchFiles:
    (folder / "config.json").write_text(json.dumps({"architectures": [architecture]}))
    (folder / "model.safetensors").write_bytes(safetensors())
    if modules is not None:
        (folder / "modules.json").write_text(json.dumps(modules))
    if chat_template:
        (folder / "chat_template.jinja").write_text(chat_template)
    return read_torch_files(folder)


def test_a_sequence_classifier_is_a_cross_encoder(tmp_path: Path) -> None:
    assert detect(files(tmp_path, "XLMRobertaForSequenceClassification"), None) == "cross-encoder"


def test_an_encoder_with_dense_modules_is_modular(tmp_path: Path) -> None:
    assert detect(files(tmp_path, "ModernBertModel", modules=ETTIN), None) == "modular"


def test_a_bi_encoder_of_modules_is_not_taken_for_a_reranker(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="family="):
        detect(files(tmp_path, "BertModel", modules=ETTIN[:2]), None)


def test_a_causal_model_whose_template_judges_documents_is_qwen3(tmp_path: Path) -> None:
    found = files(
        tmp_path,
        "Qwen3ForCausalLM",
        chat_template="Judge whether the Document meets the requirements based on …",
    )
    assert (detect(found, None), causal_template(found, None)) == ("causal", "qwen3")


def test_a_causal_model_with_an_ordinary_template_is_refused_with_the_settings_that_decide(
    tmp_path: Path,
) -> None:
    found = files(tmp_path, "Qwen3ForCausalLM", chat_template="{{ messages }}")
    with pytest.raises(ModelLoadError, match="family="):
        detect(found, None)
    with pytest.raises(ModelLoadError, match=r"template=.*qwen3"):
        causal_template(found, None)
    assert (detect(found, "causal"), causal_template(found, "mxbai-v2")) == ("causal", "mxbai-v2")


def test_an_unknown_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="template"):
        causal_template(files(tmp_path, "Qwen3ForCausalLM"), "qwen4")


def test_the_layerwise_model_is_known_by_its_architecture(tmp_path: Path) -> None:
    found = files(tmp_path, "LayerWiseMiniCPMForCausalLM")
    assert (detect(found, None), causal_template(found, None)) == ("causal", "bge-yes")


def test_a_model_that_compresses_tokens_is_refused_whatever_is_asked(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="compresses"):
        detect(files(tmp_path, "CostWiseGemmaForCausalLM"), "causal")
