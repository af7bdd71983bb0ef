"""Small randomly initialised causal rerankers, with tokenizers of the kinds that their families use."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer

from tests.support.torch_models import WORDS

_QWEN_PIECES = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_QWEN_SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"]
_GEMMA_SPECIALS = ["<pad>", "<eos>", "<bos>", "<unk>"]
_CORPUS = [
    "yes no Yes No 1 0 system user assistant",
    "Judge whether the Document meets the requirements based on the Query and the Instruct provided.",
    "Given a web search query, retrieve relevant passages that answer the query",
    "You are a search relevance expert who evaluates how well documents match search queries.",
    "query: document: instruction: <Instruct>: <Query>: <Document>: A: B: ",
    " ".join(WORDS),
]
CHAT_TEMPLATE = """\
{%- set ns = namespace(query="", document="") -%}
{%- for message in messages -%}
{%- if message.role == "query" -%}{%- set ns.query = message.content -%}{%- endif -%}
{%- if message.role == "document" -%}{%- set ns.document = message.content -%}{%- endif -%}
{%- endfor -%}
{{- '<|im_start|>system\\nJudge whether the Document meets the requirements based on the Query and the Instruct \
provided. Note that the answer can only be "yes" or "no".<|im_end|>\\n<|im_start|>user\\n<Instruct>: Given a web search \
query, retrieve relevant passages that answer the query\\n<Query>: ' + ns.query + '\\n<Document>: ' + ns.document + \
'<|im_end|>\\n<|im_start|>assistant\\n<think>\\n\\n</think>\\n\\n' -}}
"""
"""What a Qwen3-Reranker repository for sentence-transformers has; the prompt is that of the model's card."""

_SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 512,
    "initializer_range": 0.3,
}


def build_qwen3(folder: Path) -> Path:
    """Save a Qwen3ForCausalLM in the layout of Qwen3-Reranker."""
    size = save_qwen_tokenizer(folder, chat_template=CHAT_TEMPLATE)
    return _save(folder, transformers.Qwen3Config(vocab_size=size, tie_word_embeddings=True, **_SMALL))


def build_qwen2(folder: Path) -> Path:
    """Save a Qwen2ForCausalLM in the layout of mxbai-rerank-v2."""
    size = save_qwen_tokenizer(folder, chat_template=None)
    settings = {name: value for name, value in _SMALL.items() if name != "head_dim"}
    return _save(folder, transformers.Qwen2Config(vocab_size=size, tie_word_embeddings=False, **settings))


def build_gemma(folder: Path) -> Path:
    """Save a GemmaForCausalLM in the layout of bge-reranker-v2-gemma."""
    size = save_gemma_tokenizer(folder)
    return _save(folder, transformers.GemmaConfig(vocab_size=size, pad_token_id=0, bos_token_id=2, **_SMALL))


def build_gemma2(folder: Path) -> Path:
    """Save a Gemma2ForCausalLM: capped logits, and every second layer sees a short window only."""
    size = save_gemma_tokenizer(folder)
    settings = {**_SMALL, "initializer_range": 1.0}
    config = transformers.Gemma2Config(
        vocab_size=size,
        pad_token_id=0,
        bos_token_id=2,
        sliding_window=24,
        final_logit_softcapping=2.0,
        query_pre_attn_scalar=8,
        **settings,
    )
    return _save(folder, config)


def build_layerwise(folder: Path) -> Path:
    """Save a MiniCPM model with a head a layer, in the layout of bge-reranker-v2-minicpm-layerwise."""
    size = save_gemma_tokenizer(folder)
    config = {
        "architectures": ["LayerWiseMiniCPMForCausalLM"],
        "auto_map": {"AutoConfig": "configuration_minicpm_reranker.LayerWiseMiniCPMConfig"},
        "model_type": "minicpm",
        "vocab_size": size,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "hidden_act": "silu",
        "max_position_embeddings": 512,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "scale_emb": 3.0,
        "scale_depth": 1.4,
        "dim_model_base": 16,
        "start_layer": 2,
        "head_multi": True,
        "head_type": "simple",
        "bos_token_id": 2,
        "eos_token_id": 1,
    }
    (folder / "config.json").write_text(json.dumps(config))
    torch.manual_seed(11)
    save_file(dict(_layerwise_weights(size)), folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def _layerwise_weights(size: int) -> Iterable[tuple[str, torch.Tensor]]:
    def random_matrix(*shape: int) -> torch.Tensor:
        return torch.randn(*shape) * 0.3

    yield "model.embed_tokens.weight", random_matrix(size, 32)
    yield "model.norm.weight", 1 + random_matrix(32)
    for layer in range(4):
        at = f"model.layers.{layer}"
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            yield f"{at}.self_attn.{name}.weight", random_matrix(32, 32)
        for name in ("gate_proj", "up_proj"):
            yield f"{at}.mlp.{name}.weight", random_matrix(64, 32)
        yield f"{at}.mlp.down_proj.weight", random_matrix(32, 64)
        for name in ("input_layernorm", "post_attention_layernorm"):
            yield f"{at}.{name}.weight", 1 + random_matrix(32)
    for head in range(3):
        yield f"lm_head.{head}.linear_head.weight", random_matrix(1, 32)


def _save(folder: Path, config: Any) -> Path:
    torch.manual_seed(13)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) * 0.2)
    model.save_pretrained(folder)
    return folder


def save_qwen_tokenizer(folder: Path, *, chat_template: str | None) -> int:
    """Save a byte-level tokenizer with the pieces and special tokens of Qwen; return the size of the vocabulary."""
    tokenizer = Tokenizer(BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_QWEN_PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return _finish(
        folder,
        tokenizer,
        _QWEN_SPECIALS,
        {"pad_token": "<|endoftext|>", "eos_token": "<|im_end|>", "padding_side": "left"},
        chat_template,
    )


def save_gemma_tokenizer(folder: Path) -> int:
    """Save a SentencePiece-like tokenizer with a start token; return the size of the vocabulary."""
    tokenizer = Tokenizer(BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    names = {"pad_token": "<pad>", "eos_token": "<eos>", "bos_token": "<bos>", "unk_token": "<unk>"}
    return _finish(folder, tokenizer, _GEMMA_SPECIALS, {**names, "padding_side": "left"}, None)


def _finish(
    folder: Path, tokenizer: Tokenizer, specials: list[str], names: dict[str, str], chat_template: str | None
) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    trainer = BpeTrainer(
        vocab_size=500,
        show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=[AddedToken(name, special=True, normalized=False) for name in specials],
    )
    tokenizer.train_from_iterator(_CORPUS * 4, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512, **names}
    settings["model_input_names"] = ["input_ids", "attention_mask"]  # type: ignore[assignment]
    if chat_template is not None:
        settings["chat_template"] = chat_template
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return int(tokenizer.get_vocab_size())


def sentences(count: int) -> list[str]:
    """Return texts with the marks that stand at the borders of a prompt's parts."""
    chance = random.Random(3)
    starts = ["", ":-) ", "\n", "  ", "1 ", "(", "é ", "yes: "]
    return [
        chance.choice(starts) + " ".join(chance.choices(WORDS, k=chance.randint(1, 25))) for _ in range(count)
    ]
