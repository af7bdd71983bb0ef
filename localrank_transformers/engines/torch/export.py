"""A cross-encoder's torch module into an ONNX graph, for any number of pairs of any length."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from localrank.contract.errors import ModelLoadError
from localrank_transformers.engines.torch.device import choose
from localrank_transformers.engines.torch.modular import modular_module
from localrank_transformers.engines.torch.segments import reads_segments
from localrank_transformers.engines.torch.weights import load_weights
from localrank_transformers.families.detection import Kind
from localrank_transformers.torch_files import TorchFiles
from localrank_transformers.torch_settings import TorchSettings

__all__ = ["write_graph"]

OPSET = 18
_SINGLE_FILE_BYTES = 1 << 30
"""Weights beyond this go into a file beside the graph; a protobuf holds 2 GiB at most."""


class _Pairs(torch.nn.Module):
    """Names the inputs and hands back the logits alone."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
    ) -> torch.Tensor:
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        output = self.module(input_ids=input_ids, attention_mask=attention_mask, **types)
        return getattr(output, "logits", output)


def write_graph(kind: Kind, files: TorchFiles, path: Path) -> tuple[str, ...]:
    """Write the float32 graph of a cross-encoder to `path` and return the names of its inputs.

    Raises:
        ModelLoadError: The weights cannot be loaded, or torch cannot export the architecture.
    """
    module = _load(kind, files)
    names = ("input_ids", "attention_mask", *(("token_type_ids",) if reads_segments(module) else ()))
    # Two pairs of unequal length: a size of 1, or a mask of ones, would be taken for a constant.
    ids = torch.ones(2, 8, dtype=torch.int64)
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    example = (ids, mask, torch.zeros_like(ids))[: len(names)]
    # Derived from each other, so that the exporter may bound neither.
    shape = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    path.parent.mkdir(parents=True, exist_ok=True)
    large = sum(parameter.numel() * 4 for parameter in module.parameters()) > _SINGLE_FILE_BYTES
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                _Pairs(module).eval(),
                example,
                input_names=list(names),
                output_names=["logits"],
                dynamic_shapes=tuple(shape for _ in names),
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
            program.save(str(path), external_data=large)
    except Exception as error:
        raise ModelLoadError(
            f"torch cannot export {type(module).__name__}: {str(error).strip().split(chr(10), 1)[0][:300]}",
            hint="The model runs with TorchReranker.",
        ) from error
    return names


def _load(kind: Kind, files: TorchFiles) -> Any:
    placement = choose("cpu", "fp32")
    settings = TorchSettings(device="cpu", dtype="fp32")
    if kind == "modular":
        return modular_module(files, placement, settings).eval()
    module = load_weights("AutoModelForSequenceClassification", files.folder, placement, settings)
    return module.eval()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's remarks on its own internals off the terminal."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
