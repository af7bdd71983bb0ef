"""The graph of an encoder for one document a run: the last layer for what is read of it, no mask without padding.

The head of a cross-encoder reads only the first token, so the last layer needs its query, its output and its feed-forward part
for that token alone; keys and values are computed for all. That is exact. An encoder without a head gives the vectors of all
tokens, for late interaction. Without a mask ONNX Runtime takes its flash attention; a float32
graph reads one all the same, for short documents that share a run, and takes it only where there is padding. An int8 graph has
none, since its documents never share a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from localrank.contract.errors import MissingDependencyError
from localrank_transformers.optimizing.encoder_weights import Encoder, Head, Layer, Linear, Norm

__all__ = ["PLACES", "Place", "Smoothing", "build_graph", "import_onnx", "probe_name"]

Place = tuple[int, str]
"""A layer's number and which product's input: one of `PLACES`."""

PLACES = ("qkv", "up", "down")
"""The products whose inputs can be smoothed."""

Smoothing = Mapping[Place, npt.NDArray[np.float32]]
"""Factors, one a channel: the input is divided by them and the weight's rows are multiplied, before int8 rounding."""

_CONTRIB = "com.microsoft"
_OPSET = 17
_IR_VERSION = 9
_GELUS = frozenset({"Gelu", "FastGelu"})


def probe_name(place: Place) -> str:
    """Return the output that holds the input of a product in a graph with probes."""
    return f"probe.{place[0]}.{place[1]}"


def build_graph(encoder: Encoder, *, smoothing: Smoothing | None = None, probes: bool = False) -> bytes:
    """Return a serialized ONNX model.

    Its inputs are `input_ids`, in float32 `attention_mask` (1 for each token, 0 for padding behind them), and with more than
    one segment `token_type_ids`, all int64 of shape (batch, sequence). Its output is `logits` of shape (batch, labels), or
    without a head `token_vectors` of shape (batch, sequence, hidden size).

    Args:
        encoder: The weights.
        smoothing: None keeps float32. Otherwise products run in dynamic int8 (weights symmetric, a scale an output channel;
            activations asymmetric, a scale a run), with the inputs at these places smoothed (Xiao et al. 2023,
            SmoothQuant); embedding rows become int8 with a scale each.
        probes: Also output the inputs of the products in `PLACES`, to calibrate by.

    Raises:
        MissingDependencyError: The package onnx is absent.
    """
    return _Writer(encoder, smoothing=smoothing, probes=probes).model()


class _Writer:
    """Writes nodes in order; every method returns the name of what it computed."""

    def __init__(self, encoder: Encoder, *, smoothing: Smoothing | None, probes: bool) -> None:
        self._onnx = import_onnx()
        self._encoder = encoder
        self._int8 = smoothing is not None
        self._smoothing = smoothing or {}
        self._probes = probes
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._outputs: list[str] = []
        self._count = 0
        self._is_padded = self._mask = ""

    def model(self) -> bytes:
        if not self._int8:
            self._read_mask()
        hidden, head = self._embedded(), self._encoder.head
        last = len(self._encoder.layers) - 1
        for number, layer in enumerate(self._encoder.layers):
            narrow = number == last and head is not None
            hidden = self._layer(hidden, layer, number, first_token_only=narrow)
        return self._serialized(self._token_vectors(hidden) if head is None else self._head(hidden, head))

    def _read_mask(self) -> None:
        self._mask = self._node("Cast", ["attention_mask"], to=self._onnx.TensorProto.INT32)
        seen = self._node("ReduceMin", [self._mask], keepdims=0)
        self._is_padded = self._node("Equal", [seen, self._constant(np.array(0, dtype=np.int32))])

    def _embedded(self) -> str:
        encoder = self._encoder
        length = self._node("Shape", ["input_ids"], start=1, end=2)
        zero = self._constant(np.array([0]))
        one_segment = len(encoder.types) == 1
        table = encoder.positions + encoder.types if one_segment else encoder.positions
        positions = self._node("Slice", [self._constant(table), zero, length, zero])
        total = self._node("Add", [self._words(), positions])
        if not one_segment:
            segments = self._node("Gather", [self._constant(encoder.types), "token_type_ids"])
            total = self._node("Add", [total, segments])
        hidden = self._norm(total, encoder.embedding_norm)
        return hidden if encoder.projection is None else self._float_product(hidden, encoder.projection)

    def _words(self) -> str:
        words = self._encoder.words
        if not self._int8:
            return self._node("Gather", [self._constant(words), "input_ids"])
        rows, scales = _rounded(words, axis=1)
        looked_up = self._node("Gather", [self._constant(rows), "input_ids"])
        whole = self._node("Cast", [looked_up], to=self._onnx.TensorProto.FLOAT)
        return self._node("Mul", [whole, self._node("Gather", [self._constant(scales), "input_ids"])])

    def _layer(self, hidden: str, layer: Layer, number: int, *, first_token_only: bool) -> str:
        place = (number, "qkv")
        attended_input = self._probed(hidden, place)
        read = self._smoothed(attended_input, place)
        residual, asking = hidden, read
        if first_token_only:
            residual, asking = self._first(hidden), self._first(read)
        context = self._attention(asking, read, layer, place, first_token_only=first_token_only)
        mixed = self._node("Add", [self._product(context, layer.attended), residual])
        state = self._norm(mixed, layer.attention_norm)
        wide = self._product(
            self._smoothed(self._probed(state, (number, "up")), (number, "up")), layer.up, (number, "up")
        )
        active = self._activated(wide, self._encoder.activation)
        down = (number, "down")
        narrow = self._product(self._smoothed(self._probed(active, down), down), layer.down, down)
        return self._norm(self._node("Add", [narrow, state]), layer.output_norm)

    def _attention(
        self, asking: str, read: str, layer: Layer, place: Place, *, first_token_only: bool
    ) -> str:
        if first_token_only:
            query = self._product(asking, layer.query, place)
            key, value = self._split_product(read, [layer.key, layer.value], place)
        else:
            query, key, value = self._split_product(read, [layer.query, layer.key, layer.value], place)
        if self._int8:
            return self._attended([query, key, value])
        return self._node(
            "If",
            [self._is_padded],
            then_branch=self._branch([query, key, value, "", self._mask]),
            else_branch=self._branch([query, key, value]),
        )

    def _attended(self, inputs: list[str]) -> str:
        heads, name = self._encoder.attention_heads, f"attention-{self._count}"
        return self._node("MultiHeadAttention", inputs, domain=_CONTRIB, num_heads=heads, name=name)

    def _branch(self, inputs: list[str]) -> Any:
        """Return a subgraph with the attention over `inputs`, which are values of the graph around it."""
        output = self._attended(inputs)
        return self._onnx.helper.make_graph(
            [self._nodes.pop()], f"attention-{output}", [], [self._float(output)]
        )

    def _split_product(self, source: str, parts: list[Linear], place: Place) -> list[str]:
        """Several products of one input as one: the input is quantized once, and the core is busier."""
        joined = Linear(
            np.concatenate([part.weight for part in parts], axis=1),
            np.concatenate([part.bias for part in parts]),
        )
        sizes = self._constant(np.array([len(part.bias) for part in parts]))
        names = [self._name() for _ in parts]
        product = self._product(source, joined, place)
        self._nodes.append(self._onnx.helper.make_node("Split", [product, sizes], names, axis=-1))
        return names

    def _token_vectors(self, hidden: str) -> Any:
        vectors = self._node("Identity", [hidden], output="token_vectors")
        width = len(self._encoder.layers[-1].output_norm.bias)
        return self._float(vectors, ["batch", "sequence", width])

    def _head(self, hidden: str, head: Head) -> Any:
        width = head.dense.weight.shape[0]
        first = self._node("Reshape", [hidden, self._constant(np.array([-1, width]))])
        active = self._activated(self._float_product(first, head.dense), head.activation)
        logits = self._float_product(active, head.out, output="logits")
        return self._float(logits, ["batch", len(head.out.bias)])

    def _product(self, source: str, linear: Linear, place: Place | None = None) -> str:
        if not self._int8:
            return self._float_product(source, linear)
        factors = self._smoothing.get(place) if place else None
        weight = linear.weight if factors is None else linear.weight * factors[:, None]
        rounded, scales = _rounded(weight, axis=0)
        inputs = [
            source,
            self._constant(rounded),
            self._constant(scales.ravel()),
            "",
            self._constant(linear.bias),
        ]
        return self._node("DynamicQuantizeMatMul", inputs, domain=_CONTRIB)

    def _float_product(self, source: str, linear: Linear, output: str | None = None) -> str:
        product = self._node("MatMul", [source, self._constant(linear.weight)])
        return self._node("Add", [product, self._constant(linear.bias)], output=output)

    def _smoothed(self, source: str, place: Place) -> str:
        factors = self._smoothing.get(place) if self._int8 else None
        if factors is None:
            return source
        return self._node("Mul", [source, self._constant((1 / factors).astype(np.float32))])

    def _activated(self, source: str, operator: str) -> str:
        return self._node(operator, [source], domain=_CONTRIB if operator in _GELUS else "")

    def _norm(self, source: str, norm: Norm) -> str:
        inputs = [source, self._constant(norm.gain), self._constant(norm.bias)]
        return self._node("LayerNormalization", inputs, axis=-1, epsilon=self._encoder.epsilon)

    def _first(self, source: str) -> str:
        zero, one = self._constant(np.array([0])), self._constant(np.array([1]))
        return self._node("Slice", [source, zero, one, one])

    def _probed(self, source: str, place: Place) -> str:
        if not self._probes:
            return source
        name = self._node("Identity", [source], output=probe_name(place))
        self._outputs.append(name)
        return name

    def _name(self) -> str:
        self._count += 1
        return f"v{self._count}"

    def _constant(self, values: npt.NDArray[Any]) -> str:
        name = self._name()
        self._constants.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _node(
        self,
        operator: str,
        inputs: list[str],
        *,
        output: str | None = None,
        domain: str = "",
        **settings: Any,
    ) -> str:
        name = output or self._name()
        self._nodes.append(self._onnx.helper.make_node(operator, inputs, [name], domain=domain, **settings))
        return name

    def _float(self, name: str, shape: list[str | int] | None = None) -> Any:
        """Return the declaration of a value."""
        return self._onnx.helper.make_tensor_value_info(name, self._onnx.TensorProto.FLOAT, shape)

    def _serialized(self, end: Any) -> bytes:
        helper, types = self._onnx.helper, self._onnx.TensorProto
        mask = [] if self._int8 else ["attention_mask"]
        types_read = ["token_type_ids"] if len(self._encoder.types) > 1 else []
        inputs = ["input_ids", *mask, *types_read]
        graph = helper.make_graph(
            self._nodes,
            "encoder",
            [helper.make_tensor_value_info(name, types.INT64, ["batch", "sequence"]) for name in inputs],
            [end, *map(self._float, self._outputs)],
            self._constants,
        )
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_CONTRIB, 1)]
        model = helper.make_model(
            graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="localrank"
        )
        serialized: bytes = model.SerializeToString()
        return serialized


def _rounded(
    values: npt.NDArray[np.float32], *, axis: int
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Return symmetric int8 values and their scales, one for each index of the other axis."""
    scales = np.maximum(np.abs(values).max(axis=axis, keepdims=True), 1e-12) / 127
    return np.clip(np.round(values / scales), -127, 127).astype(np.int8), scales.astype(np.float32)


def import_onnx() -> Any:
    """Return the package onnx.

    Raises:
        MissingDependencyError: It is absent.
    """
    try:
        import onnx  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise MissingDependencyError(
            "Writing a graph needs the package onnx, which is not installed.",
            hint='pip install "localrank[optimize]"',
        ) from error
    return onnx
