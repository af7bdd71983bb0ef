"""A model in memory: family, engine and what scores mean, made from files in one place."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localrank_transformers.engines.onnx import OnnxEngine

if TYPE_CHECKING:
    from localrank_transformers.activation import Activation
    from localrank_transformers.catalogue import CatalogueEntry
    from localrank_transformers.model_files import ModelFiles
    from localrank_transformers.onnx_family import OnnxFamily
    from localrank_transformers.onnx_settings import OnnxSettings
    from localrank_transformers.scheduler import Scheduler

__all__ = ["LoadedModel", "load"]


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
    files: ModelFiles,
    exact: ModelFiles | None,
    settings: OnnxSettings,
    entry: CatalogueEntry | None,
    scheduler: Scheduler,
) -> LoadedModel:
    """Make the session of `files`, and of the float32 graph `exact` that scores the best again.

    Raises:
        ModelLoadError: The graph is damaged or unsupported.
        InvalidRequestError: A setting that this model cannot meet.
    """
    # A session takes as long to make as a tokenizer to import and read, and a core each.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="localrank-load") as beside:
        engines = [beside.submit(_engine, one, settings) for one in (files, exact) if one is not None]
        from localrank_transformers.onnx_families import open_family  # noqa: PLC0415  # now that the session is begun

        family = open_family(
            files,
            max_length=settings.max_length,
            affordable=entry.default_length if entry else None,
            instruction=settings.instruction,
            document_cache_mb=settings.document_cache_mb,
        )
        engine, *again = [made.result() for made in engines]
    return LoadedModel(
        family=family,
        engine=engine,
        exact=again[0] if again else None,
        activation=settings.activation or family.activation,
        threads=settings.threads,
        scheduler=scheduler,
    )


def _engine(files: ModelFiles, settings: OnnxSettings) -> OnnxEngine:
    files.check()
    return OnnxEngine(
        files.onnx,
        pad_id=int(files.config.get("pad_token_id") or 0),
        int8=files.int8,
        execution_providers=settings.execution_providers,
    )
