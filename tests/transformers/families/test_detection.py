"""The family is read from the files; what they do not tell is refused with the setting that decides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from localrank import InvalidRequestError, ModelLoadError
from localrank_transformers.families.detection import causal_template, detect, is_modular
from localrank_transformers.families.generative.seq2seq import seq2seq_template
from localrank_transformers.models.folder.settings_files import SettingsFiles, read_torch_files
from tests.support.repository_layouts import safetensors

ETTIN = [
    {"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "path": "2_Dense", "type": "sentence_transformers.models.Dense"},
    {"idx": 3, "path": "3_LayerNorm", "type": "sentence_transformers.models.LayerNorm"},
    {"idx": 4, "path": "4_Dense", "type": "sentence_transformers.models.Dense"},
]


def files(folder: Path, architecture: str, *, modules: Any = None, chat_template: str = "") -> SettingsFiles:
    (folder / "config.json").write_text(json.dumps({"architectures": [architecture]}))
    (folder / "model.safetensors").write_bytes(safetensors())
    if modules is not None:
        (folder / "modules.json").write_text(json.dumps(modules))
    if chat_template:
        (folder / "chat_template.jinja").write_text(chat_template)
    return read_torch_files(folder)


def test_a_sequence_classifier_is_a_cross_encoder(tmp_path: Path) -> None:
    assert detect(files(tmp_path, "XLMRobertaForSequenceClassification"), None) == "cross-encoder"


def test_an_encoder_with_dense_modules_is_a_modular_cross_encoder(tmp_path: Path) -> None:
    found = files(tmp_path, "ModernBertModel", modules=ETTIN)
    assert (detect(found, None), is_modular(found)) == ("cross-encoder", True)


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


@pytest.mark.parametrize(
    ("architecture", "kind"), [("HF_ColBERT", "late-interaction"), ("RankT5", "seq2seq")]
)
def test_an_architecture_of_its_own_tells_the_family(tmp_path: Path, architecture: str, kind: str) -> None:
    assert detect(files(tmp_path, architecture), None) == kind


def test_the_settings_of_a_late_interaction_model_tell_the_family(tmp_path: Path) -> None:
    (tmp_path / "config_sentence_transformers.json").write_text('{"model_type": "ColBERT"}')
    dense = [ETTIN[0], {"idx": 1, "path": "1_Dense", "type": "pylate.models.Dense.Dense"}]
    assert detect(files(tmp_path, "ModernBertModel", modules=dense), None) == "late-interaction"


@pytest.mark.parametrize("architecture", ["T5ForConditionalGeneration", "MistralForCausalLM"])
def test_a_model_that_could_be_of_several_families_is_refused(tmp_path: Path, architecture: str) -> None:
    with pytest.raises(ModelLoadError, match=r'family=.*"seq2seq", "listwise"'):
        detect(files(tmp_path, architecture), None)


@pytest.mark.parametrize(
    ("architecture", "asked", "recipe"),
    [
        ("T5ForConditionalGeneration", "monot5", "monot5"),
        ("T5ForConditionalGeneration", "rankt5", "rankt5"),
        ("RankT5", None, "rankt5-encoder"),
        ("RankT5", "rankt5", "rankt5-encoder"),
    ],
)
def test_the_recipe_of_a_sequence_to_sequence_model(
    tmp_path: Path, architecture: str, asked: str | None, recipe: str
) -> None:
    assert seq2seq_template(files(tmp_path, architecture), asked) == recipe


def test_monot5_and_rankt5_look_alike_and_are_not_guessed(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="template=: one of monot5, rankt5"):
        seq2seq_template(files(tmp_path, "T5ForConditionalGeneration"), None)


def test_an_unknown_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="template"):
        causal_template(files(tmp_path, "Qwen3ForCausalLM"), "qwen4")


def test_the_layerwise_model_is_known_by_its_architecture(tmp_path: Path) -> None:
    found = files(tmp_path, "LayerWiseMiniCPMForCausalLM")
    assert (detect(found, None), causal_template(found, None)) == ("causal", "bge-yes")


def test_a_model_that_compresses_tokens_is_refused_whatever_is_asked(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="compresses"):
        detect(files(tmp_path, "CostWiseGemmaForCausalLM"), "causal")
