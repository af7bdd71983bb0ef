"""A causal reranker's torch module into an ONNX graph: prompts in, the answering words' logits at the last token out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from localrank_transformers.engines.torch.opening import load_causal_family, torch_device
from localrank_transformers.engines.torch.pointwise.causal import CausalEngine
from localrank_transformers.engines.torch.settings import TorchSettings
from localrank_transformers.exporting.torch.encoder import save_graph
from localrank_transformers.families.detection import causal_template
from localrank_transformers.families.generative.templates import TEMPLATES
from localrank_transformers.models.folder.exported import ExportedGraph
from localrank_transformers.models.folder.settings_files import SettingsFiles

__all__ = ["write_prompt_graph"]


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
