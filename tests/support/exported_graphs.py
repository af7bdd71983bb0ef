"""A cross-encoder's graph as exporters write it: with a mask, every layer for every token, and weights under empty names."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

PREFIXES = {"bert": "bert.", "electra": "electra.", "xlm-roberta": "roberta."}


def write(folder: Path) -> Path:
    """Write `onnx/model.onnx` of the weights in `model.safetensors` and return its path."""
    path = folder / "onnx" / "model.onnx"
    config = json.loads((folder / "config.json").read_text())
    onnx.save(_Writer(load_file(folder / "model.safetensors"), config).model(), path)
    return path


def run(folder: Path, ids: np.ndarray, types: np.ndarray) -> np.ndarray:
    """Return the logits of one pair."""
    session = onnxruntime.InferenceSession(
        str(folder / "onnx/model.onnx"), providers=["CPUExecutionProvider"]
    )
    given = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": types}
    feed = {one.name: given[one.name][None] for one in session.get_inputs()}
    return session.run(None, feed)[0][0]


class _Writer:
    def __init__(self, tensors: dict[str, np.ndarray], config: dict) -> None:
        self.tensors, self.config = tensors, config
        self.prefix = PREFIXES[config["model_type"]]
        self.nodes: list = []
        self.constants: list = []

    def model(self) -> onnx.ModelProto:
        x = self.norm(self.embedded(), "embeddings.LayerNorm")
        if self.prefix == "electra.":
            x = self.linear(x, "embeddings_project")
        mask = self.node("Cast", "attention_mask", to=TensorProto.FLOAT)
        hidden = self.node("Sub", self.constant(np.float32(1)), mask)
        self.mask = self.node(
            "Unsqueeze",
            self.node("Mul", hidden, self.constant(np.float32(-1e9))),
            self.constant(np.array([1, 2])),
        )
        for number in range(self.config["num_hidden_layers"]):
            x = self.layer(x, f"encoder.layer.{number}.")
        first = self.node("Gather", x, self.constant(np.array(0)), axis=1)
        if self.prefix == "bert.":
            logits = self.gemm(self.node("Tanh", self.gemm(first, "bert.pooler.dense")), "classifier")
        else:
            dense = self.gemm(first, "classifier.dense")
            active = self.gelu(dense) if self.prefix == "electra." else self.node("Tanh", dense)
            logits = self.gemm(active, "classifier.out_proj")
        self.nodes.append(helper.make_node("Identity", [logits], ["logits"]))
        return self.proto()

    def embedded(self) -> str:
        at = f"{self.prefix}embeddings."
        length = self.node("Shape", "input_ids", start=1, end=2)
        scalar = self.node("Squeeze", length)
        start = self.config["pad_token_id"] + 1 if self.prefix == "roberta." else 0
        places = self.node("Range", self.constant(np.array(0)), scalar, self.constant(np.array(1)))
        places = self.node("Unsqueeze", places, self.constant(np.array([0])))
        places = self.node("Add", places, self.constant(np.array(start)))
        segments = "token_type_ids"
        if self.config["type_vocab_size"] == 1:
            segments = self.node("Mul", "input_ids", self.constant(np.array(0)))
        words = self.table(f"{at}word_embeddings.weight", "input_ids")
        types = self.table(f"{at}token_type_embeddings.weight", segments)
        positions = self.table(f"{at}position_embeddings.weight", places)
        return self.node("Add", self.node("Add", words, types), positions)

    def layer(self, x: str, at: str) -> str:
        heads = self.config["num_attention_heads"]
        size = self.config["hidden_size"] // heads
        query, key, value = (
            self.node(
                "Transpose",
                self.node(
                    "Reshape",
                    self.linear(x, f"{at}attention.self.{part}"),
                    self.constant(np.array([0, 0, heads, size])),
                ),
                perm=[0, 2, 1, 3] if part != "key" else [0, 2, 3, 1],
            )
            for part in ("value", "key", "query")[::-1]
        )
        compared = self.node(
            "Div", self.node("MatMul", query, key), self.constant(np.float32(math.sqrt(size)))
        )
        shares = self.node("Softmax", self.node("Add", compared, self.mask), axis=-1)
        mixed = self.node("Transpose", self.node("MatMul", shares, value), perm=[0, 2, 1, 3])
        context = self.node("Reshape", mixed, self.constant(np.array([0, 0, heads * size])))
        attended = self.linear(context, f"{at}attention.output.dense")
        state = self.norm(self.node("Add", attended, x), f"{at}attention.output.LayerNorm")
        wide = self.gelu(self.linear(state, f"{at}intermediate.dense"))
        narrow = self.linear(wide, f"{at}output.dense")
        return self.norm(self.node("Add", narrow, state), f"{at}output.LayerNorm")

    def gelu(self, x: str) -> str:
        inner = self.node("Erf", self.node("Div", x, self.constant(np.float32(math.sqrt(2)))))
        product = self.node("Mul", x, self.node("Add", inner, self.constant(np.float32(1))))
        return self.node("Mul", product, self.constant(np.float32(0.5)))

    def table(self, name: str, index: str) -> str:
        return self.node("Gather", self.constant(self.tensors[name]), index)

    def linear(self, x: str, name: str) -> str:
        weight = self.constant(self.tensors[f"{self.prefix}{name}.weight"].T)
        bias = self.constant(self.tensors[f"{self.prefix}{name}.bias"])
        return self.node("Add", bias, self.node("MatMul", x, weight))

    def gemm(self, x: str, name: str) -> str:
        weight, bias = (self.constant(self.tensors[f"{name}.{part}"]) for part in ("weight", "bias"))
        return self.node("Gemm", x, weight, bias, transB=1)

    def norm(self, x: str, name: str) -> str:
        gain, bias = (
            self.constant(self.tensors[f"{self.prefix}{name}.{part}"]) for part in ("weight", "bias")
        )
        return self.node("LayerNormalization", x, gain, bias, epsilon=self.config["layer_norm_eps"])

    def constant(self, values: np.ndarray) -> str:
        name = f"onnx::{len(self.constants)}"
        self.constants.append(
            numpy_helper.from_array(np.ascontiguousarray(values).reshape(np.shape(values)), name)
        )
        return name

    def node(self, operator: str, *inputs: str, **settings: object) -> str:
        name = f"/{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **settings))
        return name

    def proto(self) -> onnx.ModelProto:
        names = ["input_ids", "attention_mask", "token_type_ids"][: 2 if self.prefix == "roberta." else 3]
        graph = helper.make_graph(
            self.nodes,
            "main",
            [helper.make_tensor_value_info(name, TensorProto.INT64, ["b", "s"]) for name in names],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["b", "n"])],
            self.constants,
        )
        return helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="pytorch"
        )
