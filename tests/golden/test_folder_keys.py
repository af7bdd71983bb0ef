"""Each key that is honoured changes the scores of both engines as it changes those of sentence-transformers' CrossEncoder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra `golden`")
pytest.importorskip("sentence_transformers", reason="needs the extra `golden`")
pytest.importorskip("onnxscript", reason="needs the extra `golden`")

import torch
from sentence_transformers import CrossEncoder
from tokenizers import Tokenizer
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

from localrank import ModelLoadError, rerank_sync
from localrank_transformers import OnnxReranker, TorchReranker
from localrank_transformers.exporting.export import export_onnx
from localrank_transformers.models.folder.stated.keys import KEYS
from tests.support import causal_models

TOLERANCE = 1e-3

WORDS = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[X]"),
    *("Paris", "paris", "café", "cafe", "Café", "CAFE", "東", "京", "東京", "##東", "##京"),
    *("rag", "is", "retrieval", "what", "port", "big", "query", ":", "w", "##w", "##rag"),
    *(f"w{number}" for number in range(60)),
]
QUERY = "what is Paris"
DOCUMENTS = [
    "Paris café CAFE rag",
    "東京 port w1 w2",
    "port [X] big w3 [MASK] w4 wrag",
    " ".join(f"w{number}" for number in range(60)),
    " ".join(f"w{number}" for number in range(59, -1, -1)),
]


@dataclass(frozen=True, slots=True)
class Case:
    """A change of a file, and the keys that it proves.

    Attributes:
        file: The file that is changed.
        change: Its new values, or what makes its new content of the old one.
        keys: The keys that it proves; those of `change` where none are named.
        of_modules: Whether the folder has modules.json, as sentence-transformers writes it.
        labels: Labels of the model.
    """

    file: str
    change: dict[str, Any] | Callable[[Any], Any]
    keys: tuple[str, ...] = ()
    of_modules: bool = False
    labels: int = 1

    def proves(self) -> tuple[str, ...]:
        return self.keys or (tuple(self.change) if isinstance(self.change, dict) else ())


TOKENIZER, SENTENCE, BERT = (
    "tokenizer_config.json",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
)


def _cut_left(content: dict[str, Any]) -> dict[str, Any]:
    cut = {"direction": "Left", "max_length": 16, "strategy": "LongestFirst", "stride": 0}
    return content | {"truncation": cut}


CASES = [
    Case(TOKENIZER, {"do_lower_case": False}),
    Case(TOKENIZER, {"do_lower_case": True}),
    Case(TOKENIZER, {"do_lower_case": True, "strip_accents": False}),
    Case(TOKENIZER, {"do_lower_case": False, "strip_accents": True}),
    Case(TOKENIZER, {"tokenize_chinese_chars": False}),
    Case(TOKENIZER, {"model_input_names": ["input_ids", "attention_mask"]}),
    Case(TOKENIZER, {"model_input_names": ["input_ids", "token_type_ids", "attention_mask"]}),
    Case(TOKENIZER, {"tokenizer_class": "PreTrainedTokenizerFast"}),
    Case(TOKENIZER, {"tokenizer_class": "BertTokenizer"}),
    Case(TOKENIZER, {"model_max_length": 20}),
    Case(TOKENIZER, {"truncation_side": "left"}),
    Case(TOKENIZER, {"truncation_side": "right"}),
    Case(TOKENIZER, {"extra_special_tokens": ["[X]"]}),
    Case(TOKENIZER, {"mask_token": "[X]"}),
    Case("special_tokens_map.json", {"extra_special_tokens": ["[X]"]}, ("*",)),
    Case("tokenizer.json", _cut_left, ("truncation",)),
    Case("config.json", {"tokenizer_class": "PreTrainedTokenizerFast"}),
    Case("config.json", {"id2label": {"0": "no", "1": "yes"}}, labels=2),
    Case("config.json", {"id2label": {"0": "relevant", "1": "irrelevant"}}, labels=2),
    Case("config.json", {"id2label": {"0": "LABEL_1", "1": "LABEL_0"}}, labels=2),
    Case("config.json", {"id2label": {"1": "contradiction", "0": "entailment"}}, labels=2),
    Case(SENTENCE, {"prompts": {"q": "query : w5 "}, "default_prompt_name": "q"}, of_modules=True),
    Case(SENTENCE, {"prompts": {"q": "query : w5 "}}, of_modules=True),
    Case(
        SENTENCE,
        {"prompts": {"q": "query : "}, "default_prompt_name": "q", "model_type": "CrossEncoder"},
        of_modules=True,
    ),
    Case(BERT, {"max_seq_length": 18}, of_modules=True),
    Case(BERT, {"do_lower_case": True}, of_modules=True),
    Case(BERT, {"processor_kwargs": {"truncation_side": "left"}}, of_modules=True),
    Case(BERT, {"tokenizer_args": {"model_max_length": 22}}, of_modules=True),
]

ELSEWHERE = {
    "config.json": {
        "architectures model_type num_labels pad_token_id max_position_embeddings": "tests/golden/test_cross_encoders.py",
    },
    TOKENIZER: {
        "max_len": "a former name of model_max_length",
        "bos_token cls_token eos_token pad_token sep_token unk_token additional_special_tokens added_tokens_decoder": "as "
        "mask_token and extra_special_tokens",
        "chat_template": "tests/golden/test_causal.py",
    },
    "added_tokens.json": {"*": "as added_tokens_decoder"},
    "tokenizer.json": {
        "model normalizer pre_tokenizer added_tokens post_processor": "tests/golden/test_cross_encoders.py"
    },
    SENTENCE: {
        "query_prefix document_prefix query_length document_length do_query_expansion attend_to_expansion_tokens "
        "skiplist_words": "tests/golden/test_late_interaction.py",
    },
    "modules.json": {"type path": "tests/golden/test_cross_encoders.py"},
    BERT: {"query_length document_length query_expansion": "tests/golden/test_late_interaction.py"},
    "*_Pooling/config.json": {
        "pooling_mode pooling_mode_cls_token pooling_mode_mean_tokens": "tests/golden/test_cross_encoders.py"
    },
    "*_Dense/config.json": {
        "in_features out_features bias activation_function": "tests/golden/test_cross_encoders.py"
    },
    "*_LogitScore/config.json": {
        "true_token_id false_token_id": "test_words_of_an_answer_must_be_the_prompt_s"
    },
    "generation_config.json": {"eos_token_id": "tests/golden/test_listwise.py"},
    "*_LayerNorm/config.json": {"dimension": "tests/golden/test_cross_encoders.py"},
    "*_MultiVectorMask/config.json": {"skiplist_words": "tests/golden/test_late_interaction.py"},
    "artifact.metadata": {
        "query_maxlen doc_maxlen query_token_id doc_token_id attend_to_mask_tokens mask_punctuation dim": "tests/golden/"
        "test_late_interaction.py",
    },
}
"""Keys that other tests prove."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, bool], Path]:
    """Return a model with one label and one with two, each with weights and a graph, plain and with modules."""
    root = tmp_path_factory.mktemp("keys")
    made = {}
    for labels in (1, 2):
        plain = _build(root / f"plain{labels}", labels)
        export_onnx(plain, root / f"out{labels}", precision="fp32")
        shutil.copytree(root / f"out{labels}/onnx", plain / "onnx")
        modules = root / f"modules{labels}"
        CrossEncoder(str(plain), device="cpu").save_pretrained(str(modules))
        shutil.copytree(plain / "onnx", modules / "onnx")
        made |= {(labels, False): plain, (labels, True): modules}
    return made


def _build(folder: Path, labels: int) -> Path:
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    BertTokenizerFast(str(folder / "vocab.txt"), do_lower_case=False).save_pretrained(folder)
    settings = json.loads((folder / TOKENIZER).read_text())
    (folder / TOKENIZER).write_text(json.dumps(settings | {"model_max_length": 48}))
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=len(WORDS),
        num_labels=labels,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.5,
    )
    BertForSequenceClassification(config).eval().save_pretrained(folder)
    return folder


def reference(folder: Path, positive: int) -> list[float]:
    scores = CrossEncoder(str(folder), device="cpu").predict(
        [(QUERY, document) for document in DOCUMENTS],
        activation_fn=torch.nn.Identity(),
        convert_to_tensor=True,
    )
    column = scores if scores.ndim == 1 else scores[:, positive] - scores[:, 1 - positive]
    return [float(value) for value in column]


def ours(model: OnnxReranker | TorchReranker) -> list[float]:
    with model:
        result = rerank_sync(model, QUERY, DOCUMENTS)
    return [hit.metadata["logit"] for hit in sorted(result, key=lambda hit: hit.index)]


def changed(source: Path, folder: Path, case: Case) -> Path:
    shutil.copytree(source, folder)
    place = folder / case.file
    content = json.loads(place.read_text()) if place.is_file() else {}
    if case.file == "config.json":  # else the tokenizer's own would stand above it
        told = json.loads((folder / TOKENIZER).read_text())
        told.pop("tokenizer_class", None)
        (folder / TOKENIZER).write_text(json.dumps(told))
    place.write_text(
        json.dumps(content | case.change if isinstance(case.change, dict) else case.change(content))
    )
    return folder


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}-{'-'.join(case.proves())}")
def test_an_honoured_key_changes_scores_as_in_the_reference(
    folders: dict[tuple[int, bool], Path], tmp_path: Path, case: Case
) -> None:
    folder = changed(folders[case.labels, case.of_modules], tmp_path / "m", case)
    first = str((case.change.get("id2label") or {}).get("0", "")) if isinstance(case.change, dict) else ""
    expected = reference(folder, 0 if first in {"relevant", "LABEL_1", "entailment"} else 1)

    assert ours(TorchReranker(folder, device="cpu", dtype="fp32")) == pytest.approx(expected, abs=TOLERANCE)
    assert ours(OnnxReranker(folder, optimize=False)) == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_an_export_keeps_what_the_files_beside_the_weights_say(
    folders: dict[tuple[int, bool], Path], tmp_path: Path
) -> None:
    prompted = Case(SENTENCE, {"prompts": {"q": "query : w5 "}, "default_prompt_name": "q"})
    shutter = Case(BERT, {"max_seq_length": 18})
    folder = changed(changed(folders[1, True], tmp_path / "m", prompted), tmp_path / "n", shutter)
    export_onnx(folder, tmp_path / "out", precision="fp32")

    assert ours(OnnxReranker(tmp_path / "out", optimize=False)) == pytest.approx(
        reference(folder, 1), abs=TOLERANCE
    )


def test_each_honoured_key_is_proved() -> None:
    stated = {(key.file, name) for key in KEYS if key.verdict == "honoured" for name in key.names}
    proved = {(case.file, name) for case in CASES for name in case.proves()}
    proved |= {(file, name) for file, keys in ELSEWHERE.items() for names in keys for name in names.split()}
    assert proved == stated


@pytest.mark.timeout(120)
def test_words_of_an_answer_must_be_the_prompt_s(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    causal_models.build_qwen3(folder)
    types = ("sentence_transformers.base.modules.Transformer", "sentence_transformers.x.LogitScore")
    modules = [{"path": path, "type": of} for path, of in zip(("", "1_LogitScore"), types, strict=True)]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_LogitScore").mkdir()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    yes, no = (tokenizer.token_to_id(word) for word in ("yes", "no"))
    place = folder / "1_LogitScore/config.json"
    place.write_text(json.dumps({"true_token_id": yes, "false_token_id": no}))
    ours(TorchReranker(folder, device="cpu"))
    place.write_text(json.dumps({"true_token_id": no, "false_token_id": yes}))
    with pytest.raises(ModelLoadError, match=rf"1_LogitScore/config.json: true_token_id is {no}, not {yes}"):
        ours(TorchReranker(folder, device="cpu"))
