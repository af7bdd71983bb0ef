"""What of a hub repository a model needs: the files for ONNX Runtime, and those for torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from localrank.contract.errors import ModelLoadError
from localrank.providers.loading import ShouldStop, never
from localrank_transformers.models.cpu_features import cpu_features
from localrank_transformers.models.folder.exported import EXPORTED_FILE
from localrank_transformers.models.folder.late_layout import late_file_names
from localrank_transformers.models.folder.model_files import MissingGraphError
from localrank_transformers.models.folder.safety.graphs import check_onnx, onnx_siblings
from localrank_transformers.models.folder.safety.names import check_name
from localrank_transformers.models.folder.safety.tensors import check_safetensors, shard_names
from localrank_transformers.models.graph_choice import Precision, choose_onnx
from localrank_transformers.models.hub.errors import not_here
from localrank_transformers.models.hub.repository import HubRepository, HubSource, open_repository

__all__ = ["FetchedModel", "fetch_onnx_model", "fetch_torch_model"]

_REQUIRED = ("config.json", "tokenizer.json")
_OPTIONAL = (
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "modules.json",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    EXPORTED_FILE,
)
_INDEX = "model.safetensors.index.json"
_TORCH_JSON = (
    *_OPTIONAL,
    "generation_config.json",
    "chat_template.jinja",
    "chat_template.json",
    "artifact.metadata",
)


@dataclass(frozen=True, slots=True)
class FetchedModel:
    """A model of the hub that is on this machine.

    Attributes:
        folder: Its files, in the repository's layout.
        commit: What all of them are of.
        onnx: The name of the one graph in `folder`; empty for torch.
    """

    folder: Path
    commit: str
    onnx: str = ""


def fetch_onnx_model(
    source: HubSource,
    precision: Precision = "auto",
    *,
    known: Mapping[str, str] | None = None,
    accept: Callable[[Path], object] | None = None,
    should_stop: ShouldStop = never,
    update: bool = False,
) -> FetchedModel:
    """Make a model ready for ONNX Runtime: one graph with its external data, the configuration and the tokenizer.

    Args:
        source: The repository.
        precision: Which graph; see `choose_onnx`.
        known: For a model of the catalogue, its ONNX files by precision (empty where its layout is not known).
        accept: Called with the folder once the small files are in it; raises where the graph need not be fetched.
        should_stop: Polled while files are fetched.
        update: Look `main` up although a commit is recorded, and record the new one.

    Raises:
        ModelLoadError: A file is missing, cannot be fetched, or is refused.
        RerankAbortedError: `should_stop` became true; a later call continues.
    """
    features = cpu_features()

    def choose(names: Collection[str]) -> str | None:
        return choose_onnx(names, precision, known=known, features=features)

    def is_enough(names: Collection[str]) -> bool:
        return choose(names) is not None and set(names) >= {*_REQUIRED, _OPTIONAL[0]}

    repository = open_repository(source, is_enough=is_enough, update=update)
    onnx = choose(repository.names)
    if onnx is None:
        raise _no_onnx(repository, precision)
    folder = repository.fetch(_base(repository), should_stop)
    _fetch_late_layout(repository, should_stop)
    if accept is not None:
        accept(folder)
    repository.fetch([onnx], should_stop)
    beside = PurePosixPath(onnx).parent
    siblings = [check_name((beside / name).as_posix()) for name in onnx_siblings(folder / onnx)]
    repository.fetch(siblings, should_stop)
    check_onnx(folder / onnx, root=source.store().root)
    repository.keep(update=update)
    return FetchedModel(folder, repository.commit, onnx)


def fetch_torch_model(
    source: HubSource, *, should_stop: ShouldStop = never, update: bool = False
) -> FetchedModel:
    """Make a model ready for torch: its safetensors, the configuration, the tokenizer and sentence-transformers' modules.

    Raises:
        ModelLoadError: A file is missing, cannot be fetched, or is refused; weights that are pickled are never fetched.
        RerankAbortedError: `should_stop` became true; a later call continues.
    """

    def is_enough(names: Collection[str]) -> bool:
        return set(names) >= {*_REQUIRED, _OPTIONAL[0]} and bool({"model.safetensors", _INDEX} & set(names))

    repository = open_repository(source, is_enough=is_enough, update=update)
    names = repository.names
    extra = [name for name in _TORCH_JSON if name in names and name not in _OPTIONAL]
    folder = repository.fetch([*_base(repository), *extra], should_stop)
    weights = ["model.safetensors"] if "model.safetensors" in names else []
    if not weights and _INDEX in names:
        weights = shard_names(repository.fetch([_INDEX], should_stop) / _INDEX)
    if not weights:
        raise _no_safetensors(repository)
    weights += _module_files(folder, names)
    repository.fetch(weights, should_stop)
    for name in weights:
        if name.endswith(".safetensors"):
            check_safetensors(folder / name)
    repository.keep(update=update)
    return FetchedModel(folder, repository.commit)


def _base(repository: HubRepository) -> list[str]:
    missing = [name for name in _REQUIRED if name not in repository.names]
    if not missing:
        return [*_REQUIRED, *(name for name in _OPTIONAL if name in repository.names)]
    if repository.source.is_offline:
        raise not_here(repository.source.repo_id, missing[0])
    has_slow_tokenizer = any(name.endswith(".model") for name in repository.names)
    raise ModelLoadError(
        f"{repository.source.repo_id} has no {missing[0]}, so it cannot be loaded.",
        hint="Its SentencePiece tokenizer must be converted once: hf download ID --local-dir FOLDER, then "
        "localrank models convert FOLDER --out NEW_FOLDER, and pass the new folder."
        if has_slow_tokenizer
        else "localrank reads repositories with config.json and tokenizer.json (a fast tokenizer).",
    )


def _fetch_late_layout(repository: HubRepository, should_stop: ShouldStop) -> None:
    """Fetch the small files that tell how a late-interaction model reads, where the repository has them."""
    names = set(repository.names)
    if (
        "artifact.metadata" not in names
        and not {"modules.json", "config_sentence_transformers.json"} <= names
    ):
        return
    folder = repository.fetch([name for name in late_file_names([]) if name in names], should_stop)
    inside = [{"path": path} for path in _module_paths(folder)]
    repository.fetch([name for name in late_file_names(inside) if name in names], should_stop)


def _no_onnx(repository: HubRepository, precision: Precision) -> ModelLoadError:
    repo_id = repository.source.repo_id
    graphs = sorted(name for name in repository.names if name.endswith(".onnx"))
    if not graphs and repository.source.is_offline and not repository.looked_up:
        return not_here(repo_id)
    has = f"it has {', '.join(graphs[:6])}" if graphs else "it has no ONNX file"
    return MissingGraphError(
        f"{repo_id} has no ONNX file for precision={precision!r}: {has}.",
        hint="Pass another precision=, a folder with an exported graph, or use TorchReranker.",
    )


def _no_safetensors(repository: HubRepository) -> ModelLoadError:
    pickled = sorted(name for name in repository.names if name.endswith((".bin", ".pt", ".pth")))
    has = f"only {pickled[0]}, a pickle that could run any code" if pickled else "no weights that can be read"
    return ModelLoadError(
        f"{repository.source.repo_id} has no model.safetensors: {has}.",
        hint="Pass a revision= that ships safetensors; or hf download ID --local-dir FOLDER, then "
        "localrank models convert FOLDER --out NEW_FOLDER, and pass the new folder.",
    )


def _module_files(folder: Path, names: Collection[str]) -> list[str]:
    """Return the files in the folders that `modules.json` of sentence-transformers names."""
    wanted = ("config.json", "model.safetensors")
    return [name for path in _module_paths(folder) for file in wanted if (name := f"{path}/{file}") in names]


def _module_paths(folder: Path) -> list[str]:
    if not (folder / "modules.json").is_file():
        return []
    try:
        paths = {str(module["path"]) for module in json.loads((folder / "modules.json").read_text("utf-8"))}
    except (ValueError, KeyError, TypeError) as error:
        raise ModelLoadError(f"modules.json is malformed: {type(error).__name__}.") from None
    return sorted(paths - {""})
