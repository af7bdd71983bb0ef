"""From a folder with pickled weights to a new one that `TorchReranker` loads: safetensors, `tokenizer.json`, configuration."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from localrank.contract.errors import InvalidRequestError, MissingDependencyError, ModelLoadError
from localrank_transformers.engines.torch.settings import require_packages
from localrank_transformers.models.folder.late_layout import late_file_names
from localrank_transformers.models.folder.model_files import TOKENIZER_FILES
from localrank_transformers.models.folder.safety.names import check_name, check_size
from localrank_transformers.models.folder.safety.tensors import check_safetensors

__all__ = ["Converted", "convert"]

_WEIGHTS = "pytorch_model.bin"
_INDEX = "pytorch_model.bin.index.json"
_COPIED = (
    "config.json",
    *TOKENIZER_FILES,
    "generation_config.json",
    "chat_template.jinja",
    "chat_template.json",
    "README.md",
    "LICENSE",
    "LICENSE.txt",
    "NOTICE",
)
_TEXT_LIMIT = 4 << 20
"""Bytes of a README or a licence, which `check_size` knows nothing of."""


@dataclass(frozen=True, slots=True)
class Converted:
    """What was written.

    Attributes:
        files: Names in the new folder, sorted.
        tensors: How many tensors the weights have.
    """

    files: tuple[str, ...]
    tensors: int


def convert(folder: Path, out: Path, *, on_step: Callable[[str], None] = lambda _step: None) -> Converted:
    """Write a folder with the weights of `folder` as safetensors, its configuration and its tokenizer.

    The pickles are read with `torch.load(…, weights_only=True)`, whose unpickler makes tensors and runs no code of the file
    (<https://docs.pytorch.org/docs/stable/generated/torch.load.html>). Code in the folder is not copied. `out` appears whole
    or not at all.

    Args:
        folder: Holds `config.json` and `pytorch_model.bin`, or the index and the shards of one.
        out: The folder to make; it must not exist, or be empty.
        on_step: Called with what is being done, for people.

    Raises:
        MissingDependencyError: torch, transformers or safetensors is not installed, or what reads a SentencePiece tokenizer.
        InvalidRequestError: `out` has files in it.
        ModelLoadError: A file is missing, damaged, or holds more than tensors.
    """
    require_packages()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InvalidRequestError(f"{str(out)!r} has files in it.", hint="Pass a new folder.")
    modules = _modules(folder)
    weights = list(_weights(folder, modules))
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        tensors = _write(folder, unfinished, weights, modules, on_step)
        unfinished.chmod(0o755)  # a temporary folder is its owner's alone
        unfinished.replace(out)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    names = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    return Converted(tuple(names), tensors)


def _write(
    folder: Path,
    unfinished: Path,
    weights: list[tuple[str, str]],
    modules: list[dict[str, Any]],
    on_step: Callable[[str], None],
) -> int:
    from localrank_transformers.exporting.torch import weights as engine  # noqa: PLC0415  # torch comes with it

    on_step("copy")
    for name in dict.fromkeys([*_COPIED, *late_file_names(modules)]):
        _copy(folder, unfinished, name)
    if not (unfinished / "tokenizer.json").is_file():
        _require_sentencepiece(folder)
        on_step("tokenizer")
        engine.convert_tokenizer(folder, unfinished)
    tensors = 0
    for source, target in weights:
        on_step(source)
        (unfinished / target).parent.mkdir(parents=True, exist_ok=True)
        tensors += engine.convert_weights(folder / source, unfinished / target)
        check_safetensors(unfinished / target)
    if (folder / _INDEX).is_file():
        (unfinished / "model.safetensors.index.json").write_text(
            json.dumps(_new_index(folder), indent=2) + "\n"
        )
    return tensors


def _require_sentencepiece(folder: Path) -> None:
    missing = [name for name in ("sentencepiece", "google.protobuf") if _is_missing(name)]
    if missing and any(folder.glob("*.model")):
        raise MissingDependencyError(
            f"Converting the SentencePiece tokenizer in {str(folder)!r} needs {' and '.join(missing)}, not installed here.",
            hint="pip install sentencepiece protobuf",
        )


def _is_missing(name: str) -> bool:
    try:
        return find_spec(name) is None
    except ModuleNotFoundError:  # of the package that it is in
        return True


def _copy(folder: Path, unfinished: Path, name: str) -> None:
    check_name(name)
    source = folder / name
    if not source.is_file():
        return
    size = source.stat().st_size
    check_size(name, size)
    if not name.endswith((".json", ".jinja")) and size > _TEXT_LIMIT:
        raise ModelLoadError(f"The file {name!r} has {size:,} bytes; at most {_TEXT_LIMIT:,} are copied.")
    (unfinished / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, unfinished / name)


def _weights(folder: Path, modules: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield each file of weights in `folder` and its name in the new one."""
    if not (folder / "config.json").is_file():
        raise ModelLoadError(
            f"The folder {str(folder)!r} has no config.json.",
            hint="Pass a folder in the Hugging Face layout: config.json and pytorch_model.bin.",
        )
    shards = _index(folder)["weight_map"].values() if (folder / _INDEX).is_file() else [_WEIGHTS]
    main = sorted({str(name) for name in shards})
    inside = [f"{path}/{_WEIGHTS}" for module in modules if (path := str(module.get("path") or ""))]
    for name in [*main, *(name for name in inside if (folder / name).is_file())]:
        target = _target(name)
        if not (folder / name).is_file():
            raise ModelLoadError(
                f"The folder {str(folder)!r} has no {name}.", hint=_hint_without_pickle(folder)
            )
        yield name, target


def _target(name: str) -> str:
    """Return the name of the converted file, which stays inside its folder."""
    if not name.endswith(".bin"):
        raise ModelLoadError(f"The index names {name!r}, which is no .bin file.")
    return check_name(name.removesuffix(".bin").replace("pytorch_model", "model") + ".safetensors")


def _hint_without_pickle(folder: Path) -> str | None:
    if any(folder.glob("*.safetensors")):
        return "It holds safetensors already: pass it to TorchReranker."
    return None


def _new_index(folder: Path) -> dict[str, Any]:
    index = _index(folder)
    names = {name: _target(str(file)) for name, file in index["weight_map"].items()}
    return {"metadata": index.get("metadata", {}), "weight_map": names}


def _index(folder: Path) -> dict[str, Any]:
    index = _json(folder / _INDEX)
    if not isinstance(index, dict) or not isinstance(index.get("weight_map"), dict):
        raise ModelLoadError(f"{_INDEX} is malformed.")
    return index


def _modules(folder: Path) -> list[dict[str, Any]]:
    if not (folder / "modules.json").is_file():
        return []
    modules = _json(folder / "modules.json")
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise ModelLoadError("modules.json is malformed.")
    return modules


def _json(path: Path) -> Any:
    check_size(path.name, path.stat().st_size)
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ModelLoadError(f"{path.name} is no valid JSON: {error}.") from error
