"""A model's folder read: configuration, tokenizer, what it says of itself, and the graph for a precision."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

from localrank_transformers.models.cpu_features import cpu_features
from localrank_transformers.models.folder.exported import (
    EXPORTED_FILE,
    ExportedGraph,
    exported_graph,
    late_logit,
)
from localrank_transformers.models.folder.late_layout import LateLayout, is_late_interaction, read_late_layout
from localrank_transformers.models.folder.model_files import MissingGraphError, ModelFiles
from localrank_transformers.models.folder.safety.files import check_file, read_file, root_of
from localrank_transformers.models.folder.safety.graphs import check_onnx, fixed_width
from localrank_transformers.models.folder.settings_files import SettingsFiles, read_settings_files
from localrank_transformers.models.folder.stated.settings import Settings
from localrank_transformers.models.graph_choice import Precision, choose_onnx

__all__ = [
    "exported_of",
    "folder_activation",
    "late_layout",
    "layout_of",
    "read_folder",
    "read_settings",
    "read_snapshot",
    "reads_documents_apart",
]

_NODES_AT_MOST = 8 << 20
_ENTRIES_AT_MOST = 20_000

_INT8_OPERATORS = (b"DynamicQuantize", b"MatMulIntegerToFloat")
"""`DynamicQuantizeLinear`, and ONNX Runtime's own `DynamicQuantizeMatMul` and `MatMulIntegerToFloat`."""


def read_folder(folder: Path, precision: Precision) -> ModelFiles:
    """Read a model folder that a person gave.

    Raises:
        ModelLoadError: A file is missing, damaged, or points outside the folder.
    """
    root = root_of(folder.resolve())
    return read_snapshot(
        folder, _pick(folder, precision), root=root, is_kept=root.name.startswith("models--")
    )


def read_snapshot(folder: Path, onnx_name: str, *, root: Path, is_kept: bool = True) -> ModelFiles:
    """Read a folder whose graph is chosen.

    Args:
        folder: The model's folder.
        onnx_name: The graph in it.
        root: What links may not leave: the folder, or its repository's part of a hub cache.
        is_kept: See `ModelFiles`.

    Raises:
        ModelLoadError: A file is missing, damaged, or points outside `root`.
    """
    onnx = check_file(folder, onnx_name, root=root)
    check_onnx(onnx, root=root)
    files = read_settings_files(folder)
    late = layout_of(files)
    return ModelFiles(
        config=files.json(f"{late.encoder}/config.json") if late and late.encoder else files.config,
        tokenizer_config=files.tokenizer_config,
        tokenizer_json=read_file(folder, "tokenizer.json"),
        onnx=onnx,
        int8=_is_int8(onnx),
        exported=exported_of(files),
        late=late,
        pairs=files.pairs,
        width=fixed_width(onnx),
        is_kept=is_kept,
    )


def late_layout(folder: Path) -> LateLayout | None:
    """Return the layout of a late-interaction model, or None where the files prove none.

    Raises:
        ModelLoadError: A file is missing or damaged, or a module is of another kind.
    """
    return layout_of(read_settings_files(folder))


def read_settings(folder: Path) -> tuple[Settings, Settings, ExportedGraph | None]:
    """Return `config.json`, `tokenizer_config.json` (empty where there is none) and what an exported folder says of itself.

    Raises:
        ModelLoadError: A file is missing or damaged.
    """
    files = read_settings_files(folder)
    return files.config, files.tokenizer_config, exported_of(files)


def layout_of(files: SettingsFiles) -> LateLayout | None:
    """Return the layout of a late-interaction model, None for another."""
    return read_late_layout(files) if is_late_interaction(files) else None


def exported_of(files: SettingsFiles) -> ExportedGraph | None:
    """Return what an exported folder says of its graph, None for another folder."""
    return exported_graph(files.json(EXPORTED_FILE))


def folder_activation(folder: Path) -> Literal["sigmoid", "none"]:
    """Return what turns a logit of the model in `folder` into a score where the user does not say.

    Raises:
        ModelLoadError: A file is missing or damaged.
    """
    files = read_settings_files(folder)
    return "sigmoid" if layout_of(files) is None else late_logit(exported_of(files)).activation


def reads_documents_apart(folder: Path) -> bool:
    """Return whether the model in `folder` reads a document apart from its query.

    Raises:
        ModelLoadError: A file is missing or damaged.
    """
    files = read_settings_files(folder)
    exported = exported_of(files)
    return layout_of(files) is not None or (exported is not None and exported.family == "late-interaction")


def _pick(folder: Path, precision: Precision) -> str:
    found = sorted(_graphs(folder))
    chosen = choose_onnx(found, precision, features=cpu_features())
    if chosen is not None:
        return chosen
    if found:
        raise MissingGraphError(
            f"The folder {str(folder)!r} has no ONNX file for precision={precision!r}: it holds {', '.join(found[:5])}.",
            hint="Expected onnx/model.onnx or model.onnx, and for int8 onnx/model_int8.onnx or onnx/model_quantized.onnx.",
        )
    raise MissingGraphError(
        f"The folder {str(folder)!r} has no ONNX file for precision={precision!r}: it holds no ONNX file.",
        hint=_two_ways(folder),
    )


def _two_ways(folder: Path) -> str:
    """Return what to do with a folder that has no graph."""
    place = str(folder)
    if not (folder / "model.safetensors").is_file():
        return (
            "Expected onnx/model.onnx or model.onnx. From weights in model.safetensors, TorchReranker ranks, and "
            "`localrank models optimize` or `localrank models export` writes a graph."
        )
    return (
        f'It has model.safetensors: rank with TorchReranker({place!r}) (pip install "localrank[torch]"), or write a graph '
        f"once: localrank models optimize {place} (BERT, ELECTRA, RoBERTa, XLM-R) or localrank models export {place} --out NEW "
        "(the others)."
    )


def _graphs(folder: Path) -> Iterator[str]:
    """Yield the ONNX files of a folder and of those in it: no deeper, and not for long, since it may be a whole disk."""
    looked_at = 0
    below: deque[tuple[Path, str]] = deque([(folder, "")])
    while below:
        place, prefix = below.popleft()
        with (
            suppress(OSError),
            os.scandir(place) as entries,
        ):  # one that goes away or may not be read holds no graph
            for entry in entries:
                looked_at += 1
                if looked_at > _ENTRIES_AT_MOST:
                    return
                if entry.name.endswith(".onnx"):
                    yield f"{prefix}{entry.name}"
                elif not prefix and entry.is_dir():
                    below.append((place / entry.name, f"{entry.name}/"))


def _is_int8(onnx: Path) -> bool:
    """Whether products run in int8; a graph's nodes are stored before its weights, so the beginning tells."""
    with onnx.open("rb") as stream:
        beginning = stream.read(_NODES_AT_MOST)
    return any(operator in beginning for operator in _INT8_OPERATORS)
