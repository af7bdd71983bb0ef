"""Cross-encoders in torch: padded pairs in, one or two logits a pair out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from localrank_transformers.engines.torch.classifier import classifier_module
from localrank_transformers.engines.torch.packed import PackedEngine
from localrank_transformers.engines.torch.runtime import TorchRuntime
from localrank_transformers.engines.torch.segments import reads_segments
from localrank_transformers.families.cross_encoder import positions
from localrank_transformers.tokenization import Row
from localrank_transformers.torch_settings import TorchSettings

__all__ = ["EncoderEngine", "encoder_engine", "load_classifier"]


class EncoderEngine:
    """A module that maps `input_ids`, `attention_mask` and perhaps `token_type_ids` to logits.

    Args:
        module: Returns logits, or an output that has them; its `config` is transformers'.
        runtime: The device.
        compile_module: Whether to compile it; a pass is then left only between batches.
    """

    def __init__(self, module: Any, runtime: TorchRuntime, *, compile_module: bool = False) -> None:
        self.config: dict[str, Any] = module.config.to_dict()
        self._reads_types = reads_segments(module)
        self._pad_id = int(module.config.pad_token_id or 0)
        self._limit = positions(self.config)
        self._runtime = runtime
        if compile_module:
            self._module = torch.compile(runtime.adopt(module, with_hooks=False), dynamic=True)
        else:
            self._module = runtime.adopt(module)

    def logits(self, rows: Sequence[Row]) -> npt.NDArray[Any]:
        """Return the logits of `rows`, shape (rows, labels).

        Raises:
            StoppedError: The pass was left.
            OutOfMemoryError: The device had no room.
            InferenceError: torch failed.
        """
        ids = [row.ids for row in rows]
        padded = partial(self._runtime.padded, limit=self._limit)
        feed = {
            "input_ids": padded(ids, fill=self._pad_id),
            "attention_mask": padded([np.ones_like(row) for row in ids], fill=0),
        }
        if self._reads_types:
            feed["token_type_ids"] = padded([row.types for row in rows], fill=0)

        def forward() -> npt.NDArray[Any]:
            output = self._module(**{name: self._runtime.tensor(table) for name, table in feed.items()})
            return self._runtime.numbers(getattr(output, "logits", output))

        return self._runtime.run(forward)


def encoder_engine(
    module: Any, runtime: TorchRuntime, settings: TorchSettings
) -> EncoderEngine | PackedEngine:
    """Return the engine for a loaded `module`: packed where it was loaded so."""
    if settings.attention == "packed":
        return PackedEngine(module, runtime)
    return EncoderEngine(module, runtime, compile_module=settings.compile)


def load_classifier(
    folder: Path, runtime: TorchRuntime, settings: TorchSettings
) -> EncoderEngine | PackedEngine:
    """Return the sequence-classification model in `folder`.

    Raises:
        ModelLoadError: transformers cannot load it, or its head is missing.
    """
    return encoder_engine(classifier_module(folder, runtime.placement, settings), runtime, settings)
