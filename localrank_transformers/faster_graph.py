"""A faster graph in the place of an exported one: from the store, or made once; else the graph as it is."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from localrank.contract.errors import ModelLoadError
from localrank_transformers.graph_store import GraphStore, open_store
from localrank_transformers.model_files import ModelFiles

__all__ = ["INSTALL_HINT", "faster", "int8_of", "is_candidate", "refusal"]

INSTALL_HINT = 'pip install "localrank[optimize]"'

KINDS = frozenset({"bert", "electra", "roberta", "xlm-roberta"})

LARGEST_MB = 600
"""Weights beyond this are left alone at a load: they are held in memory up to six times while a graph is written."""

_OURS = b"localrank"
_PRODUCER_WITHIN = 64

_log = logging.getLogger("localrank.graphs")


def faster(files: ModelFiles) -> ModelFiles:
    """Return `files` with the exact float32 graph that computes the last layer for the first token only.

    The graph comes from the store, or is made and kept there. Where it cannot be made or kept, or would not give the model's
    own logits, `files` are returned as they are.
    """
    if not is_candidate(files):
        return files
    try:
        store = open_store(_path(files), files.config)
    except OSError:
        return files
    found = store.graph("fp32")
    if found is None:
        if store.refusal is not None or not _can_make(store):
            return files
        found = _made(files, store)
    return files if found is None else replace(files, onnx=found)


def int8_of(files: ModelFiles) -> ModelFiles:
    """Return `files`, whose graph is float32, with an int8 graph of the same weights, from the store or made now.

    Raises:
        ModelLoadError: None can be made; says why and what to do.
    """
    if not is_candidate(files, also_ours=True):
        raise _no_int8("its architecture or its graph is none of those that int8 is made of")
    store = open_store(_path(files), files.config)
    found: Path | bytes | None = store.graph("int8")
    if found is None:
        if find_spec("onnx") is None:
            raise _no_int8("making it needs the package onnx", INSTALL_HINT)
        found = _made_int8(files, store)
    return replace(files, onnx=found, dynamic_int8=True)


def is_candidate(files: ModelFiles, *, also_ours: bool = False) -> bool:
    """Whether `files` are of a kind that a faster graph may be made of: a float32 file that another exporter wrote."""
    if not isinstance(files.onnx, Path) or files.dynamic_int8 or files.exported or files.late:
        return False
    if files.config.get("model_type") not in KINDS:
        return False
    try:
        size = sum(one.stat().st_size for one in files.onnx.parent.glob(f"{files.onnx.name}*"))
        with files.onnx.open("rb") as stream:
            ours = _OURS in stream.read(_PRODUCER_WITHIN)
    except OSError:
        return False
    return size <= LARGEST_MB * 1_000_000 and (also_ours or not ours)


def refusal(files: ModelFiles) -> str | None:
    """Return why no faster graph could be made of `files`, once that has been tried."""
    return open_store(_path(files), files.config).refusal if is_candidate(files) else None


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
        raise _no_int8(f"{type(error).__name__}: {str(error)[:200]}") from error
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
        or 'Pass precision="fp32", or write one with `localrank models optimize FOLDER --calibrate FILE`.',
    )
