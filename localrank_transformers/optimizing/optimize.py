"""From a model folder to a folder with faster graphs: calibrate, write, compare, record."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from localrank.contract.errors import ModelLoadError
from localrank.providers.files import replace_file
from localrank_transformers.call.contract import Family, Row
from localrank_transformers.engines.onnx.session import OnnxEngine
from localrank_transformers.models.folder.exported import EXPORTED_FILE
from localrank_transformers.models.folder.late_layout import LateLayout, late_file_names
from localrank_transformers.models.folder.model_files import TOKENIZER_FILES, ModelFiles
from localrank_transformers.models.folder.reading import exported_of, late_layout, read_settings
from localrank_transformers.models.folder.safety.files import read_file
from localrank_transformers.models.folder.settings_files import read_settings_files
from localrank_transformers.optimizing.encoder.from_export import read_export
from localrank_transformers.optimizing.encoder.graph import PLACES, Int8, build_graph
from localrank_transformers.optimizing.encoder.weights import Encoder, read_encoder
from localrank_transformers.optimizing.exactness import check_outputs, check_width, compare
from localrank_transformers.optimizing.making import (
    BUILT_IN,
    LEAST_LISTS,
    Step,
    calibration_rows,
    family_of,
    list_logits,
    list_rows,
    logits_as_it_runs,
    record_of,
)
from localrank_transformers.optimizing.record import Agreement, GraphRecord, record_json, record_path
from localrank_transformers.optimizing.sample_texts import Candidates, long_candidates, sample_candidates
from localrank_transformers.optimizing.smoothing import EXPONENTS, seen_inputs, smoothed_int8

__all__ = ["Candidates", "optimize"]

FP32_NAME = "onnx/model.onnx"
FP32_BESIDE = "onnx/model_first_token.onnx"
LATE_BESIDE = "onnx/model_token_vectors.onnx"
"""The float32 graph's name where the folder has a graph of its own, which is left alone."""

INT8_NAME = "onnx/model_int8.onnx"

_COPIED = ("config.json", *TOKENIZER_FILES, "README.md", EXPORTED_FILE)
_OWN_NAMES = ("onnx/model.onnx", "model.onnx")


def _ignore_step(step: str) -> None:
    """Do nothing; stands in where nobody asked what is being done."""


def optimize(
    folder: Path,
    out: Path,
    *,
    candidates: Sequence[Candidates],
    compared_on: str = "the lists given",
    on_step: Step = _ignore_step,
    word_blocks: bool = False,
) -> Agreement:
    """Write float32 and int8 graphs of `folder`'s weights into `out`, each with a record, and tokenizer and config.

    Half of the candidates calibrate the int8 graph, how strongly it is smoothed included; the other half measures how well it
    agrees with float32. With fewer than four lists, texts of many kinds that come with the package take their place.

    Args:
        folder: A folder in the Hugging Face layout with `model.safetensors`, or for a cross-encoder with an exported float32
            graph; or that of a late-interaction model without a projection, with `model.safetensors`.
        out: Made where it does not exist; may be `folder` itself.
        candidates: Queries with texts of the kind that will be ranked.
        compared_on: What the candidates are, for the record.
        on_step: Told what is being done.
        word_blocks: Whether the int8 graph has word rows of 4 bits; see `build_graph`.

    Raises:
        ModelLoadError: The architecture is none of those known, or the new graph does not give the model's own numbers.
        MissingDependencyError: The extra `optimize` is not installed.
    """
    own = next((folder / name for name in _OWN_NAMES if (folder / name).is_file()), None)
    late = late_layout(folder)
    if len(candidates) < LEAST_LISTS:
        candidates, compared_on = sample_candidates(), BUILT_IN
    encoder = _encoder(folder, own, late)
    on_step("float32 graph")
    exact = build_graph(encoder)
    family = family_of(_files(folder, late, exact))
    rows, probes = [list_rows(family, entry) for entry in candidates], list_rows(family, long_candidates())
    if late is None:
        check_width(exact, probes[:1])
    if own is not None:
        check_outputs(own, exact, [*probes, *chain.from_iterable(rows[:1])], has_head=late is None)
    on_step("calibration")
    half, engine = len(candidates) // 2, OnnxEngine(exact, pad_id=0)
    int8 = _least_change(encoder, engine, _Calibration(family, candidates[:half], rows[:half]))
    on_step("int8 graph")
    small = build_graph(encoder, int8=int8, word_blocks=word_blocks)
    on_step("agreement")
    record = record_of(
        "int8", small, family, candidates[half:], engine, compared_on=compared_on, smoothed=PLACES
    )
    fp32 = record_of(
        "fp32",
        exact,
        family,
        [long_candidates()] if own is not None else [],
        engine if own is None else OnnxEngine(own, pad_id=0),
        compared_on=BUILT_IN,
    )
    _copy(folder, out)
    beside = FP32_BESIDE if late is None else LATE_BESIDE
    _write(out / (beside if (out / FP32_NAME).exists() else FP32_NAME), exact, fp32)
    _write(out / INT8_NAME, small, record)
    assert record.agreement is not None
    return record.agreement


def _encoder(folder: Path, own: Path | None, late: LateLayout | None) -> Encoder:
    if late is not None and (late.dense or late.encoder):
        raise ModelLoadError(
            "The late-interaction model has a projection, or its encoder in a folder of its own, so it cannot be optimized.",
            hint="`localrank models export` writes a graph of it, int8 too.",
        )
    if late is not None and late.expanded_length is not None and not late.attends:
        raise ModelLoadError(
            "The late-interaction model fills up its queries with tokens that it does not look at, which takes a mask; so it "
            "cannot be optimized.",
            hint="`localrank models export` writes a graph with a mask, int8 too.",
        )
    if late is not None or own is None or (folder / "model.safetensors").is_file():
        return read_encoder(folder, headless=late is not None)
    return read_export(own, read_settings(folder)[0])


@dataclass(frozen=True, slots=True)
class _Calibration:
    """What int8 is calibrated by: lists, and the rows of each."""

    family: Family
    lists: Sequence[Candidates]
    rows: Sequence[Sequence[Row]]


def _least_change(encoder: Encoder, exact: OnnxEngine, given: _Calibration) -> Int8:
    """Return the smoothing by which the logits of the lists change least: how much suits is up to the weights."""
    seen = seen_inputs(encoder, calibration_rows(given.family, given.rows))
    reference = list_logits(exact, given.family, given.lists)

    def change(int8: Int8) -> float:
        small = build_graph(encoder, int8=int8)
        return compare(reference, logits_as_it_runs(small, "int8", given.family, given.lists)[0]).mean_change

    return min((smoothed_int8(encoder, seen, exponent=exponent) for exponent in EXPONENTS), key=change)


def _files(folder: Path, late: LateLayout | None, graph: bytes) -> ModelFiles:
    files = read_settings_files(folder)
    return ModelFiles(
        files.config,
        files.tokenizer_config,
        read_file(folder, "tokenizer.json"),
        graph,
        int8=False,
        exported=exported_of(files),
        late=late,
        pairs=files.pairs,
    )


def _copy(folder: Path, out: Path) -> None:
    (out / "onnx").mkdir(parents=True, exist_ok=True)
    if folder.resolve() == out.resolve():
        return
    for name in (*_COPIED, *late_file_names(read_settings_files(folder).modules)):
        if (folder / name).is_file():
            (out / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(folder / name, out / name)


def _write(path: Path, graph: bytes, record: GraphRecord) -> None:
    replace_file(path, graph)
    replace_file(record_path(path), record_json(record))
