"""The weights of a BERT-like cross-encoder out of an exported ONNX graph, found by how its nodes hang together.

Exporters name weights as they please and write one product in several ways; what they cannot change is the order in which a
BERT computes. Products and normalizations are taken in that order, and only query, key and value, which stand side by side, are
told apart by what the attention does with them. A wrong guess gives wrong logits, which the caller compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from localrank.contract.errors import ModelLoadError
from localrank_transformers.optimizing.encoder.weights import (
    Encoder,
    Floats,
    Head,
    Layer,
    Linear,
    Norm,
    check_kind,
    first_position,
    head_activation,
    layer_activation,
    layer_epsilon,
)
from localrank_transformers.optimizing.encoder.writer import import_onnx

__all__ = ["UnrecognisedGraphError", "read_export"]

_STEERED = frozenset({"Reshape", "Expand", "Slice", "Unsqueeze", "Squeeze", "Gather", "Tile"})
"""Operators whose first input alone holds data; the rest says how it is cut."""


class UnrecognisedGraphError(ModelLoadError):
    """The graph is none that is known; it runs as it is."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A weight at its place: what is read, what is computed."""

    source: str
    output: str


@dataclass(frozen=True, slots=True)
class _Product(_Found):
    linear: Linear


@dataclass(frozen=True, slots=True)
class _Normalized(_Found):
    norm: Norm


def read_export(path: Path, config: Mapping[str, Any]) -> Encoder:
    """Read a float32 export of a BERT, MiniLM, TinyBERT, ELECTRA, RoBERTa or XLM-R cross-encoder.

    Args:
        path: The graph; external data lies beside it.
        config: `config.json` of the model: its type, layers, heads, activation and epsilon.

    Raises:
        MissingDependencyError: The package onnx is absent.
        UnrecognisedGraphError: The model is of another type, or the graph of another form.
    """
    kind = check_kind(config)
    graph = _Graph(import_onnx().load(str(path)).graph)
    products, norms = graph.products(), graph.norms()
    layers = int(config["num_hidden_layers"])
    projected = len(products) - 6 * layers - 2
    if projected not in {0, 1} or len(norms) != 2 * layers + 1:
        raise UnrecognisedGraphError(
            f"The graph has {len(products)} products with weights and {len(norms)} normalizations; "
            f"{layers} layers of a {kind} have {6 * layers + 2} and {2 * layers + 1}."
        )
    words, positions, types = graph.embeddings(config)
    body = products[projected:-2]
    return Encoder(
        words=words,
        positions=positions[first_position(config) :],
        types=types if "token_type_ids" in graph.inputs else types[:1],
        embedding_norm=norms[0].norm,
        projection=products[0].linear if projected else None,
        layers=tuple(
            _layer(graph, body[6 * at : 6 * at + 6], norms[2 * at + 1 : 2 * at + 3]) for at in range(layers)
        ),
        head=Head(products[-2].linear, head_activation(kind), products[-1].linear),
        attention_heads=int(config["num_attention_heads"]),
        epsilon=layer_epsilon(config),
        activation=layer_activation(config),
    )


def _layer(graph: _Graph, products: list[_Product], norms: list[_Normalized]) -> Layer:
    beside, (attended, up, down) = products[:3], products[3:]
    query, key, value = graph.attention_parts(
        attended.source, {product.output: product.linear for product in beside}
    )
    return Layer(query, key, value, attended.linear, norms[0].norm, up.linear, down.linear, norms[1].norm)


class _Graph:
    """Looks values up by name, and follows data backwards."""

    def __init__(self, graph: Any) -> None:
        self._to_array = import_onnx().numpy_helper.to_array
        self._initializers = {tensor.name: tensor for tensor in graph.initializer}
        self._nodes: list[Any] = list(graph.node)
        self._maker = {name: node for node in self._nodes for name in node.output}
        self.inputs = frozenset(value.name for value in graph.input) - set(self._initializers)

    def products(self) -> list[_Product]:
        """Return every product of data with a matrix of weights, its bias added, in the order of computation."""
        linears = [self._gemm(node) if node.op_type == "Gemm" else self._matmul(node) for node in self._nodes]
        return [linear for linear in linears if linear is not None]

    def norms(self) -> list[_Normalized]:
        """Return every layer normalization, written as one operator or as its parts."""
        return [norm for node in self._nodes if (norm := self._norm(node)) is not None]

    def embeddings(self, config: Mapping[str, Any]) -> tuple[Floats, Floats, Floats]:
        """Return the tables of words, positions and segments."""
        tables = [
            (self._plain(node.input[1]), table)
            for node in self._nodes
            if node.op_type == "Gather" and (table := self._weights(node.input[0], 2)) is not None
        ]
        words = [table for index, table in tables if index == "input_ids"]
        rest = [table for index, table in tables if index != "input_ids"]
        longest, segments = int(config["max_position_embeddings"]), int(config["type_vocab_size"])
        positions = [table for table in rest if len(table) == longest]
        types = [table for table in rest if len(table) == segments]
        if not len(words) == len(positions) == len(types) == 1 or len(rest) != 2:
            raise UnrecognisedGraphError(
                "The graph's embeddings are not those of words, positions and segments."
            )
        return words[0], positions[0], types[0]

    def attention_parts(self, context: str, beside: Mapping[str, Linear]) -> tuple[Linear, Linear, Linear]:
        """Return query, key and value of the attention that computes `context`."""
        mixed = self._join(context, beside)
        shares, value = mixed.input[0], self._only(mixed.input[1], beside)
        compared = self._join(shares, beside)
        query, key = (self._only(name, beside) for name in compared.input[:2])
        if len({query, key, value}) != 3:
            raise UnrecognisedGraphError("Query, key and value cannot be told apart in the graph.")
        return beside[query], beside[key], beside[value]

    def _join(self, name: str, beside: Mapping[str, Linear]) -> Any:
        """Return the product of two computed values that `name` comes from."""
        while name in self._maker and name not in beside:
            node = self._maker[name]
            reaching = [source for source in self._data(node) if self._reached(source, beside)]
            if node.op_type == "MatMul" and len(reaching) == 2:
                return node
            if not reaching:
                break
            name = reaching[0]
        raise UnrecognisedGraphError("The graph's attention is no product of shares with values.")

    def _only(self, name: str, beside: Mapping[str, Linear]) -> str:
        reached = self._reached(name, beside)
        if len(reached) != 1:
            raise UnrecognisedGraphError("Query, key and value cannot be told apart in the graph.")
        return next(iter(reached))

    def _reached(self, name: str, beside: Mapping[str, Linear]) -> set[str]:
        """Return the outputs in `beside` that the data in `name` were computed from."""
        seen: set[str] = set()
        found: set[str] = set()
        open_names = [name]
        while open_names:
            current = open_names.pop()
            if current in beside:
                found.add(current)
            elif current in self._maker and current not in seen:
                seen.add(current)
                open_names.extend(self._data(self._maker[current]))
        return found

    @staticmethod
    def _data(node: Any) -> Iterable[str]:
        if node.op_type == "Shape":
            return ()
        return list(node.input[:1]) if node.op_type in _STEERED else [name for name in node.input if name]

    def _gemm(self, node: Any) -> _Product | None:
        settings = {attribute.name: attribute for attribute in node.attribute}
        plain = all(settings[name].f == 1.0 for name in ("alpha", "beta") if name in settings)
        weight, bias = (
            self._weights(node.input[1], 2),
            self._weights(node.input[2], 1) if len(node.input) > 2 else None,
        )
        if weight is None or bias is None or not plain or ("transA" in settings and settings["transA"].i):
            return None
        turned = "transB" in settings and settings["transB"].i
        return _Product(node.input[0], node.output[0], Linear(weight.T if turned else weight, bias))

    def _matmul(self, node: Any) -> _Product | None:
        """Return the product whose bias this Add adds."""
        if node.op_type != "Add":
            return None
        for name, other in (node.input, reversed(node.input)):
            product = self._maker.get(name)
            if product is None or product.op_type != "MatMul":
                continue
            weight, bias = self._weights(product.input[1], 2), self._weights(other, 1)
            if weight is not None and bias is not None:
                return _Product(product.input[0], node.output[0], Linear(weight, bias))
        return None

    def _norm(self, node: Any) -> _Normalized | None:
        if node.op_type == "LayerNormalization" and len(node.input) == 3:
            gain, bias = (self._weights(name, 1) for name in node.input[1:])
            scaled = node
        elif node.op_type == "Add":
            scaled, bias = self._beside_constant(node, "Mul")
            gain = None if scaled is None else next(filter(_is_given, map(self._vector, scaled.input)), None)
        else:
            return None
        if gain is None or bias is None or gain.shape != bias.shape:
            return None
        return _Normalized(scaled.input[0], node.output[0], Norm(gain, bias))

    def _beside_constant(self, node: Any, operator: str) -> tuple[Any, Floats | None]:
        for name, other in (node.input, reversed(node.input)):
            made, bias = self._maker.get(name), self._vector(other)
            if made is not None and made.op_type == operator and bias is not None:
                return made, bias
        return None, None

    def _vector(self, name: str) -> Floats | None:
        return self._weights(name, 1)

    def _plain(self, name: str) -> str:
        while name in self._maker and self._maker[name].op_type in {"Identity", "Cast"}:
            name = self._maker[name].input[0]
        return name

    def _weights(self, name: str, dimensions: int) -> Floats | None:
        """Return a float32 constant of so many dimensions, or None."""
        values = self._constant(name)
        if values is None or values.dtype != np.float32 or values.ndim != dimensions:
            return None
        return values

    def _constant(self, name: str) -> npt.NDArray[Any] | None:
        if name in self._initializers:
            held: npt.NDArray[Any] = self._to_array(self._initializers[name])
            return held
        node = self._maker.get(name)
        if node is None:
            return None
        if node.op_type == "Constant":
            tensors = [attribute.t for attribute in node.attribute if attribute.name == "value"]
            return self._to_array(tensors[0]) if tensors else None
        if node.op_type not in {"Identity", "Transpose"}:
            return None
        values = self._constant(node.input[0])
        if values is None or node.op_type == "Identity":
            return values
        order = next((list(attribute.ints) for attribute in node.attribute if attribute.name == "perm"), None)
        return np.transpose(values, order)


def _is_given(value: object) -> bool:
    return value is not None
