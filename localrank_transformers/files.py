"""Where a model's files are: embedded, a folder, or a hub repository that must be fetched first."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from localrank.contract.errors import InvalidRequestError, ModelLoadError
from localrank.providers.registry import unknown_model
from localrank_transformers import bundled
from localrank_transformers.catalogue import known_names, lookup

__all__ = ["Location", "ModelFiles", "Precision", "locate", "read_files"]

Precision = Literal["auto", "fp32", "int8"]

_FP32_NAMES = ("onnx/model.onnx", "model.onnx", "onnx/model_optimized.onnx", "model_optimized.onnx")
_INT8_NAMES = (
    "onnx/model_int8.onnx",
    "model_int8.onnx",
    "onnx/model_qint8_avx512_vnni.onnx",
    "onnx/model_quantized.onnx",
    "model_quantized.onnx",
)
_NODES_AT_MOST = 8 << 20
_DYNAMIC_OPERATOR = b"DynamicQuantizeLinear"


@dataclass(frozen=True, slots=True)
class Location:
    """Where a model is to be found.

    Attributes:
        model_id: The name that results carry.
        folder: A folder on disk, or None for an embedded model.
    """

    model_id: str
    folder: Path | None


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


def locate(model: str | Path | None) -> Location:
    """Return where `model` lies: None or an embedded name, a folder, an alias or a hub id.

    Nothing is read, and nothing is fetched.

    Raises:
        UnknownModelError: Neither a folder nor a known name; near names are offered.
        ModelLoadError: A known model of the hub, whose files are not here.
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
    return _on_the_hub(name)


def _on_the_hub(name: str) -> Location:
    entry = lookup(name)
    if entry is None and name.count("/") != 1:
        raise unknown_model("model", name, [*bundled.bundled_names(), *known_names()])
    hub_id = entry.hub_id if entry else name
    raise ModelLoadError(
        f"The files of {hub_id} are not on this machine.",
        hint=f"Fetch them with `hf download {hub_id} --local-dir FOLDER` and pass the folder, "
        f"or use the embedded model: OnnxReranker().",
    )


def read_files(location: Location, precision: Precision) -> ModelFiles:
    """Read what loading needs; the ONNX file of a folder is only named, not read.

    Args:
        location: Where the files are.
        precision: `auto` means int8 for an embedded model and fp32 for a folder.

    Raises:
        ModelLoadError: A file is missing, damaged or not what its name says.
    """
    if location.folder is None:
        return _embedded(location.model_id, precision)
    folder = location.folder
    onnx = _pick(folder, precision)
    return ModelFiles(
        config=_parsed(_content(folder, "config.json"), "config.json"),
        tokenizer_config=_optional(folder, "tokenizer_config.json"),
        tokenizer_json=_content(folder, "tokenizer.json"),
        onnx=onnx,
        dynamic_int8=_is_dynamic(onnx),
    )


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
    wanted = {"fp32": _FP32_NAMES, "int8": _INT8_NAMES, "auto": (*_FP32_NAMES, *_INT8_NAMES)}[precision]
    for name in wanted:
        if (folder / name).is_file():
            return folder / name
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.onnx"))
    if precision == "auto" and len(found) == 1:
        return folder / found[0]
    has = f"it holds {', '.join(found[:5])}" if found else "it holds no ONNX file"
    raise ModelLoadError(
        f"The folder {str(folder)!r} has no ONNX file for precision={precision!r}: {has}.",
        hint=f"Expected one of {', '.join(wanted[:3])}.",
    )


def _content(folder: Path, name: str) -> bytes:
    try:
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
        raise InvalidRequestError(f"precision is {precision!r}.", hint='Pass "auto", "fp32" or "int8".')
    return precision  # type: ignore[return-value]  # checked above
