"""From a torch model to a folder that `OnnxReranker` loads, with the proof that both give the same scores."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, TypeAlias

from localrank.contract.errors import InvalidRequestError, MissingDependencyError, ModelLoadError
from localrank.contract.model import DoRerankOptions, DoRerankResult
from localrank_transformers.families.detection import Kind, detect
from localrank_transformers.files import fetch_torch, locate
from localrank_transformers.loaded import LoadSettings, load
from localrank_transformers.local_call import LocalCall
from localrank_transformers.scheduler import shared_scheduler
from localrank_transformers.torch_call import TorchCall
from localrank_transformers.torch_files import TorchFiles, read_torch_files
from localrank_transformers.torch_loaded import load_torch
from localrank_transformers.torch_settings import TorchSettings, require_packages

__all__ = ["Difference", "ExportPrecision", "export_onnx"]

ExportPrecision: TypeAlias = Literal["fp32", "int8"]

LARGEST_DIFFERENCE = 1e-3
"""What a logit may differ by: more than rounding does, less than anyone could see in a score."""

SAMPLE_QUERY = "How do plants turn sunlight into food?"
SAMPLE = (
    "Photosynthesis converts light into chemical energy that is stored in sugars.",
    "Leaves are green.",
    "",
    "The stock market fell on Tuesday after two days of gains, led by banks and insurers.",
    "Chlorophyll absorbs mostly blue and red light. " * 12,
    "光合作用把光能转化为化学能。",
    "Die Pflanze nimmt Kohlendioxid und Wasser auf und gibt Sauerstoff ab.",
    "To bake bread, mix flour, water, salt and yeast, wait, and bake. " * 40,
)

_COPIED = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "README.md")
_PACKAGES = ("onnx", "onnxscript")


@dataclass(frozen=True, slots=True)
class Difference:
    """One text of the comparison.

    Attributes:
        text: Its beginning.
        torch: Its logit on torch.
        onnx: Its logit on ONNX Runtime.
        int8: Its logit with int8 weights; None where they were not asked for.
    """

    text: str
    torch: float
    onnx: float
    int8: float | None = None


def export_onnx(
    model: str | Path,
    out: Path,
    *,
    precision: ExportPrecision = "fp32",
    revision: str | None = None,
    on_step: Callable[[str], None] = lambda _step: None,
) -> list[Difference]:
    """Write ONNX graphs of a cross-encoder, with its configuration and tokenizer, and compare their logits with torch's.

    One- and two-label sequence classifiers, and modular rerankers such as the Ettin ones. For the architectures that
    `localrank models optimize` knows, its graphs are faster and its int8 is closer to float32.

    Args:
        model: What `TorchReranker` takes: a folder, an alias or a hub id.
        out: The folder to write; `onnx/model.onnx` and the files beside it are replaced.
        precision: `int8` adds `onnx/model_int8.onnx`, for this kind of processor, to the float32 graph.
        revision: The commit of a hub model.
        on_step: Called with what is being done, for people.

    Returns:
        The logits of eight texts on both engines.

    Raises:
        MissingDependencyError: torch, transformers, onnx or onnxscript is not installed.
        InvalidRequestError: `out` is the model's own folder.
        ModelLoadError: No cross-encoder; torch cannot export it; or the graph gives other scores, and is then removed.
    """
    _require_exporter()
    folder = fetch_torch(locate(model, revision=revision))
    if folder is None:
        raise ModelLoadError(f"The embedded model {model} is an ONNX graph already.")
    if folder.resolve() == out.resolve():
        raise InvalidRequestError("out is the model's own folder.", hint="Pass another folder.")
    files = read_torch_files(folder)
    kind = _checked_kind(detect(files, None))
    from localrank_transformers.engines.torch.export import write_graph  # noqa: PLC0415  # torch comes with it

    on_step("export")
    graph = out / "onnx" / "model.onnx"
    write_graph(kind, files, graph)
    _copy(files, kind, out)
    if precision == "int8":
        from localrank_transformers.engines.onnx_quantize import quantize  # noqa: PLC0415  # needs onnx

        on_step("quantize")
        quantize(graph, graph.with_name("model_int8.onnx"))
    on_step("compare")
    try:
        return _compared(files, out, precision)
    except ModelLoadError:
        graph.unlink(missing_ok=True)
        raise


def _require_exporter() -> None:
    require_packages()
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise MissingDependencyError(
            f"Exporting needs {' and '.join(missing)}, not installed here.",
            hint='pip install "localrank[export]"',
        )


def _checked_kind(kind: Kind) -> Kind:
    if kind not in {"cross-encoder", "modular"}:
        raise ModelLoadError(
            f"The model belongs to the family {kind!r}; only cross-encoders are exported.",
            hint="Use TorchReranker for it.",
        )
    return kind


def _copy(files: TorchFiles, kind: Kind, out: Path) -> None:
    for name in _COPIED:
        if (files.folder / name).is_file():
            shutil.copyfile(files.folder / name, out / name)
    config: dict[str, Any] = dict(files.config)
    if kind == "modular":
        config |= {"id2label": {"0": "RELEVANCE"}, "label2id": {"RELEVANCE": 0}}
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def _compared(files: TorchFiles, out: Path, precision: ExportPrecision) -> list[Difference]:
    options = DoRerankOptions(SAMPLE_QUERY, SAMPLE)
    loaded = load_torch(files, TorchSettings(device="cpu", dtype="fp32"))
    torch = _logits(TorchCall(lambda: (loaded, 0.0), options).run())
    onnx = _onnx_logits(out, "fp32", options)
    int8 = _onnx_logits(out, "int8", options) if precision == "int8" else {}
    rows = [
        Difference(text[:40], torch[index], onnx[index], int8.get(index))
        for index, text in enumerate(options.documents)
    ]
    worst = max(abs(row.torch - row.onnx) for row in rows)
    if worst > LARGEST_DIFFERENCE * max(1.0, *(abs(row.torch) for row in rows)):
        raise ModelLoadError(
            f"The exported graph gives other logits than torch, by up to {worst:.4f}; it was removed.",
            hint="Please report the architecture; the model runs with TorchReranker.",
        )
    return rows


def _onnx_logits(folder: Path, precision: ExportPrecision, options: DoRerankOptions) -> dict[int, float]:
    loaded = load(locate(folder), LoadSettings(precision=precision), None, shared_scheduler())
    return _logits(LocalCall(lambda: (loaded, 0.0), options).run())


def _logits(result: DoRerankResult) -> dict[int, float]:
    return {item.index: float((item.metadata or {})["logit"]) for item in result.results}
