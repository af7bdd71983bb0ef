"""Where a model's files are: embedded, a folder, or a hub repository that must be fetched first."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from localrank.contract.errors import InvalidRequestError, ModelLoadError, RerankError, UnknownModelError
from localrank.contract.texts import shortened
from localrank.providers.loading import ShouldStop, never
from localrank.providers.registry import is_path, no_name, unknown_model
from localrank_transformers.models import bundled
from localrank_transformers.models.bundled.reading import read_embedded
from localrank_transformers.models.folder.model_files import ModelFiles
from localrank_transformers.models.graph_choice import Precision

if TYPE_CHECKING:
    from localrank_transformers.models.catalogue.entries import CatalogueEntry
    from localrank_transformers.models.hub.models import FetchedModel
    from localrank_transformers.models.hub.repository import HubSource

__all__ = ["Location", "ModelFiles", "Precision", "fetch_onnx", "fetch_torch", "locate", "read_files"]

_LONGEST_PATH = 300
"""Characters of a path that a message shows: its end is what was mistyped."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
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

    @property
    def is_embedded(self) -> bool:
        """Whether the package holds the files."""
        return self.folder is None and self.hub is None


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
        MissingDependencyError: An embedded model whose package is not installed.
        ModelLoadError: A folder that does not exist, or a file.
        InvalidRequestError: An empty name, a hub id or a revision that cannot be one, or a revision of what is not on the hub.
    """
    found = _located(model, revision=revision, cache_dir=cache_dir, offline=offline)
    if revision is not None and found.hub is None:
        what = "part of the package" if found.is_embedded else "a folder"
        raise InvalidRequestError(
            f"revision is {revision!r}, and {found.model_id} is {what}, which has none.",
            hint="Leave it out, or name a model of the hub.",
        )
    return found


def _located(
    model: str | Path | None, *, revision: str | None, cache_dir: str | Path | None, offline: bool | None
) -> Location:
    if model is None:
        return Location(bundled.DEFAULT_MODEL, None)
    name = str(model)
    if not name.strip():
        raise no_name(name)
    if isinstance(model, str) and bundled.is_embedded(name):
        bundled.sums(name)  # of a package of its own it is known now whether it is there
        return Location(name, None)
    from localrank_transformers.models.catalogue.entries import known_names, lookup  # noqa: PLC0415 - not for an embedded model

    folder = _expanded(name)
    if _holds(folder.is_dir):
        return Location(folder.resolve().name or str(folder.resolve()), folder)
    entry = lookup(name)
    if entry is None and _holds(folder.is_file):
        raise ModelLoadError(
            f"{name!r} is a file, not a folder with a model.",
            hint="Pass the folder with config.json, tokenizer.json and an ONNX file.",
        )
    if isinstance(model, Path) or is_path(name) or (entry is None and _is_path(name, cache_dir)):
        raise _no_folder(name)
    if entry is not None and entry.bundled is not None:
        bundled.sums(entry.name)
        return Location(entry.name, None)
    if entry is None and name.count("/") != 1:
        raise _unknown(name, known_names())
    from localrank_transformers.models.hub.repository import HubSource  # noqa: PLC0415 - only for models of the hub

    repo_id = _repository(name.strip(), entry)
    cache = None if cache_dir is None else Path(cache_dir)
    return Location(repo_id, None, HubSource(repo_id, revision, cache, offline))


def _unknown(name: str, known: Sequence[str]) -> UnknownModelError:
    from localrank.providers.prices import known_prices  # noqa: PLC0415  # only for a name that is not known

    if any(map(str.isspace, name.strip())):
        return UnknownModelError(
            f"There is no model {shortened(name)!r}.",
            hint="A name has no blanks: the model comes before query and documents.",
        )
    remote = (f"{price.provider}:{price.model_id}" for price in known_prices())
    return unknown_model("model", name, [*bundled.bundled_names(), *known, *remote])


def _expanded(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError:  # no home folder is known, or no user of that name
        return Path(name)


def _holds(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except (OSError, ValueError):  # a name that no path can have, or a folder that may not be looked into
        return False


_PATH_ENDS = (
    ".onnx",
    ".ort",
    ".safetensors",
    ".bin",
    ".pt",
    ".pth",
    ".ckpt",
    ".gguf",
    ".ggml",
    ".json",
    ".txt",
    ".zip",
    ".tar",
    ".tgz",
    ".gz",
    ".onnx_data",
    ".data",
    ".model",
    ".h5",
)
_NO_OWNERS = frozenset({"models", "datasets", "spaces", "docs", "api"})
"""Pages of the hub, which can own no repository."""


def _is_path(name: str, cache_dir: str | Path | None) -> bool:
    """Return whether what is no folder here was meant as one: by its form, or since its beginning is there."""
    if is_path(name) or "\\" in name or name.lower().endswith(_PATH_ENDS):
        return True
    first, slash, _ = name.partition("/")
    if slash and first.lower() in _NO_OWNERS:
        return True
    if not slash or not first or not _holds(Path(first).is_dir):
        return name.count("/") > 1
    return not _is_fetched(name, cache_dir)


def _is_fetched(name: str, cache_dir: str | Path | None) -> bool:
    """Return whether the hub's cache has a repository of that name, beside a folder that is called like its owner."""
    from localrank_transformers.models.hub.repository import HubSource  # noqa: PLC0415 - only for models of the hub

    try:
        return (
            HubSource(name, None, None if cache_dir is None else Path(cache_dir), None).store().root.is_dir()
        )
    except (OSError, RerankError):
        return False


def _no_folder(name: str) -> ModelLoadError:
    """Return the error for a path; says up to where it is right."""
    path = _expanded(name)
    here = next((parent for parent in path.parents if _holds(parent.is_dir)), None)
    near: list[str] = []
    if here is not None and path.parent == here:
        with suppress(OSError):
            from difflib import get_close_matches  # noqa: PLC0415  # only for a folder that is not there

            near = get_close_matches(path.name, [one.name for one in here.iterdir() if one.is_dir()], n=3)
    hint = f"Did you mean {' or '.join(repr(str(path.parent / one)) for one in near)}? " if near else ""
    if here is not None and not near and str(here) not in {".", "/"}:
        hint = f"There is {str(here)!r}, up to which the path is right. "
    if _HUB_ID.fullmatch(name):
        hint += f"For {name} of the hub, fetch it once from another folder: localrank models pull {name}. "
    return ModelLoadError(
        f"There is no folder {shortened(name, _LONGEST_PATH)!r}.",
        hint=f"{hint}Pass a folder with config.json, tokenizer.json and an ONNX file or safetensors.",
    )


_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


def _repository(name: str, entry: CatalogueEntry | None) -> str:
    """Return the repository of a short name; a hub id stands for itself, also where others keep the same weights."""
    if entry is None or entry.hub_id is None:
        return name
    return name if "/" in name and name.lower() != entry.hub_id.lower() else entry.hub_id


def fetch_onnx(
    location: Location,
    precisions: Sequence[Precision],
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
    from localrank_transformers.models.hub.models import fetch_torch_model  # noqa: PLC0415 - only for models of the hub

    return fetch_torch_model(location.hub, should_stop=should_stop, update=update).folder


def _fetched(
    hub: HubSource, precision: Precision, should_stop: ShouldStop = never, *, update: bool = False
) -> FetchedModel:
    from localrank_transformers.models.catalogue.entries import lookup  # noqa: PLC0415 - only for models of the hub
    from localrank_transformers.models.hub.models import fetch_onnx_model  # noqa: PLC0415

    known = _known_files(hub.repo_id, lookup(hub.repo_id))
    return fetch_onnx_model(
        hub, precision, known=known, accept=_check_family, should_stop=should_stop, update=update
    )


def _check_family(folder: Path) -> None:
    """Refuse a model that no graph can serve before the graph is fetched."""
    from localrank_transformers.models.folder.reading import late_layout, read_settings  # noqa: PLC0415 - only for models of the hub
    from localrank_transformers.models.folder.shape import check_served  # noqa: PLC0415

    config, _, exported = read_settings(folder)
    check_served(config, exported, late_layout(folder))


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
    # The embedded model, which is to be there at once, needs none of what reads folders.
    if location.hub is not None:
        from localrank_transformers.models.folder.reading import read_snapshot  # noqa: PLC0415

        fetched = _fetched(location.hub, precision)
        return read_snapshot(fetched.folder, fetched.onnx, root=location.hub.store().root)
    if location.folder is not None:
        from localrank_transformers.models.folder.reading import read_folder  # noqa: PLC0415

        return read_folder(location.folder, precision)
    return read_embedded(location.model_id, precision)
