"""A model in memory: family, engine and what scores mean, made from files in one place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import wait
from typing import TYPE_CHECKING

from localrank.providers.beside import begin
from localrank_transformers.call.call import PointwiseModel
from localrank_transformers.call.passes import Cores
from localrank_transformers.engines.choice import open_engine
from localrank_transformers.engines.native.engine import NativeEngine
from localrank_transformers.engines.native.maxsim import fastest_compare
from localrank_transformers.engines.native.pieces import fastest_finder
from localrank_transformers.models.folder.shape import pad_id

if TYPE_CHECKING:
    from localrank.contract.types import RerankWarning
    from localrank_transformers.call.contract import Engine
    from localrank_transformers.call.scheduler import Scheduler
    from localrank_transformers.models.catalogue.entries import CatalogueEntry
    from localrank_transformers.models.folder.model_files import ModelFiles
    from localrank_transformers.rerankers.onnx_settings import OnnxSettings

__all__ = ["load"]


def load(
    files: Sequence[ModelFiles],
    settings: OnnxSettings,
    entry: CatalogueEntry | None,
    scheduler: Scheduler,
    notices: list[RerankWarning],
) -> PointwiseModel:
    """Make the engine of each graph, and the family that they share.

    Args:
        files: What `settings.graphs` names: the model's, and with the precision `refined` that of float32 too.
        settings: What the constructor was asked for.
        entry: What the catalogue says of the model.
        scheduler: Where its units will run.
        notices: Where warnings go that its graphs give rise to.

    Raises:
        ModelLoadError: A graph is damaged or unsupported.
        InvalidRequestError: A setting that this model cannot meet.
    """
    # An engine takes as long to make as a tokenizer to import and read, and a core each.
    made = begin(lambda: [_engine(graph, settings) for graph in files], name="localrank-load")
    try:
        from localrank_transformers.families.opening import open_family  # noqa: PLC0415  # now that the engine is begun

        family = open_family(
            files[0],
            max_length=settings.max_length,
            affordable=entry.default_length if entry else None,
            instruction=settings.instruction,
            keeping=settings.keeping,
            compare=fastest_compare if _packs(files, settings) else None,
            finder=fastest_finder(),
        )
    finally:
        wait([made])
    engines = made.result()
    engine, *exact = engines
    notices += _remarks(files, engines, settings)
    return PointwiseModel(
        "onnx",
        family,
        engine,
        settings.activation or family.activation,
        Cores(scheduler, settings.threads),
        exact=exact[0] if exact else None,
    )


def _packs(files: Sequence[ModelFiles], settings: OnnxSettings) -> bool:
    """Whether token vectors are compared packed: those that int8 gave lose nothing by it, and what is known is kept so."""
    return bool(settings.keeping) or (len(files) == 1 and files[0].int8)


def _remarks(
    files: Sequence[ModelFiles], engines: Sequence[Engine], settings: OnnxSettings
) -> Iterator[RerankWarning]:
    """What ONNX Runtime does to int8 on this processor, said once."""
    if settings.execution_providers not in {None, ("CPUExecutionProvider",)}:
        return
    for graph, engine in zip(files, engines, strict=True):
        if graph.int8 and not isinstance(engine, NativeEngine):
            from localrank_transformers.engines.onnx.saturation import cut_sums  # noqa: PLC0415  # never on the kernels

            warning = cut_sums(graph.onnx, is_chosen=settings.execution_providers is not None)
            if warning is not None:
                yield warning


def _engine(files: ModelFiles, settings: OnnxSettings) -> Engine:
    files.check()
    return open_engine(
        files.onnx,
        pad_id=pad_id(files.config),
        int8=files.int8,
        execution_providers=settings.execution_providers,
        is_kept=files.is_kept,
    )
