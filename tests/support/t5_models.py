"""Small randomly initialised T5 rerankers with a tokenizer of T5's kind: words with a leading mark, and `</s>` at the end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, pre_tokenizers
from tokenizers.decoders import Metaspace
from tokenizers.models import Unigram
from tokenizers.processors import TemplateProcessing

from tests.support.torch_models import WORDS

_SPECIALS = ["<pad>", "</s>", "<unk>"]
_PROMPT_WORDS = ["Query:", "Document:", "Relevant:", "Index:", "Context:", "true", "false"]
_PROMPT_WORDS += [f"{place}{mark}" for place in range(1, 6) for mark in ("", ",")]
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,.:;?!()[]<>-_/'"

_SMALL: dict[str, Any] = {
    "d_model": 32,
    "d_kv": 8,
    "d_ff": 64,
    "num_layers": 2,
    "num_decoder_layers": 2,
    "num_heads": 4,
    "initializer_factor": 2.0,
    "decoder_start_token_id": 0,
    "pad_token_id": 0,
    "eos_token_id": 1,
}


def save_t5_tokenizer(folder: Path) -> int:
    """Save a Unigram tokenizer with T5's special and extra tokens; return the size of the vocabulary."""
    folder.mkdir(parents=True, exist_ok=True)
    pieces = [(one, 0.0) for one in _SPECIALS]
    pieces += [(f"▁{word}", -2.0) for word in dict.fromkeys([*_PROMPT_WORDS, *WORDS])]
    pieces += [("▁", -6.0), *((letter, -8.0) for letter in _LETTERS)]
    seen: set[str] = set()
    pieces = [one for one in pieces if not (one[0] in seen or seen.add(one[0]))]  # type: ignore[func-returns-value]
    tokenizer = Tokenizer(Unigram(pieces, unk_id=2))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")]
    )
    tokenizer.decoder = Metaspace(prepend_scheme="always")
    extra = [f"<extra_id_{number}>" for number in range(20)]
    tokenizer.add_special_tokens([AddedToken(name, normalized=False) for name in [*_SPECIALS, *extra]])
    tokenizer.post_processor = TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 512,
        "pad_token": "<pad>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return int(tokenizer.get_vocab_size())


def build_t5(folder: Path, **change: Any) -> Path:
    """Save a T5ForConditionalGeneration in the layout of monoT5, RankT5 and ListT5."""
    size = save_t5_tokenizer(folder)
    torch.manual_seed(17)
    config = transformers.T5Config(vocab_size=size, **{**_SMALL, **change})
    transformers.T5ForConditionalGeneration(config).eval().save_pretrained(folder)
    return folder


def build_t5_encoder(folder: Path) -> Path:
    """Save an encoder with a dense layer in the layout of an encoder-only RankT5."""
    size = save_t5_tokenizer(folder)
    torch.manual_seed(19)
    encoder = transformers.T5EncoderModel(transformers.T5Config(vocab_size=size, **_SMALL)).eval()
    encoder.save_pretrained(folder)
    weights = {name: value.clone() for name, value in encoder.state_dict().items()}
    weights.pop("encoder.embed_tokens.weight", None)
    weights |= {"dense.weight": torch.randn(1, 32), "dense.bias": torch.randn(1)}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": ["RankT5"]}))
    return folder
