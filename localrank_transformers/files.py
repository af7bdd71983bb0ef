"""Where a model's files are: embedded, a folder, or a hub repository that must be fetched first."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from localrank.contract.errors import InvalidRequestError, ModelLoadError
from localrank.providers.registry import unknown_model
from localrank_transformers import bundled
from localrank_transformers.catalogue import CatalogueEntry, known_names, lookup
from localrank_transformers.cpu_features import cpu_features
from localrank_transformers.download import ShouldStop, never
from localrank_transformers.hub_models import FetchedModel, fetch_onnx_model, fetch_torch_model
from localrank_transformers.hub_repository import HubSource
from localrank_transformers.onnx_choice import Precision, choose_onnx
from localrank_transformers.safety import check_onnx, check_size

__all__ = ["Location", "ModelFiles", "Precision", "fetch_onnx", "fetch_torch", "locate", "read_files"]

_NODES_AT_MOST = 8 << 20
_DYNAMIC_OPERATOR = b"DynamicQuantizeLinear"


@dataclass(frozen=True, slots=True)
class Location:
    """Where a model is to be found.

    Attributes:
        model_id: The name that results carry.
        folder: A folder on disk; None for an embedded model, and for one of the hub.
        hub: Where on the hub it is; None for an embedded model or a plain folder.
    """

    model_id: str
    folder: Path | None
    hub: HubSource | None = None


@dataclass(frozen=True, slots=True, repr=False)
class ModelFiles:
    """What a cross-encoder is loaded from.

    Attributes:
        config: `config.json`.
        tokenizer_config: `tokenizer_config.json`, empty where there is none.
        tokenizer_json: The content of `tokenizer.json`.
        onnx: The graph: a path (external data lies beside it), or its bytes.
        dynamic_int8: Whether activations are quantized at run time, so that a padded batch would couple its documents.
    """

    config: dict[str, Any]
    tokenizer_config: dict[str, Any]
    tokenizer_json: bytes
    onnx: Path | bytes
    dynamic_int8: bool


def locate(
    model: str | Path | None,
    *,
    revision: str | None = None,
    cache_dir: str | Path | None = None,
    offline: bool | None = None,
) -> Location:
    """Return where `model` lies: None or an embedded name, a folder, an alias or a hub id.

    Nothing is read, and nothing is fetched.

    Args:
        model: The name, or a folder.
        revision: The branch, tag or commit of a hub model.
        cache_dir: The hub cache of a hub model.
        offline: Whether a hub model may not be fetched; None leaves it to HF_HUB_OFFLINE.

    Raises:
        UnknownModelError: Neither a folder nor a known name; near names are offered.
        ModelLoadError: A folder that does not exist.
        InvalidRequestError: A hub id or a revision that cannot be one.
    """
    if model is None:
        return Location(bundled.DEFAULT_MODEL, None)
    name = str(model)
    if isinstance(model, str) and name in bundled.bundled_names():
        return Location(name, None)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return Location(folder.resolve().name, folder)
    if isinstance(model, Path) or name.startswith((".", "/", "~")):
        raise ModelLoadError(
            f"There is no folder {name!r}.",
            hint="Pass a folder with config.json, tokenizer.json and an ONNX file.",
        )
    entry = lookup(name)
    if entry is not None and entry.bundled is not None:
        return Location(entry.name, None)
    if entry is None and name.count("/") != 1:
        raise unknown_model("model", name, [*bundled.bundled_names(), *known_names()])
    repo_id = _repository(name.strip(), entry)
    cache = None if cache_dir is None else Path(cache_dir)
    return Location(repo_id, None, HubSource(repo_id, revision, cache, offline))


def _repository(name: str, entry: CatalogueEntry | None) -> str:
    """Return the repository of a short name; a hub id stands for itself, also where others keep the same weights."""
    if entry is None or entry.hub_id is None:
        return name
    return name if "/" in name and name.lower() != entry.hub_id.lower() else entry.hub_id


def fetch_onnx(
    location: Location,
    precisions: Sequence[Precision] = ("auto",),
    should_stop: ShouldStop = never,
    *,
    update: bool = False,
) -> Location:
    """Return a location whose files are on this machine, all of one commit, fetching what a model of the hub lacks.

    Args:
        location: Where the model is.
        precisions: The graphs that are needed.
        should_stop: Polled while files are fetched.
        update: Take the newest commit although one is recorded.

    Raises:
        ModelLoadError: A file cannot be had, or is refused.
        RerankAbortedError: `should_stop` became true; a later call continues.
    """
    for precision in precisions:
        if location.hub is not None:
            commit = _fetched(location.hub, precision, should_stop, update=update).commit
            location = replace(location, hub=replace(location.hub, revision=commit))
    return location


def fetch_torch(location: Location, should_stop: ShouldStop = never, *, update: bool = False) -> Path | None:
    """Return the folder with what torch needs of a model, fetching what a model of the hub lacks; None for an embedded model.

    Raises:
        ModelLoadError: A file cannot be had, or is refused; pickled weights always are.
        RerankAbortedError: `should_stop` became true; a later call continues.
    """
    if location.hub is None:
        return location.folder
    return fetch_torch_model(location.hub, should_stop=should_stop, update=update).folder


def _fetched(
    hub: HubSource, precision: Precision, should_stop: ShouldStop = never, *, update: bool = False
) -> FetchedModel:
    known = _known_files(hub.repo_id, lookup(hub.repo_id))
    return fetch_onnx_model(hub, precision, known=known, should_stop=should_stop, update=update)


def _known_files(repo_id: str, entry: CatalogueEntry | None) -> Mapping[str, str] | None:
    """Return the catalogue's ONNX files; empty for another repository of the same weights, which has its own layout."""
    if entry is None:
        return None
    return entry.onnx_files if entry.hub_id is not None and entry.hub_id.lower() == repo_id.lower() else {}


def read_files(location: Location, precision: Precision) -> ModelFiles:
    """Read what loading needs; the ONNX file of a folder is checked, not read.

    Args:
        location: Where the files are; a hub model that is not here is fetched.
        precision: `auto` means int8 for an embedded model, the int8 of this processor for a model of the catalogue where its
            repository ships one, and fp32 for a folder or any other repository.

    Raises:
        ModelLoadError: A file is missing, damaged, not what its name says, or points outside its folder.
    """
    if location.hub is not None:
        fetched = _fetched(location.hub, precision)
        return _of_folder(fetched.folder, fetched.folder / fetched.onnx, root=location.hub.store().root)
    if location.folder is None:
        return _embedded(location.model_id, precision)
    return _of_folder(location.folder, _pick(location.folder, precision), root=_root(location.folder))


def _of_folder(folder: Path, onnx: Path, *, root: Path) -> ModelFiles:
    check_onnx(onnx, root=root)
    return ModelFiles(
        config=_parsed(_content(folder, "config.json"), "config.json"),
        tokenizer_config=_optional(folder, "tokenizer_config.json"),
        tokenizer_json=_content(folder, "tokenizer.json"),
        onnx=onnx,
        dynamic_int8=_is_dynamic(onnx),
    )


def _root(folder: Path) -> Path:
    """Return what links may not leave: the folder, or its repository where it is a snapshot in a hub cache."""
    is_snapshot = folder.parent.name == "snapshots" and folder.parent.parent.name.startswith("models--")
    return folder.parent.parent if is_snapshot else folder


def _embedded(name: str, precision: Precision) -> ModelFiles:
    if precision == "fp32":
        raise ModelLoadError(
            f"The embedded model {name} comes in int8 only.",
            hint="Leave precision out, or pass a folder that holds onnx/model.onnx.",
        )
    return ModelFiles(
        config=_parsed(bundled.read_file(name, "config.json"), "config.json"),
        tokenizer_config=_parsed(bundled.read_file(name, "tokenizer_config.json"), "tokenizer_config.json"),
        tokenizer_json=bundled.read_file(name, "tokenizer.json"),
        onnx=bundled.read_model(name, "onnx/model_int8.onnx"),
        dynamic_int8=True,
    )


def _pick(folder: Path, precision: Precision) -> Path:
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.onnx"))
    chosen = choose_onnx(found, precision, features=cpu_features())
    if chosen is not None:
        return folder / chosen
    has = f"it holds {', '.join(found[:5])}" if found else "it holds no ONNX file"
    raise ModelLoadError(
        f"The folder {str(folder)!r} has no ONNX file for precision={precision!r}: {has}.",
        hint="Expected onnx/model.onnx or model.onnx, and for int8 onnx/model_int8.onnx or onnx/model_quantized.onnx.",
    )


def _content(folder: Path, name: str) -> bytes:
    try:
        check_size(name, (folder / name).stat().st_size)
        return (folder / name).read_bytes()
    except OSError as error:
        raise ModelLoadError(
            f"The folder {str(folder)!r} has no readable {name}.",
            hint="Pass a folder in the Hugging Face layout: config.json, tokenizer.json and onnx/model.onnx.",
        ) from error


def _optional(folder: Path, name: str) -> dict[str, Any]:
    return _parsed(_content(folder, name), name) if (folder / name).is_file() else {}


def _parsed(content: bytes, name: str) -> dict[str, Any]:
    try:
        parsed = json.loads(content)
    except ValueError as error:
        raise ModelLoadError(f"{name} is no valid JSON: {error}.") from error
    if not isinstance(parsed, dict):
        raise ModelLoadError(f"{name} holds a {type(parsed).__name__} instead of an object.")
    return parsed


def _is_dynamic(onnx: Path) -> bool:
    """Whether the graph quantizes at run time; its nodes are stored before its weights, so the beginning tells."""
    with onnx.open("rb") as stream:
        return _DYNAMIC_OPERATOR in stream.read(_NODES_AT_MOST)


def check_precision(precision: str) -> Precision:
    """Return `precision` if it is one.

    Raises:
        InvalidRequestError: It is not.
    """
    if precision not in {"auto", "fp32", "int8"}:
        raise InvalidRequestError(
            f"precision is {precision!r}.", hint='Pass "auto", "fp32", "int8" or "refined".'
        )
    return precision  # type: ignore[return-value]  # checked above
