"""A small randomly initialised chat model that writes orders of passages."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen2Config

from tests.support import causal_models

CHAT = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + CHAT


def build_chat(folder: Path, template: str | None = CHAT) -> Path:
    """A chat model that mostly writes brackets, marks and digits."""
    size = causal_models.save_qwen_tokenizer(folder, chat_template=template)
    torch.manual_seed(31)
    config = Qwen2Config(
        vocab_size=size,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=4_096,
        initializer_range=0.5,
        tie_word_embeddings=False,
        eos_token_id=2,
    )
    model = AutoModelForCausalLM.from_config(config).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokens = sorted({number for text in "[]>1234567890" for number in tokenizer(text)["input_ids"]})
    with torch.no_grad():
        model.lm_head.weight[tokens] *= 3
    model.save_pretrained(folder)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "model_max_length": 4_096}))
    return folder
