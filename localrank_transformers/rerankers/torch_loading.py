"""A model on torch in memory, made from its files in one place."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

from localrank.contract.errors import MissingDependencyError
from localrank.providers.forking import wait_before_others
from localrank_transformers.engines.torch.settings import INSTALL_HINT, TorchSettings
from localrank_transformers.families.detection import detect
from localrank_transformers.models.folder.settings_files import SettingsFiles

if TYPE_CHECKING:
    from localrank_transformers.call.call import PointwiseModel
    from localrank_transformers.engines.torch.listwise.ordering import ListwiseModel

__all__ = ["load_torch"]


def load_torch(
    files: SettingsFiles, settings: TorchSettings, affordable: int | None = None
) -> PointwiseModel | ListwiseModel:
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
    family = detect(files, settings.family)
    _import_what_stops_forks()
    try:
        from localrank_transformers.engines.torch import opening  # noqa: PLC0415  # torch comes with it
    except ImportError as error:
        raise MissingDependencyError(f"torch cannot be imported: {error}", hint=INSTALL_HINT) from error
    return opening.open_model(family, files, settings, affordable=affordable)


def _import_what_stops_forks() -> None:
    """Import now what transformers will: modules whose hooks stop all threads at a fork, this one too."""
    for name in ("concurrent.futures.thread", "filelock"):
        with suppress(ImportError):
            import_module(name)
    wait_before_others()
