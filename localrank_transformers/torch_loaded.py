"""A model on torch in memory: device, lock and family, made from a folder in one place."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from localrank.contract.errors import MissingDependencyError
from localrank.contract.model import DoRerankOptions, DoRerankResult
from localrank_transformers.families.declared import declared_activation
from localrank_transformers.families.detection import detect
from localrank_transformers.torch_files import TorchFiles
from localrank_transformers.torch_settings import INSTALL_HINT, TorchSettings
from localrank_transformers.torch_watch import Watch

__all__ = ["TorchFamily", "TorchLoaded", "load_torch"]


class TorchFamily(Protocol):
    """What a loaded model of any family can do."""

    def rank(self, options: DoRerankOptions, watch: Watch) -> DoRerankResult:
        """Rank one request in the calling thread, which holds the model's lock.

        Every pass runs under `TorchRuntime.run`, so that it is left when `watch` says so; an incomplete ranking is then
        returned, and thrown away where the call was aborted.
        """
        ...


@dataclass(frozen=True, slots=True, repr=False)
class TorchLoaded:
    """What a call needs.

    Attributes:
        family: Ranks.
        runtime: The device (`engines.torch.runtime.TorchRuntime`).
        chosen: What the settings came to, for the result's metadata.
        lock: Held by the one call that computes.
    """

    family: TorchFamily
    runtime: Any
    chosen: Mapping[str, Any]
    lock: threading.Lock


def load_torch(files: TorchFiles, settings: TorchSettings, affordable: int | None = None) -> TorchLoaded:
    """Import torch, choose the device and load the model of its family.

    Args:
        files: What the files say.
        settings: The constructor's arguments, family and prompt filled in where the catalogue knows them.
        affordable: The catalogue's default window.

    Raises:
        MissingDependencyError: torch cannot be imported.
        InvalidRequestError: The device is absent, or a setting does not fit the model.
        ModelLoadError: The files are damaged, incomplete or of no known family.
    """
    kind = detect(files, settings.family)
    try:
        from localrank_transformers.engines.torch import build  # noqa: PLC0415  # torch comes with it
    except ImportError as error:
        raise MissingDependencyError(f"torch cannot be imported: {error}", hint=INSTALL_HINT) from error
    runtime = build.runtime(settings)
    family = build.family(kind, files, settings, runtime, affordable=affordable)
    placement = runtime.placement
    chosen = {
        "device": str(placement.device),
        "device_name": placement.device_name,
        "dtype": placement.dtype_name,
        "attention": (runtime.attention or "own").removeprefix("localrank_"),
        "family": kind,
        "declared_activation": declared_activation(
            files.config, files.json("config_sentence_transformers.json")
        ),
    }
    return TorchLoaded(family, runtime, chosen, threading.Lock())
