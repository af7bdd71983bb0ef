"""Small randomly initialised late-interaction models as Stanford's ColBERT, PyLate and MultiVectorEncoder store them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import save_file
from tokenizers import AddedToken
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from tests.support.tiny_models import WORDS
from tests.support.torch_models import DIMENSIONS, word_tokenizer

_SPECIALS = ["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]", "[unused0]", "[unused1]"]
_PUNCTUATION = list(".,!?")


def _save_tokenizer(folder: Path, markers: list[str]) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = word_tokenizer(_SPECIALS, [*_PUNCTUATION, *WORDS])
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    tokenizer.add_special_tokens([AddedToken(name, normalized=False) for name in _SPECIALS[:5]])
    tokenizer.add_tokens([AddedToken(name, normalized=False) for name in markers])
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 128,
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
        "model_input_names": ["input_ids", "attention_mask"],
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return int(tokenizer.get_vocab_size())


def _settings(size: int) -> dict[str, Any]:
    return {**DIMENSIONS, "vocab_size": size, "max_position_embeddings": 128, "pad_token_id": 1}


def build_stanford(folder: Path, **metadata: Any) -> Path:
    """Save a BERT and `linear.weight` in one file, as ColBERT v2 and answerai-colbert-small do."""
    size = _save_tokenizer(folder, [])
    torch.manual_seed(23)
    model = transformers.BertModel(transformers.BertConfig(**_settings(size)), add_pooling_layer=False)
    model.save_pretrained(folder)
    weights = {f"bert.{name}": value.clone() for name, value in model.state_dict().items()}
    weights["linear.weight"] = torch.randn(16, 32)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": ["HF_ColBERT"]}))
    stated = {
        "query_token_id": "[unused0]",
        "doc_token_id": "[unused1]",
        "query_maxlen": 16,
        "doc_maxlen": 40,
    }
    (folder / "artifact.metadata").write_text(json.dumps({**stated, **metadata}))
    return folder


def build_plain(folder: Path, **settings: Any) -> Path:
    """Save a BERT whose own vectors are compared, as MultiVectorEncoder saves it, with `settings` for its score."""
    size = _save_tokenizer(folder, [])
    torch.manual_seed(31)
    model = transformers.BertModel(transformers.BertConfig(**_settings(size)), add_pooling_layer=False)
    with torch.no_grad():  # vectors of unequal lengths
        model.encoder.layer[-1].output.LayerNorm.weight.uniform_(0.1, 2.0)
    model.save_pretrained(folder)
    own = "sentence_transformers."
    mask = f"{own}multi_vector_encoder.modules.multi_vector_mask.MultiVectorMask"
    files: dict[str, Any] = {
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": f"{own}base.modules.transformer.Transformer"},
            {"idx": 1, "name": "1", "path": "1_MultiVectorMask", "type": mask},
            {"idx": 2, "name": "2", "path": "2_Normalize", "type": f"{own}base.modules.normalize.Normalize"},
        ],
        "config_sentence_transformers.json": {"model_type": "MultiVectorEncoder", "prompts": {}},
        "1_MultiVectorMask/config.json": {"skiplist_words": [], "skiplist_tasks": ["document"]},
        "2_Normalize/config.json": {"module_input_name": "token_embeddings"},
        "localrank.json": {"format": 1, "family": "late-interaction", "settings": settings},
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    return folder


def build_pylate(folder: Path, **stated: Any) -> Path:
    """Save a ModernBERT and a Dense module with PyLate's settings, as GTE-ModernColBERT does."""
    size = _save_tokenizer(folder, ["[Q] ", "[D] "])
    torch.manual_seed(29)
    config = transformers.ModernBertConfig(
        **_settings(size), local_attention=16, cls_token_id=2, sep_token_id=3, bos_token_id=2, eos_token_id=3
    )
    transformers.ModernBertModel(config).save_pretrained(folder)
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Dense", "type": "pylate.models.Dense.Dense"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text(
        json.dumps({"max_seq_length": 39, "do_lower_case": False})
    )
    settings = {
        "model_type": "ColBERT",
        "prompts": {},
        "query_prefix": "[Q] ",
        "document_prefix": "[D] ",
        "query_length": 16,
        "document_length": 40,
        "attend_to_expansion_tokens": False,
        "skiplist_words": [".", ",", "!", "?"],
    }
    (folder / "config_sentence_transformers.json").write_text(json.dumps({**settings, **stated}))
    (folder / "1_Dense").mkdir()
    dense = {
        "in_features": 32,
        "out_features": 16,
        "bias": False,
        "activation_function": "torch.nn.modules.linear.Identity",
    }
    (folder / "1_Dense/config.json").write_text(json.dumps(dense))
    save_file({"linear.weight": torch.randn(16, 32)}, folder / "1_Dense/model.safetensors")
    return folder
