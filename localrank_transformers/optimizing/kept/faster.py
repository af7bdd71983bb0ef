"""A faster graph in the place of an exported one: from the store, or made once; else the graph as it is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from localrank.contract.errors import ModelLoadError
from localrank.contract.texts import first_line
from localrank_transformers.models.folder.model_files import ModelFiles
from localrank_transformers.models.folder.safety.graphs import onnx_siblings
from localrank_transformers.models.onnx_file.producer import is_ours
from localrank_transformers.optimizing.kept.store import GraphStore, open_store
from localrank_transformers.optimizing.record import GraphRecord

if TYPE_CHECKING:
    from localrank_transformers.optimizing.making import Step
    from localrank_transformers.optimizing.sample_texts import Candidates

__all__ = ["faster", "int8_of", "make_ahead"]

INSTALL_HINT = 'pip install "localrank[optimize]"'

KINDS = frozenset({"bert", "electra", "roberta", "xlm-roberta"})

LARGEST_MB = 600
"""Weights beyond this are left alone at a load: they are held in memory up to six times while a graph is written."""

_log = logging.getLogger("localrank.steps")


def faster(files: ModelFiles) -> ModelFiles:
    """Return `files` with the exact float32 graph that computes the last layer for the first token only.

    The graph comes from the store, or is made and kept there. Where it cannot be made or kept, or would not give the model's
    own logits, `files` are returned as they are.
    """
    if not _is_candidate(files):
        return files
    try:
        store = open_store(_path(files), files.config)
    except OSError:
        return files
    graph = store.graph("fp32")
    if graph is None:
        if store.refusal is not None or _is_large(files) or not _can_make(store):
            return files
        graph = _made(files, store)
    return files if graph is None else replace(files, onnx=graph, is_kept=True)


def int8_of(files: ModelFiles) -> ModelFiles:
    """Return `files`, whose graph is float32, with an int8 graph of the same weights, from the store or made now.

    Raises:
        ModelLoadError: None can be made; says why and what to do.
    """
    if not _is_candidate(files, also_ours=True):
        raise _no_int8("its architecture or its graph is none of those that int8 is made of")
    store = open_store(_path(files), files.config)
    graph: Path | bytes | None = store.graph("int8")
    if graph is None:
        if find_spec("onnx") is None:
            raise _no_int8("making it needs the package onnx", INSTALL_HINT)
        if _is_large(files):
            raise _no_int8(f"its weights take more than {LARGEST_MB} MB")
        graph = _made_int8(files, store)
    return replace(files, onnx=graph, int8=True, is_kept=True)


def make_ahead(files: ModelFiles, candidates: Sequence[Candidates], on_step: Step) -> list[GraphRecord]:
    """Make the graphs of every precision now and keep them, whatever the size; return their records.

    Raises:
        ModelLoadError: The graph is of no known form, what was written is not exact, or the store cannot be written.
        MissingDependencyError: The extra `optimize` is not installed.
    """
    from localrank_transformers.optimizing.making import make_graph  # noqa: PLC0415  # needs numpy, and onnx

    if not _is_candidate(files, also_ours=True):
        raise ModelLoadError(
            "The model's graph is none that can be optimized.",
            hint=f"A float32 graph of a cross-encoder of the types {', '.join(sorted(KINDS))} can. It runs as it is.",
        )
    store, records = open_store(_path(files), files.config), []
    for precision in ("fp32", "int8"):
        content, record = make_graph(files, precision, candidates=candidates, on_step=on_step)
        try:
            store.keep(precision, content, record)
        except OSError as error:
            raise ModelLoadError(
                f"The folder {str(store.folder)!r} cannot be written: {error.strerror}.",
                hint="Set LOCALRANK_CACHE to another folder, or pass --out.",
            ) from error
        records.append(record)
    return records


def _is_candidate(files: ModelFiles, *, also_ours: bool = False) -> bool:
    """Whether `files` are of a kind that a faster graph may be made of: a float32 file that another exporter wrote."""
    if not isinstance(files.onnx, Path) or files.int8 or files.exported or files.late:
        return False
    if files.config.get("model_type") not in KINDS:
        return False
    return also_ours or not is_ours(files.onnx)


def _is_large(files: ModelFiles) -> bool:
    path = _path(files)
    names = (path.name, *onnx_siblings(path))
    return sum((path.parent / name).stat().st_size for name in names) > LARGEST_MB * 1_000_000


def _can_make(store: GraphStore) -> bool:
    if find_spec("onnx") is None:
        _log.info("the exported graph runs as it is; %s would make it faster", INSTALL_HINT)
        return False
    return store.is_writable


def _made(files: ModelFiles, store: GraphStore) -> Path | None:
    from localrank_transformers.optimizing.making import make_graph  # noqa: PLC0415  # once a model

    try:
        content, record = make_graph(files, "fp32", on_step=_step(files))
    except Exception as error:  # whatever a foreign graph holds, it still runs as it is
        reason = error.message if isinstance(error, ModelLoadError) else f"{type(error).__name__}: {error}"
        _log.info("the exported graph runs as it is: %s", reason)
        store.refuse(reason)
        return None
    try:
        return store.keep("fp32", content, record)
    except OSError:
        return None


def _made_int8(files: ModelFiles, store: GraphStore) -> Path | bytes:
    from localrank_transformers.optimizing.making import make_graph  # noqa: PLC0415  # once a model

    try:
        content, record = make_graph(files, "int8", on_step=_step(files))
    except ModelLoadError as error:
        raise _no_int8(error.message) from error
    except Exception as error:
        raise _no_int8(f"{type(error).__name__}: {first_line(error)}") from error
    try:
        return store.keep("int8", content, record)
    except OSError:
        return content


def _step(files: ModelFiles) -> Callable[[str], None]:
    name = _path(files).name
    return lambda step: _log.info("%s, once: %s", name, step)


def _path(files: ModelFiles) -> Path:
    assert isinstance(files.onnx, Path)
    return files.onnx


def _no_int8(reason: str, hint: str | None = None) -> ModelLoadError:
    return ModelLoadError(
        f"The model ships no int8 graph, and none can be made of its float32 graph: {reason}.",
        hint=hint
        or 'Pass precision="fp32", or write one with `localrank models optimize FOLDER --calibrate FILE` or, from the weights, '
        "`localrank models export NAME --precision int8`.",
    )
