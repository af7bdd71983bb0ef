"""RankT5 without a decoder in torch: T5's encoder and a dense layer over its first token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import nn

from localrank.contract.errors import ModelLoadError
from localrank_transformers.engines.torch.pointwise.encoder import EncoderEngine
from localrank_transformers.engines.torch.runtime import TorchRuntime
from localrank_transformers.engines.torch.settings import TorchSettings
from localrank_transformers.engines.torch.weights import load_weights
from localrank_transformers.models.folder.settings_files import SettingsFiles

__all__ = ["load_t5_encoder"]


class _FirstTokenClassifier(nn.Module):
    """Logits of shape (pairs, 1)."""

    def __init__(self, encoder: Any, head: nn.Linear) -> None:
        super().__init__()
        self.encoder = encoder
        self.config = encoder.config
        self.head = head

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return self.head(hidden[:, 0])


def load_t5_encoder(files: SettingsFiles, runtime: TorchRuntime, settings: TorchSettings) -> EncoderEngine:
    """Return the encoder-only RankT5 of `files`.

    Its head has no agreed name, so it is known by its shape: the only matrix with one row.

    Raises:
        ModelLoadError: No such matrix, or several; or transformers cannot load the encoder.
    """
    encoder = load_weights("T5EncoderModel", files.folder, runtime.placement, settings)
    head = _head(files.folder, int(encoder.config.d_model)).to(runtime.placement.dtype)
    return EncoderEngine(_FirstTokenClassifier(encoder, head), runtime, compile_module=settings.compile)


def _head(folder: Path, width: int) -> nn.Linear:
    tensors: dict[str, torch.Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as stream:
            names = [
                name
                for name in list(stream.keys())  # no mapping
                if tuple(stream.get_slice(name).get_shape()) in {(1, width), (1,)}
            ]
            tensors |= {name: stream.get_tensor(name) for name in names}
    weights = [name for name, value in tensors.items() if value.ndim == 2]
    if len(weights) != 1:
        raise ModelLoadError(
            f"The files have {len(weights)} matrices of shape (1, {width}), of which RankT5's head is the only one.",
            hint="A model that writes its answer needs template='monot5' or 'rankt5' and its decoder.",
        )
    bias = tensors.get(weights[0].removesuffix("weight") + "bias")
    head = nn.Linear(width, 1, bias=bias is not None)
    head.load_state_dict({"weight": tensors[weights[0]], **({} if bias is None else {"bias": bias})})
    return head
