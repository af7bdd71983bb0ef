"""A small late-interaction model with a real ONNX graph, in Stanford's layout, and its scores written out in numpy.

A token's vector is its row of a table plus the mean row of what it sees, so a wrong mask, marker or filling changes the scores.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from tests.support.tiny_models import WORDS

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused0]", "[unused1]"]
PUNCTUATION = [".", ",", "!", "?"]
VOCABULARY = {word: place for place, word in enumerate([*SPECIALS, *PUNCTUATION, *WORDS])}
HIDDEN, WIDTH = 12, 6
QUERY_LENGTH, DOCUMENT_LENGTH = 10, 24
METADATA: Mapping[str, object] = {
    "query_token_id": "[unused0]",
    "doc_token_id": "[unused1]",
    "query_maxlen": QUERY_LENGTH,
    "doc_maxlen": DOCUMENT_LENGTH,
    "dim": WIDTH,
}


def build(folder: Path, *, onnx_name: str = "onnx/model.onnx", **metadata: object) -> Path:
    """Write a model folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(_tokenizer().to_str())
    settings = {"model_max_length": 512, "mask_token": "[MASK]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    config = {
        "architectures": ["HF_ColBERT"],
        "model_type": "bert",
        "hidden_size": HIDDEN,
        "max_position_embeddings": 512,
        "pad_token_id": 0,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "artifact.metadata").write_text(json.dumps({**METADATA, **metadata}))
    write_graph(folder / onnx_name, WIDTH)
    return folder


def write_graph(path: Path, width: int, *, unit: bool = False) -> None:
    """Write a graph that gives `width` numbers a token, not of unit length where `unit` does not say so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
        helper.make_node("Mul", ["rows", "column"], ["seen"]),
        helper.make_node("ReduceSum", ["seen", "middle"], ["sum"]),
        helper.make_node("ReduceSum", ["column", "middle"], ["count"]),
        helper.make_node("Div", ["sum", "count"], ["mean"]),
        helper.make_node("Add", ["rows", "mean"], ["summed"]),
        helper.make_node("LpNormalization" if unit else "Identity", ["summed"], ["contextual"]),
    ]
    graph = helper.make_graph(
        nodes,
        "late",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["rows", "tokens"])
            for name in ("input_ids", "attention_mask")
        ],
        [helper.make_tensor_value_info("contextual", TensorProto.FLOAT, ["rows", "tokens", width])],
        [
            numpy_helper.from_array(_table(width), "table"),
            numpy_helper.from_array(np.array([2]), "last"),
            numpy_helper.from_array(np.array([1]), "middle"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def expected(
    query: str, documents: list[str], *, attends: bool = False, by_length: bool = False
) -> list[float]:
    """Return the mean over the query's tokens of the best cosine in each document, by their lengths or equally."""
    asked = _row("[unused0]", query, QUERY_LENGTH)
    filled = [VOCABULARY["[MASK]"]] * (QUERY_LENGTH - len(asked))
    vectors = _vectors([*asked, *filled], [1] * len(asked) + [int(attends)] * len(filled))
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    weights = lengths[:, 0] if by_length else np.ones(len(vectors))
    skipped = {VOCABULARY[mark] for mark in PUNCTUATION}
    scores = []
    for document in documents:
        row = _row("[unused1]", document, DOCUMENT_LENGTH)
        kept = [place for place, number in enumerate(row) if number not in skipped]
        cosines = (vectors / lengths) @ _unit(_vectors(row, [1] * len(row))[kept]).T
        scores.append(float(np.average(cosines.max(axis=1), weights=weights)))
    return scores


def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(WordLevel(VOCABULARY, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def _table(width: int) -> np.ndarray:
    return np.random.default_rng(41).normal(size=(len(VOCABULARY), width)).astype(np.float32)


def _row(marker: str, text: str, length: int) -> list[int]:
    words = text.replace(".", " . ").replace(",", " , ").split()
    ids = [VOCABULARY.get(word, VOCABULARY["[UNK]"]) for word in words][: length - 3]
    return [VOCABULARY["[CLS]"], VOCABULARY[marker], *ids, VOCABULARY["[SEP]"]]


def _vectors(ids: list[int], mask: list[int]) -> np.ndarray:
    rows = _table(WIDTH)[ids].astype(np.float64)
    seen = np.array(mask, dtype=bool)
    return rows + rows[seen].mean(axis=0)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
