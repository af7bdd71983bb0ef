"""A torch module into an ONNX graph for any number of rows of any length, cross-encoders first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from localrank.contract.errors import ModelLoadError
from localrank_transformers.engines.torch.device import choose
from localrank_transformers.engines.torch.packed import reads_segments
from localrank_transformers.engines.torch.pointwise.encoder import classifier_module
from localrank_transformers.engines.torch.pointwise.modular import modular_module
from localrank_transformers.engines.torch.settings import Dtype, TorchSettings
from localrank_transformers.engines.torch.weights import silenced
from localrank_transformers.families.detection import is_modular
from localrank_transformers.models.folder.settings_files import SettingsFiles
from localrank_transformers.models.onnx_file.producer import remove_graph

__all__ = ["save_graph", "write_graph"]

OPSET = 18
_SINGLE_FILE_BYTES = 1 << 30
"""Weights beyond this go into a file beside the graph; a protobuf holds 2 GiB at most."""
_EXPORTER = ("torch.onnx", "onnxscript", "onnx_ir")
"""Loggers that remark on the exporter's own internals."""


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
        logits: torch.Tensor = getattr(output, "logits", output)
        return logits.float()


def write_graph(files: SettingsFiles, path: Path, dtype: Dtype = "fp32") -> None:
    """Write the graph of a cross-encoder to `path`.

    Args:
        files: The model.
        path: Where to write.
        dtype: `fp32`, or `fp16` for half the size; the graph's logits are float32 with either.

    Raises:
        ModelLoadError: The weights cannot be loaded, or torch cannot export the architecture.
    """
    module = _load(files, dtype)
    names = ("input_ids", "attention_mask", *(("token_type_ids",) if reads_segments(module) else ()))
    # Two pairs of unequal length: a size of 1, or a mask of ones, would be taken for a constant.
    ids = torch.ones(2, 8, dtype=torch.int64)
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    example = (ids, mask, torch.zeros_like(ids))[: len(names)]
    save_graph(_Pairs(module), names, example, path, architecture=type(module).__name__)


def save_graph(
    module: torch.nn.Module,
    names: tuple[str, ...],
    example: tuple[torch.Tensor, ...],
    path: Path,
    *,
    architecture: str,
    output: str = "logits",
) -> None:
    """Write the graph of any module that takes tables of shape (rows, tokens).

    Args:
        module: What to export.
        names: Of its inputs.
        example: Tables to trace it with, none of them of one row or one token.
        path: Where to write; weights beyond 1 GB go into a file beside it.
        architecture: For messages.
        output: The name of what it returns.

    Raises:
        ModelLoadError: torch cannot export it.
    """
    # Derived from each other, so that the exporter may bound neither.
    shape = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    path.parent.mkdir(parents=True, exist_ok=True)
    size = sum(parameter.numel() * parameter.element_size() for parameter in module.parameters())
    try:
        with silenced(*_EXPORTER), torch.no_grad():
            program = torch.onnx.export(
                module.eval(),
                example,
                input_names=list(names),
                output_names=[output],
                dynamic_shapes=tuple(shape for _ in names),
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
            _forget_where(program.model)
            remove_graph(path)
            program.save(str(path), external_data=size > _SINGLE_FILE_BYTES)
    except Exception as error:
        raise ModelLoadError(
            f"torch cannot export {architecture}: {str(error).strip().split(chr(10), 1)[0][:300]}",
            hint="The model runs with TorchReranker.",
        ) from error


def _load(files: SettingsFiles, dtype: Dtype) -> Any:
    placement = choose("cpu", dtype)
    settings = TorchSettings(device="cpu", dtype=dtype)
    if is_modular(files):
        return modular_module(files, placement, settings).eval()
    return classifier_module(files.folder, placement, settings).eval()


def _forget_where(model: Any) -> None:
    """Drop the exporter's notes: paths of this machine and lines of code, in a small model more than its weights."""
    for node in model.graph.all_nodes():
        node.metadata_props.clear()
        for value in node.outputs:
            value.metadata_props.clear()
