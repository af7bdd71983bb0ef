"""A model's files as they are loaded: with the faster graph that stands for an exported one, unless that is not wanted."""

from __future__ import annotations

from collections.abc import Sequence

from localrank.providers.loading import ShouldStop
from localrank_transformers.models.folder.model_files import MissingGraphError
from localrank_transformers.models.location import Location, ModelFiles, Precision, fetch_onnx, read_files

__all__ = ["fetch_ready", "read_ready"]


def fetch_ready(
    location: Location, precisions: Sequence[Precision], should_stop: ShouldStop, *, optimize: bool
) -> Location:
    """Return a location whose files are on this machine; where it has no int8 graph, float32 to make one of.

    Raises:
        ModelLoadError: A file cannot be had, or is refused.
        RerankAbortedError: `should_stop` became true; a later call continues.
    """
    try:
        return fetch_onnx(location, precisions, should_stop)
    except MissingGraphError:
        if not optimize or "int8" not in precisions:
            raise
        return fetch_onnx(location, ("fp32",), should_stop)


def read_ready(location: Location, precision: Precision, *, optimize: bool) -> ModelFiles:
    """Read what loading needs, as `read_files` does, with a faster graph where one can be had.

    Raises:
        ModelLoadError: A file is missing or damaged, or there is no int8 graph and none can be made.
    """
    if location.is_embedded:
        return read_files(location, precision)
    # The embedded model has its graph already, and is to be there at once.
    from localrank_transformers.optimizing.kept.faster import faster, int8_of  # noqa: PLC0415

    try:
        files = read_files(location, precision)
    except MissingGraphError:
        if not optimize or precision != "int8":
            raise
        return int8_of(read_files(location, "fp32"))
    return faster(files) if optimize and precision in {"auto", "fp32"} else files
