"""Small real models in the Hugging Face layout, built in the test: a WordPiece or BPE-like tokenizer and a real ONNX graph.

The graph sums, over the unmasked tokens, a value that depends on the token, its segment and its position's parity, so a wrong
segment id, a missing mask or a swapped pair changes the logits.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

WORDS = [
    *[
        "the",
        "a",
        "of",
        "and",
        "in",
        "is",
        "what",
        "how",
        "does",
        "rag",
        "retrieval",
        "pasta",
        "paris",
        "capital",
        "france",
        "machine",
        "learning",
        "city",
        "port",
    ],
    *(f"w{number}" for number in range(200)),
]
BERT_SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
ROBERTA_SPECIALS = ["<s>", "<pad>", "</s>", "<unk>"]


def build(
    folder: Path,
    *,
    style: str = "bert",
    labels: int = 1,
    inputs: Sequence[str] | None = None,
    onnx_name: str = "onnx/model.onnx",
    max_length: int = 64,
    flat_output: bool = False,
    external_data: bool = False,
    config: dict[str, object] | None = None,
    scale: float = 0.01,
    tokens: int | None = None,
) -> Path:
    """Write a model folder and return it. `style` is `bert` (segments) or `roberta` (none, doubled separator).

    `tokens` is the size of the graph's table, where a caller puts another tokenizer in the place of this one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    specials = BERT_SPECIALS if style == "bert" else ROBERTA_SPECIALS
    vocabulary = {word: place for place, word in enumerate([*specials, *WORDS])}
    make_tokenizer(style, vocabulary).save(str(folder / "tokenizer.json"))
    settings: dict[str, object] = {
        "architectures": ["BertForSequenceClassification"],
        "model_type": "bert" if style == "bert" else "xlm-roberta",
        "max_position_embeddings": max_length if style == "bert" else max_length + 2,
        "pad_token_id": vocabulary[specials[0] if style == "bert" else "<pad>"],
        "id2label": {str(place): f"LABEL_{place}" for place in range(labels)},
        "vocab_size": len(vocabulary),
        **(config or {}),
    }
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": max_length}))
    default = ("input_ids", "attention_mask", "token_type_ids")
    names = tuple(inputs or (default if style == "bert" else default[:2]))
    graph = _graph(names, tokens or len(vocabulary), labels=labels, flat=flat_output, scale=scale)
    place = folder / onnx_name
    place.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(graph, str(place), save_as_external_data=external_data, size_threshold=256)
    return folder


def make_tokenizer(style: str, vocabulary: dict[str, int]) -> Tokenizer:
    unknown = "[UNK]" if style == "bert" else "<unk>"
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token=unknown))
    tokenizer.pre_tokenizer = Whitespace()
    if style == "bert":
        tokenizer.post_processor = TemplateProcessing(
            single="[CLS] $A [SEP]",
            pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
        )
    else:
        tokenizer.post_processor = TemplateProcessing(
            single="<s> $A </s>",
            pair="<s> $A </s> </s> $B </s>",
            special_tokens=[("<s>", vocabulary["<s>"]), ("</s>", vocabulary["</s>"])],
        )
    tokenizer.enable_truncation(8)  # as shipped files often have it; the reranker must not be bound by it
    tokenizer.enable_padding(length=8)
    return tokenizer


def weights(size: int, labels: int, scale: float = 0.01) -> tuple[np.ndarray, np.ndarray]:
    """Return the value of each token, shape (size, labels), and of each segment, shape (2, labels)."""
    random = np.random.default_rng(7)
    return (
        random.normal(size=(size, labels)).astype(np.float32) * scale,
        np.array([[0.1] * labels, [0.7] * labels], dtype=np.float32),
    )


def _graph(names: Sequence[str], size: int, *, labels: int, flat: bool, scale: float) -> onnx.ModelProto:
    tokens, segments = weights(size, labels, scale)
    initializers = [numpy_helper.from_array(tokens, "tokens"), numpy_helper.from_array(segments, "segments")]
    nodes = [helper.make_node("Gather", ["tokens", "input_ids"], ["values"])]
    current = "values"
    if "token_type_ids" in names:
        nodes += [
            helper.make_node("Gather", ["segments", "token_type_ids"], ["segment_values"]),
            helper.make_node("Mul", [current, "segment_values"], ["weighted"]),
        ]
        current = "weighted"
    if "attention_mask" in names:
        initializers.append(numpy_helper.from_array(np.array([2], dtype=np.int64), "last"))
        nodes += [
            helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["mask", "last"], ["mask3"]),
            helper.make_node("Mul", [current, "mask3"], ["masked"]),
        ]
        current = "masked"
    initializers.append(numpy_helper.from_array(np.array([1, 2] if flat else [1], dtype=np.int64), "axes"))
    nodes.append(helper.make_node("ReduceSum", [current, "axes"], ["logits"], keepdims=0))
    shape = ["batch"] if flat else ["batch", labels]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"]) for name in names],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, shape)],
        initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
