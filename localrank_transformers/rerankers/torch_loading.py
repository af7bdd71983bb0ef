"""A model on torch in memory: device, lock and family, made from a folder in one place."""

from __future__ import annotations

import threading

from localrank.contract.errors import MissingDependencyError
from localrank_transformers.call.contract import TorchLoaded
from localrank_transformers.engines.torch.settings import INSTALL_HINT, TorchSettings
from localrank_transformers.families.detection import detect
from localrank_transformers.models.folder.settings_files import TorchFiles
from localrank_transformers.models.folder.shape import declared_activation

__all__ = ["load_torch"]


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
        from localrank_transformers.engines.torch import opening as build  # noqa: PLC0415  # torch comes with it
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
