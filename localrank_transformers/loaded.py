"""A model in memory: family, engine and what scores mean, made from files in one place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

from localrank_transformers.catalogue import CatalogueEntry
from localrank_transformers.engines.onnx import OnnxEngine
from localrank_transformers.files import Location, ModelFiles, Precision
from localrank_transformers.onnx_families import open_family
from localrank_transformers.onnx_family import OnnxFamily
from localrank_transformers.ready_files import read_ready, runs_faster
from localrank_transformers.scheduler import Scheduler
from localrank_transformers.scoring import Activation

__all__ = ["LoadSettings", "LoadedModel", "load", "load_files"]


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """What the constructor was asked for; see `OnnxReranker`."""

    precision: Precision | Literal["refined"] = "auto"
    max_length: int | None = None
    threads: int | None = None
    execution_providers: tuple[str, ...] | None = None
    activation: Activation | None = None
    instruction: str | None = None
    optimize: bool = True


@dataclass(frozen=True, slots=True, repr=False)
class LoadedModel:
    """What a call needs.

    Attributes:
        family: Reads queries and documents, and makes logits of what the engine gives.
        engine: Computes.
        exact: Computes them again in float32 for the best documents, with the precision `refined`; otherwise None.
        activation: Turns a logit into a score.
        threads: Units of one call at once; None means every worker.
        scheduler: Where the units run; its workers live as long as this model is held.
    """

    family: OnnxFamily
    engine: OnnxEngine
    exact: OnnxEngine | None
    activation: Activation
    threads: int | None
    scheduler: Scheduler

    def settle(self) -> None:
        """Wait until nothing is made in the background."""
        for engine in (self.engine, self.exact):
            if engine is not None:
                engine.settle()


def load(
    location: Location, settings: LoadSettings, entry: CatalogueEntry | None, scheduler: Scheduler
) -> LoadedModel:
    """Read the files and make the session.

    Raises:
        ModelLoadError: A file is missing, damaged or unsupported.
        InvalidRequestError: A setting that this model cannot meet.
    """
    optimize = runs_faster(settings.execution_providers, optimize=settings.optimize)
    read = partial(read_ready, location, optimize=optimize)
    if settings.precision == "refined":
        return load_files(read("int8"), read("fp32"), settings, entry, scheduler)
    return load_files(read(settings.precision), None, settings, entry, scheduler)


def load_files(
    files: ModelFiles,
    exact: ModelFiles | None,
    settings: LoadSettings,
    entry: CatalogueEntry | None,
    scheduler: Scheduler,
) -> LoadedModel:
    """Make the session of `files`, and of the float32 graph `exact` that scores the best again.

    Raises:
        ModelLoadError: The graph is damaged or unsupported.
        InvalidRequestError: A setting that this model cannot meet.
    """
    family = open_family(
        files,
        max_length=settings.max_length,
        affordable=entry.default_length if entry else None,
        instruction=settings.instruction,
    )
    return LoadedModel(
        family=family,
        engine=_engine(files, settings),
        exact=None if exact is None else _engine(exact, settings),
        activation=settings.activation or family.activation,
        threads=settings.threads,
        scheduler=scheduler,
    )


def _engine(files: ModelFiles, settings: LoadSettings) -> OnnxEngine:
    files.check()
    return OnnxEngine(
        files.onnx,
        pad_id=int(files.config.get("pad_token_id") or 0),
        int8=files.int8,
        execution_providers=settings.execution_providers,
    )
