"""A late-interaction model's encoder and projection into one ONNX graph: ids in, a vector for each token out."""

from __future__ import annotations

from pathlib import Path

import torch

from localrank_transformers.engines.torch.device import choose
from localrank_transformers.engines.torch.pointwise.late_interaction import TokenEncoder, token_encoder
from localrank_transformers.engines.torch.settings import TorchSettings
from localrank_transformers.exporting.torch.encoder import save_graph
from localrank_transformers.models.folder.exported import late_logit
from localrank_transformers.models.folder.late_layout import read_late_layout
from localrank_transformers.models.folder.reading import exported_of
from localrank_transformers.models.folder.settings_files import SettingsFiles

__all__ = ["write_vector_graph"]


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
