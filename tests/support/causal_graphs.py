"""A small causal reranker with a real ONNX graph, as an export leaves its folder, and its logits written out in numpy.

The graph sums a value of each token of the prompt, so a missing instruction, tail or document changes the logits.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from tests.support import tiny_models
from tests.support.tiny_models import WORDS

TASK = "Given a web search query, retrieve relevant passages that answer the query"
BEFORE = (
    "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct "
    'provided. Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n'
)
AFTER = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
_SPECIALS = ["<|unk|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>", "<bos>"]
_ANSWERS = ["yes", "no", "Yes", "1", "0"]


def build(folder: Path, *, template: str = "qwen3", labels: int = 2, max_length: int = 160) -> Path:
    """Write a model folder and return it."""
    vocabulary = {word: place for place, word in enumerate([*_SPECIALS, *_ANSWERS, *_prompt_words(), *WORDS])}
    tiny_models.build(
        folder,
        inputs=["input_ids"],
        labels=labels,
        max_length=max_length,
        config={"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "id2label": {}},
        tokens=len(vocabulary),
    )
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<|unk|>"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in _SPECIALS])
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"model_max_length": max_length, "bos_token": {"content": "<bos>"}}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    said = {"format": 1, "family": "causal", "template": template, "labels": [], "settings": {}}
    (folder / "localrank.json").write_text(json.dumps(said))
    return folder


def logit(folder: Path, query: str, document: str, instruction: str = TASK) -> float:
    """Return the logit of "yes" less that of "no" for the whole prompt, tokenized at once."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    text = f"{BEFORE}<Instruct>: {instruction}\n<Query>: {query}\n<Document>: {document}{AFTER}"
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    values, _ = tiny_models.weights(tokenizer.get_vocab_size(), 2)
    no, yes = np.sum(values[ids], axis=0)
    return float(yes - no)


def _prompt_words() -> list[str]:
    text = f"{BEFORE} {AFTER} {TASK} <Instruct>: <Query>: <Document>:"
    pieces = [piece for piece, _ in Whitespace().pre_tokenize_str(text)]
    return [piece for piece in dict.fromkeys(pieces) if piece not in {*_ANSWERS, *WORDS}]
