"""Small randomly initialised models of the exact architecture classes, saved in the layout of their repositories."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from tests.support import tiny_models
from tests.support.tiny_models import BERT_SPECIALS, ROBERTA_SPECIALS, WORDS

torch.set_num_threads(1)  # models this small gain nothing from a second one

DIMENSIONS: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "initializer_range": 0.4,
}

ENCODERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    # name: class, style of the tokenizer, further settings
    "bert": ("Bert", "bert", {}),
    "bert-two-labels": ("Bert", "bert", {"num_labels": 2}),
    "electra": ("Electra", "bert", {"embedding_size": 16}),
    "roberta": ("Roberta", "roberta", {"type_vocab_size": 1}),
    "xlm-roberta": ("XLMRoberta", "roberta", {"type_vocab_size": 1}),
    "deberta-v2": (
        "DebertaV2",
        "bert",
        {
            "type_vocab_size": 0,
            "relative_attention": True,
            "pos_att_type": ["p2c", "c2p"],
            "position_biased_input": False,
            "norm_rel_ebd": "layer_norm",
            "share_att_key": True,
            "position_buckets": 32,
        },
    ),
    "modernbert-cls": ("ModernBert", "modernbert", {"classifier_pooling": "cls", "local_attention": 16}),
    "modernbert-mean": ("ModernBert", "modernbert", {"classifier_pooling": "mean", "local_attention": 16}),
}


def build_encoder(folder: Path, name: str, **change: Any) -> Path:
    """Save a cross-encoder of `ENCODERS` with random weights and return the folder."""
    kind, style, extra = ENCODERS[name]
    size = save_tokenizer(folder, style)
    settings = {"num_labels": 1, **encoder_settings(style, size), **extra, **change}
    config = getattr(transformers, f"{kind}Config")(**settings)
    torch.manual_seed(3)
    model = getattr(transformers, f"{kind}ForSequenceClassification")(config).eval()
    _liven(model)
    model.save_pretrained(folder)
    return folder


def encoder_settings(style: str, size: int) -> dict[str, Any]:
    """Return the configuration of a small encoder with a vocabulary of `size`."""
    specials = {"roberta": ("<pad>", "<s>", "</s>")}.get(style, ("[PAD]", "[CLS]", "[SEP]"))
    vocabulary = [*(ROBERTA_SPECIALS if style == "roberta" else BERT_SPECIALS), *WORDS]
    pad, start, end = (vocabulary.index(name) for name in specials)
    names = {"cls_token_id": start, "sep_token_id": end} if style == "modernbert" else {}
    return {
        **DIMENSIONS,
        "vocab_size": size,
        "max_position_embeddings": 66 if style == "roberta" else 64,
        "pad_token_id": pad,
        "bos_token_id": start,
        "eos_token_id": end,
        **names,
    }


def save_tokenizer(folder: Path, style: str) -> int:
    """Save `tokenizer.json` and its configuration; return the size of the vocabulary."""
    folder.mkdir(parents=True, exist_ok=True)
    roberta = style == "roberta"
    specials = ROBERTA_SPECIALS if roberta else BERT_SPECIALS
    vocabulary = {word: place for place, word in enumerate([*specials, *WORDS])}
    tiny_models.make_tokenizer("roberta" if roberta else "bert", vocabulary).save(
        str(folder / "tokenizer.json")
    )
    pad, unknown, start, end = (
        ("<pad>", "<unk>", "<s>", "</s>") if roberta else ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
    )
    segments = [] if style != "bert" else ["token_type_ids"]
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 64,
        "pad_token": pad,
        "unk_token": unknown,
        "cls_token": start,
        "sep_token": end,
        "model_input_names": ["input_ids", *segments, "attention_mask"],
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return len(vocabulary)


def build_modular(folder: Path, *, pooling: str = "cls") -> Path:
    """Save a reranker in the layout of the Ettin rerankers: encoder, pooling, dense, layer norm, dense."""
    from sentence_transformers import CrossEncoder
    from sentence_transformers.base.modules import Dense, Transformer
    from sentence_transformers.sentence_transformer.modules import LayerNorm, Pooling

    encoder = folder.with_name(f"{folder.name}-encoder")
    size = save_tokenizer(encoder, "modernbert")
    torch.manual_seed(5)
    config = transformers.ModernBertConfig(**encoder_settings("modernbert", size), local_attention=16)
    base = transformers.ModernBertModel(config)
    _liven(base)
    base.save_pretrained(encoder)
    width = DIMENSIONS["hidden_size"]
    modules = [
        Transformer(str(encoder)),
        Pooling(width, pooling),
        Dense(width, width, bias=False, activation_function=torch.nn.GELU()),
        LayerNorm(width),
        Dense(width, 1, activation_function=torch.nn.Identity(), module_output_name="scores"),
    ]
    model = CrossEncoder(modules=modules, activation_fn=torch.nn.Identity())
    _liven(modules[3])
    model.save_pretrained(str(folder))
    return folder


def _liven(model: torch.nn.Module) -> None:
    """Give norms and biases random values too: at their initial ones and zeros a missing one would not show."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) * 0.2)


def texts(count: int, *, seed: int = 1, longest: int = 30) -> list[str]:
    """Return `count` texts of known words, of 1 to `longest` words."""
    chance = random.Random(seed)
    return [" ".join(chance.choices(WORDS, k=chance.randint(1, longest))) for _ in range(count)]


def word_tokenizer(specials: list[str], words: list[str] = WORDS) -> Tokenizer:
    """Return a plain word-level tokenizer without a template."""
    vocabulary = {word: place for place, word in enumerate([*specials, *words])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token=specials[0]))
    tokenizer.pre_tokenizer = Whitespace()
    return tokenizer
