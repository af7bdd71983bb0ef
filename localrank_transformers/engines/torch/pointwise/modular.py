"""Cross-encoders of several modules as one torch module: encoder, pooling, head."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn

from localrank.contract.errors import ModelLoadError
from localrank_transformers.engines.torch.device import Placement
from localrank_transformers.engines.torch.packed import PackedEngine
from localrank_transformers.engines.torch.pointwise.encoder import EncoderEngine, encoder_engine
from localrank_transformers.engines.torch.runtime import TorchRuntime
from localrank_transformers.engines.torch.settings import TorchSettings
from localrank_transformers.engines.torch.weights import load_weights
from localrank_transformers.models.folder.safety.files import check_file
from localrank_transformers.models.folder.safety.tensors import check_safetensors
from localrank_transformers.models.folder.settings_files import SettingsFiles
from localrank_transformers.models.folder.stated.modules import HeadLayer, ModularLayout, read_layout

__all__ = ["ModularClassifier", "load_modular", "modular_module"]

_WEIGHTS_OF = {"dense": "linear", "norm": "norm"}
"""How sentence-transformers calls a module's only child."""


class ModularClassifier(nn.Module):
    """Logits of shape (pairs, 1) from an encoder and a head.

    Args:
        encoder: Gives `last_hidden_state`.
        pooling: `cls` or `mean`.
        head: Maps a pooled vector to one number.
    """

    def __init__(self, encoder: Any, pooling: str, head: nn.Sequential) -> None:
        super().__init__()
        self.encoder = encoder
        self.config = encoder.config
        self.pooling = pooling
        self.head = head
        self._reads_types = "token_type_ids" in inspect.signature(encoder.forward).parameters

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the logits."""
        types = {"token_type_ids": token_type_ids} if self._reads_types else {}
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **types).last_hidden_state
        return self.head(self._pooled(hidden, attention_mask))

    def _pooled(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        if self.pooling == "cls":
            return hidden[:, 0]
        weights = mask.unsqueeze(-1).to(hidden.dtype)
        return (hidden * weights).sum(1) / weights.sum(1).clamp(min=1e-9)


def load_modular(
    files: SettingsFiles, runtime: TorchRuntime, settings: TorchSettings
) -> EncoderEngine | PackedEngine:
    """Return the modular cross-encoder of `files`.

    Raises:
        ModelLoadError: A module is missing, damaged or of an unknown kind.
    """
    module = modular_module(files, runtime.placement, settings)
    return encoder_engine(module, runtime, settings)


def modular_module(files: SettingsFiles, placement: Placement, settings: TorchSettings) -> ModularClassifier:
    """Return the module with its weights, on the CPU."""
    layout: ModularLayout = read_layout(files)
    encoder = load_weights(
        "AutoModel", files.folder / layout.encoder, placement, settings, absent=("pooler.",)
    )
    head = nn.Sequential()
    for layer in layout.head:
        path = check_file(files.folder, f"{layer.folder}/model.safetensors")
        check_safetensors(path)
        head.append(_with_weights(layer, path))
        if layer.activation != "Identity":
            head.append(getattr(nn, layer.activation)())
    return ModularClassifier(encoder, layout.pooling, head.to(placement.dtype))


def _with_weights(layer: HeadLayer, path: Path) -> nn.Module:
    made: nn.Module = (
        nn.Linear(layer.inputs, layer.outputs, bias=layer.bias)
        if layer.kind == "dense"
        else nn.LayerNorm(layer.inputs)
    )
    prefix = f"{_WEIGHTS_OF[layer.kind]}."
    try:
        weights = load_file(path)
        made.load_state_dict({name.removeprefix(prefix): value for name, value in weights.items()})
    except Exception as error:
        raise ModelLoadError(
            f"The weights of the module {layer.folder!r} cannot be read: {str(error)[:200]}"
        ) from error
    return made
