"""A torch module into an ONNX graph for any number of rows of any length: cross-encoders, yes/no prompts, token vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from localrank.contract.errors import ModelLoadError
from localrank.contract.texts import first_line
from localrank_transformers.engines.torch.device import choose
from localrank_transformers.engines.torch.opening import load_causal_family, torch_device
from localrank_transformers.engines.torch.packed import reads_segments
from localrank_transformers.engines.torch.pointwise.causal import CausalEngine
from localrank_transformers.engines.torch.pointwise.encoder import classifier_module
from localrank_transformers.engines.torch.pointwise.late_interaction import TokenEncoder, token_encoder
from localrank_transformers.engines.torch.pointwise.modular import modular_module
from localrank_transformers.engines.torch.settings import Dtype, TorchSettings
from localrank_transformers.engines.torch.weights import silenced
from localrank_transformers.families.detection import causal_template, is_modular
from localrank_transformers.families.generative.templates import TEMPLATES
from localrank_transformers.models.folder.exported import ExportedGraph, late_logit
from localrank_transformers.models.folder.late_layout import read_late_layout
from localrank_transformers.models.folder.reading import exported_of
from localrank_transformers.models.folder.settings_files import SettingsFiles
from localrank_transformers.models.onnx_file.producer import remove_graph

__all__ = ["save_graph", "write_graph", "write_prompt_graph", "write_vector_graph"]

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
            f"torch cannot export {architecture}: {first_line(error, 300)}",
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


class _LastToken(torch.nn.Module):
    """Reads prompts of one length, without padding, at their last token; of the vocabulary it keeps the answering words."""

    def __init__(self, engine: CausalEngine) -> None:
        super().__init__()
        self.decoder: Any = engine.decoder
        self._head = engine.head

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        hidden = self.decoder(input_ids=input_ids, use_cache=False).last_hidden_state
        return self._head(hidden[:, -1]).float()


def write_prompt_graph(files: SettingsFiles, settings: TorchSettings, path: Path) -> ExportedGraph:
    """Write the graph of a causal yes/no reranker to `path`; return what its folder must say of it.

    Args:
        files: The model.
        settings: Its type of number (`fp32` or `fp16`), and the prompt where the files do not tell it.
        path: Where to write.

    Raises:
        ModelLoadError: The weights cannot be loaded, the prompt is not known, or torch cannot export the architecture.
    """
    _, engine = load_causal_family(files, settings, torch_device(settings, "causal"), None)
    template = causal_template(files, settings.template)
    # Two prompts: a size of 1 would be taken for a constant.
    example = (torch.ones(2, 8, dtype=torch.int64),)
    save_graph(_LastToken(engine), ("input_ids",), example, path, architecture=files.architecture)
    words = (TEMPLATES[template].negative, TEMPLATES[template].positive)
    return ExportedGraph(
        "causal",
        template=template,
        labels=tuple(word for word in words if word is not None),
    )


class _Vectors(torch.nn.Module):
    """Hands the vectors back in float32, whatever the weights are.

    Args:
        encoder: The module.
        unit: Whether each gets the length 1.
    """

    def __init__(self, encoder: TokenEncoder, *, unit: bool) -> None:
        super().__init__()
        self.encoder = encoder
        self.unit = unit

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        vectors: torch.Tensor = self.encoder(input_ids, attention_mask).float()
        return torch.nn.functional.normalize(vectors, dim=-1) if self.unit else vectors


def write_vector_graph(files: SettingsFiles, settings: TorchSettings, path: Path) -> None:
    """Write the graph of a late-interaction model to `path`; its output is `token_vectors` (rows, tokens, dimensions).

    The vectors are of unit length, but for a model whose tokens count by the lengths of their vectors. Markers, filling and
    skipped tokens are no part of it: the files of the model's layout tell them.

    Raises:
        ModelLoadError: The weights cannot be loaded, or torch cannot export the encoder.
    """
    encoder = token_encoder(files, read_late_layout(files), choose("cpu", settings.dtype), settings)
    by_length = late_logit(exported_of(files)).by_length
    ids = torch.ones(2, 8, dtype=torch.int64)
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0  # a mask of ones would be taken for a constant
    save_graph(
        _Vectors(encoder, unit=not by_length),
        ("input_ids", "attention_mask"),
        (ids, mask),
        path,
        architecture=type(encoder.encoder).__name__,
        output="token_vectors",
    )
