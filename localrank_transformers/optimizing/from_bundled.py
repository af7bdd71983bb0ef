"""From the embedded int8 graph back to float32 weights in the usual names, for training and for torch, offline.

Each int8 product is undone: weight = rounded × scale, divided by the smoothing that its input was multiplied with. What
rounding took away stays away, and where the input of attention's output product was smoothed, its factors stay in the value and
output weights, which together compute the same. The ranking is that of the embedded model but for what rounded activations add.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from localrank.contract.errors import ModelLoadError
from localrank.providers.extras import imported
from localrank.providers.files import give_ordinary_mode
from localrank_transformers.models import bundled
from localrank_transformers.models.folder.exported import EXPORTED_FILE
from localrank_transformers.optimizing.encoder.graph import from_blocks
from localrank_transformers.optimizing.kept.store import cache_folder

__all__ = ["float32_tensors", "kept_float32", "write_float32"]

Floats = npt.NDArray[np.float32]

GRAPH = "onnx/model_int8.onnx"
WEIGHTS = "model.safetensors"
_PURPOSE = "Reading the embedded model's weights"
_TEXT_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", EXPORTED_FILE)
_PRODUCTS = (
    *(f"attention.self.{name}" for name in ("query", "key", "value")),
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)


def write_float32(name: str, folder: Path) -> None:
    """Write the folder of an embedded model, which is one of late interaction: weights, configuration and tokenizer.

    Args:
        name: One for which `localrank_transformers.models.bundled.is_embedded` holds.
        folder: Made where it does not exist.

    Raises:
        MissingDependencyError: The package onnx or safetensors is absent.
        ModelLoadError: The embedded graph is damaged, or not of the layout that `localrank models optimize` writes.
    """
    safetensors = imported("safetensors.numpy", _PURPOSE, "optimize")
    folder.mkdir(parents=True, exist_ok=True)
    for file in _TEXT_FILES:
        (folder / file).write_bytes(bundled.read_file(name, file))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    tensors = float32_tensors(bundled.read_file(name, GRAPH), config)
    safetensors.save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    give_ordinary_mode(folder / WEIGHTS)


def kept_float32(name: str) -> Path:
    """Return the folder that `write_float32` writes, kept on this machine from the first time on.

    Raises:
        MissingDependencyError: The package onnx or safetensors is absent.
        ModelLoadError: The embedded graph is damaged, or the folder cannot be written.
    """
    kept = cache_folder("weights")
    folder = kept / f"{name}-{hashlib.sha256(bundled.read_file(name, GRAPH)).hexdigest()[:16]}"
    if (folder / WEIGHTS).is_file():
        return folder
    made = kept / f".{folder.name}.{secrets.token_hex(8)}.part"
    try:
        write_float32(name, made)
        with suppress(OSError):  # another process was first, with the same content
            made.rename(folder)
    except OSError as error:
        raise ModelLoadError(
            f"The weights of {name} cannot be kept in {kept}: {error.strerror}.",
            hint="Set LOCALRANK_CACHE to a folder with 100 MB of room that can be written.",
        ) from None
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return folder


def float32_tensors(graph: bytes, config: Mapping[str, Any]) -> dict[str, Floats]:
    """Return the weights of an int8 graph under the names of transformers' BertModel.

    Args:
        graph: Written by `optimizing.encoder.graph`.
        config: The model's `config.json`.

    Raises:
        MissingDependencyError: The package onnx is absent.
        ModelLoadError: The graph is another than expected.
    """
    onnx = imported("onnx", _PURPOSE, "optimize")
    model = onnx.load_from_string(graph)
    try:
        return dict(_Graph(model, onnx.numpy_helper.to_array).tensors(config))
    except (KeyError, StopIteration, IndexError, ValueError) as error:
        raise ModelLoadError(
            f"The embedded graph has another layout than expected ({type(error).__name__})."
        ) from error


class _Graph:
    """The nodes of a graph that `optimizing.encoder.graph` wrote, in the order in which it wrote them."""

    def __init__(self, model: Any, to_array: Any) -> None:
        self._nodes = list(model.graph.node)
        self._constants = {tensor.name: np.asarray(to_array(tensor)) for tensor in model.graph.initializer}
        self._makers = {output: node for node in self._nodes for output in node.output}

    def tensors(self, config: Mapping[str, Any]) -> Iterator[tuple[str, Floats]]:
        """Yield all weights; what the graph does not hold raises what a missing item raises."""
        yield from self._embeddings(int(config["type_vocab_size"]))
        norms = iter([node for node in self._nodes if node.op_type == "LayerNormalization"])
        products = iter([node for node in self._nodes if node.op_type == "MatMulIntegerToFloat"])
        yield from self._norm("embeddings.LayerNorm", next(norms))
        for number in range(int(config["num_hidden_layers"])):
            at = f"encoder.layer.{number}."
            for name in _PRODUCTS:
                yield from _named(at + name, *self._linear(next(products)))
            yield from self._norm(f"{at}attention.output.LayerNorm", next(norms))
            yield from self._norm(f"{at}output.LayerNorm", next(norms))

    def _embeddings(self, segments: int) -> Iterator[tuple[str, Floats]]:
        tables = [self._constants[node.input[0]] for node in self._nodes if node.op_type == "Gather"]
        blocks = next((node for node in self._nodes if node.op_type == "GatherBlockQuantized"), None)
        if blocks is None:
            whole, scales, positions = tables
            rows = whole.astype(np.float32) * scales
        else:
            (positions,) = tables
            rows = from_blocks(*(self._constants[blocks.input[at]] for at in (0, 2)))
        yield "embeddings.word_embeddings.weight", _floats(rows)
        yield "embeddings.position_embeddings.weight", _floats(positions)
        # The graph knows one segment, whose row is in the positions.
        yield "embeddings.token_type_embeddings.weight", _floats(np.zeros((segments, rows.shape[1])))

    def _linear(self, node: Any) -> tuple[Floats, Floats]:
        """Return weight (outputs, inputs) and bias of a product in int8."""
        source, rounded, _, scales, _, _, bias = node.input
        weight = self._constants[rounded].astype(np.float32) * self._constants[scales][None, :]
        maker = self._makers.get(self._makers[source].input[0])
        if maker is not None and maker.op_type == "Mul" and maker.input[1] in self._constants:
            weight = weight * self._constants[maker.input[1]].reshape(-1, 1)
        return _floats(weight.T), _floats(self._constants[bias])

    def _norm(self, name: str, node: Any) -> Iterator[tuple[str, Floats]]:
        yield from _named(name, self._constants[node.input[1]], self._constants[node.input[2]])


def _named(name: str, weight: npt.NDArray[Any], bias: npt.NDArray[Any]) -> Iterator[tuple[str, Floats]]:
    yield f"{name}.weight", _floats(weight)
    yield f"{name}.bias", _floats(bias)


def _floats(values: npt.NDArray[Any]) -> Floats:
    return np.ascontiguousarray(values, dtype=np.float32)
