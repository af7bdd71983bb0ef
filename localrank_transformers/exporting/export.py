"""From a torch model to a folder that `OnnxReranker` loads, with the proof that both give the same scores."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from localrank.contract.errors import InvalidRequestError, ModelLoadError
from localrank.providers.extras import require
from localrank_transformers.engines.torch.settings import WITHOUT_CUDA, TorchSettings, require_packages
from localrank_transformers.exporting.comparison import (
    Difference,
    check,
    differences,
    onnx_logits,
    torch_logits,
)
from localrank_transformers.exporting.targets import Int8Target, int8_target
from localrank_transformers.families.detection import detect, is_modular, says_its_prompt
from localrank_transformers.families.generative.templates import TEMPLATES
from localrank_transformers.models.catalogue.entries import lookup
from localrank_transformers.models.cpu_features import cpu_features
from localrank_transformers.models.folder.exported import (
    EXPORTED_FILE,
    ExportedGraph,
    FamilyName,
    exported_graph,
    exported_json,
)
from localrank_transformers.models.folder.late_layout import late_file_names
from localrank_transformers.models.folder.model_files import TOKENIZER_FILES
from localrank_transformers.models.folder.settings_files import SettingsFiles, read_torch_files
from localrank_transformers.models.location import fetch_torch, locate
from localrank_transformers.models.onnx_file.producer import remove_graph

__all__ = ["Difference", "ExportPrecision", "export_onnx"]

ExportPrecision: TypeAlias = Literal["fp32", "fp16", "int8"]

LARGEST_DIFFERENCE = 1e-3
"""What a float32 logit may differ by: more than rounding does, less than anyone could see in a score."""

LARGEST_DIFFERENCE_FP16 = 5e-2
"""The same in half precision, whose numbers have 3 digits."""

GRAPH = "onnx/model.onnx"
FP16_GRAPH = "onnx/model_fp16.onnx"

_COPIED = (*TOKENIZER_FILES, "README.md")
_GENERATIVE = ("ForCausalLM", "ForConditionalGeneration")


@dataclass(frozen=True, slots=True)
class _Source:
    """What is exported, and how it is loaded on torch."""

    files: SettingsFiles
    family: FamilyName
    settings: TorchSettings


def export_onnx(
    model: str | Path,
    out: Path,
    *,
    precision: ExportPrecision = "fp32",
    cpu: str | None = None,
    template: str | None = None,
    revision: str | None = None,
    on_step: Callable[[str], None] = lambda _step: None,
) -> list[Difference]:
    """Write ONNX graphs of a reranker, with its configuration and tokenizer, and compare their logits with torch's.

    Cross-encoders with one or two labels, modular rerankers such as the Ettin ones, late interaction (ColBERT), of which the
    graph gives a vector a token, and causal yes/no rerankers such as Qwen3-Reranker, of which it holds the last position and
    the answering words. For the architectures that
    `localrank models optimize` knows, its graphs are faster and its int8 is closer to float32.

    Args:
        model: What `TorchReranker` takes: a folder, an alias or a hub id.
        out: The folder to write; `onnx/model.onnx` and the files beside it are replaced.
        precision: `fp16` adds `onnx/model_fp16.onnx` to the float32 graph: half the size, for execution providers that compute
            in half precision; what goes in and comes out stays as it is. `int8` adds a graph with int8 weights.
        cpu: The kind of processor of the int8 graph: `vnni`, `avx512`, `avx2` or `arm64`; None means the one at hand.
        template: The prompt of a causal model whose files do not tell it; see `TorchReranker`.
        revision: The commit of a hub model.
        on_step: Called with what is being done, for people.

    Returns:
        The logits of eight texts on both engines.

    Raises:
        MissingDependencyError: torch, transformers, onnx or onnxscript is not installed.
        InvalidRequestError: `out` is the model's own folder; or `cpu` is not known, or has no int8 graph to be for.
        ModelLoadError: The model is of a family that ONNX Runtime does not serve; torch cannot export it; or a graph gives
            other scores, and is then removed.
    """
    if cpu is not None and precision != "int8":
        raise InvalidRequestError(
            f"cpu is {cpu!r}, but precision is {precision!r}.", hint="Only an int8 graph is for a processor."
        )
    target = int8_target(cpu)
    require_packages()
    require("Exporting", "export", "onnx", "onnxscript", remark=WITHOUT_CUDA)
    source = _source(model, template, revision)
    if source.files.folder.resolve() == out.resolve():
        raise InvalidRequestError("out is the model's own folder.", hint="Pass another folder.")
    on_step("export fp32")
    exported = _write(source, out / GRAPH)
    _copy(source, exported, out)
    with _removed_unless_compared(out / GRAPH):
        on_step("compare with torch")
        torch = torch_logits(source.files, source.settings)
        onnx = _checked(out, GRAPH, torch, LARGEST_DIFFERENCE)
    reduced = _reduced(source, out, torch, precision=precision, target=target, on_step=on_step)
    return differences(torch, onnx, reduced)


def _source(model: str | Path, template: str | None, revision: str | None) -> _Source:
    location = locate(model, revision=revision)
    folder = fetch_torch(location)
    if folder is None:
        raise ModelLoadError(
            f"The embedded model {model} is an ONNX graph already.", hint="There is nothing to export."
        )
    entry = lookup(location.model_id) if location.folder is None else None
    files = read_torch_files(folder)
    family = "causal" if template is not None else entry.family if entry else None
    if family is None and files.architecture.endswith(_GENERATIVE) and not says_its_prompt(files):
        raise ModelLoadError(
            f"The files of this {files.architecture} do not tell which kind of reranker it is.",
            hint=f"A causal yes/no reranker needs template= (--template): one of {', '.join(TEMPLATES)}. "
            "Sequence-to-sequence and listwise models run with TorchReranker.",
        )
    detected = detect(files, family)
    prompt = template or (entry.template if entry is not None and detected == "causal" else None)
    settings = TorchSettings(device="cpu", dtype="fp32", family=family, template=prompt)
    return _Source(files, detected, settings)


def _write(source: _Source, graph: Path) -> ExportedGraph | None:
    """Write the graph in the precision of `source`; return what the folder must say of it, None where there is nothing."""
    from localrank_transformers.exporting.torch import graphs  # noqa: PLC0415  # torch comes with it

    match source.family:
        case "cross-encoder":
            graphs.write_graph(source.files, graph, source.settings.dtype)
            return None
        case "causal":
            return graphs.write_prompt_graph(source.files, source.settings, graph)
        case "late-interaction":
            graphs.write_vector_graph(source.files, source.settings, graph)
            return exported_graph(source.files.json(EXPORTED_FILE))
        case _:
            raise ModelLoadError(
                f"The model belongs to the family {source.family!r}, which OnnxReranker does not serve.",
                hint="Use TorchReranker for it.",
            )


def _copy(source: _Source, exported: ExportedGraph | None, out: Path) -> None:
    files = source.files
    for name in (*_COPIED, *late_file_names(files.modules)):
        if (files.folder / name).is_file():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(files.folder / name, out / name)
    config: dict[str, Any] = dict(files.config)
    if source.family == "cross-encoder" and is_modular(files):
        config |= {"id2label": {"0": "RELEVANCE"}, "label2id": {"RELEVANCE": 0}}
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (out / EXPORTED_FILE).unlink(missing_ok=True)
    if exported is not None:
        (out / EXPORTED_FILE).write_text(json.dumps(exported_json(exported), indent=2) + "\n")


def _reduced(
    source: _Source,
    out: Path,
    torch: list[float],
    *,
    precision: ExportPrecision,
    target: Int8Target,
    on_step: Callable[[str], None],
) -> list[float] | None:
    """Write the smaller graph that was asked for and return its logits."""
    if precision == "fp32":
        return None
    on_step(f"export {precision}" + (f" for {target.made_for}" if precision == "int8" else ""))
    if precision == "fp16":
        _write(replace(source, settings=replace(source.settings, dtype="fp16")), out / FP16_GRAPH)
        return _checked(out, FP16_GRAPH, torch, LARGEST_DIFFERENCE_FP16)
    from localrank_transformers.exporting.quantize import quantize  # noqa: PLC0415  # needs onnx

    quantize(out / GRAPH, out / target.graph, seven_bits=target.seven_bits, signed=target.signed)
    if not target.runs_well_on(cpu_features() or ()):
        on_step(f"this processor is not {target.made_for}: the int8 graph may compute other scores here")
    return onnx_logits(out, target.graph)


def _checked(out: Path, graph: str, torch: list[float], at_most: float) -> list[float]:
    """Return the logits of a graph; remove one that differs."""
    with _removed_unless_compared(out / graph):
        logits = onnx_logits(out, graph)
        check(graph, torch, logits, at_most=at_most)
        return logits


@contextmanager
def _removed_unless_compared(graph: Path) -> Iterator[None]:
    """Remove the graph when the block fails or is interrupted."""
    try:
        yield
    except BaseException:
        remove_graph(graph)
        raise
