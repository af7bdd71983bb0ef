"""One graph for one precision out of a model's exported float32 graph, checked and measured before anyone runs it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from localrank._version import __version__
from localrank_transformers.call.contract import Engine, Family, Row
from localrank_transformers.engines.choice import open_engine
from localrank_transformers.engines.native.engine import NativeEngine
from localrank_transformers.engines.onnx.session import OnnxEngine, runtime_version
from localrank_transformers.families.opening import open_family
from localrank_transformers.families.pairs import PairFamily
from localrank_transformers.models.folder.model_files import ModelFiles
from localrank_transformers.optimizing.encoder.from_export import UnrecognisedGraphError, read_export
from localrank_transformers.optimizing.encoder.graph import PLACES, build_graph
from localrank_transformers.optimizing.exactness import check_outputs, check_width, compare
from localrank_transformers.optimizing.record import GraphRecord
from localrank_transformers.optimizing.sample_texts import Candidates, long_candidates, sample_candidates
from localrank_transformers.optimizing.smoothing import seen_inputs, smoothed_int8

__all__ = [
    "BUILT_IN",
    "LEAST_LISTS",
    "Step",
    "calibration_rows",
    "family_of",
    "list_logits",
    "list_rows",
    "logits_as_it_runs",
    "make_graph",
    "record_of",
]

Step = Callable[[str], None]

BUILT_IN = "built-in texts of many kinds"

LEAST_LISTS = 4
"""With fewer candidates the built-in texts take their place."""


def make_graph(
    files: ModelFiles, precision: str, *, candidates: Sequence[Candidates] = (), on_step: Step
) -> tuple[bytes, GraphRecord]:
    """Return a graph with the weights of `files.onnx`, and its record.

    Args:
        files: A cross-encoder with an exported float32 graph.
        precision: `fp32` or `int8`.
        candidates: Half calibrates int8, half measures it; the built-in texts where there are fewer than four.
        on_step: Told what is being done.

    Raises:
        ModelLoadError: The graph is of no known form, or what was written is not exact.
        MissingDependencyError: The package onnx is absent.
    """
    own = files.onnx
    if isinstance(own, bytes):
        raise UnrecognisedGraphError("The model's graph is no file.")
    on_step("reading the weights")
    encoder = read_export(own, files.config)
    family = family_of(files)
    lists = candidates if len(candidates) >= LEAST_LISTS else sample_candidates()
    rows = [list_rows(family, entry) for entry in lists]
    compared_on = "the lists given" if len(candidates) >= LEAST_LISTS else BUILT_IN
    on_step("float32 graph")
    exact = build_graph(encoder)
    probes = [*list_rows(family, long_candidates()), *rows[-1][:4]]
    check_outputs(own, exact, probes, has_head=True)
    check_width(exact, probes[:1])
    half = len(lists) // 2
    if precision == "fp32":
        few = [replace(entry, documents=entry.documents[:4]) for entry in lists[half : half + 4]]
        reference = OnnxEngine(own, pad_id=0)
        return exact, record_of("fp32", exact, family, few, reference, compared_on=compared_on)
    on_step("calibration")
    seen = seen_inputs(encoder, calibration_rows(family, rows[:half]))
    on_step("int8 graph")
    small = build_graph(encoder, int8=smoothed_int8(encoder, seen))
    on_step("agreement")
    reference = OnnxEngine(exact, pad_id=0)
    record = record_of(
        "int8", small, family, lists[half:], reference, compared_on=compared_on, smoothed=PLACES
    )
    return small, record


def record_of(
    precision: str,
    graph: bytes,
    family: Family,
    lists: Sequence[Candidates],
    reference: OnnxEngine,
    *,
    compared_on: str,
    smoothed: tuple[str, ...] = (),
) -> GraphRecord:
    """Return the record of a graph, its logits on the engine that will run it compared with those of `reference` on `lists`."""
    logits, engine = logits_as_it_runs(graph, precision, family, lists)
    return GraphRecord(
        precision=precision,
        sha256=hashlib.sha256(graph).hexdigest(),
        compared_with="float32 of the same weights",
        compared_on=compared_on,
        agreement=compare(list_logits(reference, family, lists), logits) if lists else None,
        last_layer="first token only" if isinstance(family, PairFamily) else "all tokens",
        smoothed=smoothed,
        localrank=__version__,
        onnxruntime=runtime_version(),
        engine=engine,
    )


def logits_as_it_runs(
    graph: bytes, precision: str, family: Family, lists: Sequence[Candidates]
) -> tuple[list[list[float]], str]:
    """Return the logits of each list's texts on the engine that will run a graph on this machine, and the engine's name.

    Engines differ in what they round, and in int8 ONNX Runtime may cut sums; see `cut_sums`.
    """
    if precision == "int8":
        family = _comparing_packed(family)
    with TemporaryDirectory() as folder:
        place = Path(folder) / "graph.onnx"
        place.write_bytes(graph)
        engine = open_engine(place, pad_id=0, int8=precision == "int8")
        name = "the compiled kernels" if isinstance(engine, NativeEngine) else "ONNX Runtime"
        return list_logits(engine, family, lists), name


def _comparing_packed(family: Family) -> Family:
    """Vectors that int8 gave are compared packed in a ranking."""
    from localrank_transformers.engines.native.maxsim import fastest_compare  # noqa: PLC0415  # a float32 graph is made at a load
    from localrank_transformers.families.late.family import LateFamily  # noqa: PLC0415

    return replace(family, compare=fastest_compare()) if isinstance(family, LateFamily) else family


def family_of(files: ModelFiles) -> Family:
    """Return the model's family with its own window.

    Raises:
        ModelLoadError: `tokenizer.json` cannot be read, or the model is none that ONNX Runtime serves.
    """
    return open_family(files)


def list_rows(family: Family, entry: Candidates) -> list[Row]:
    """Return the rows that score the texts of a query."""
    query = family.open(entry.query, None)
    return query.rows(query.documents(entry.documents))


def calibration_rows(family: Family, rows: Iterable[Iterable[Row]]) -> list[Row]:
    """Return the rows of lists, and what is as short and as long as a text can be: int8 cuts what it has not seen."""
    return [*chain.from_iterable(rows), *list_rows(family, long_candidates())]


def list_logits(engine: Engine, family: Family, lists: Sequence[Candidates]) -> list[list[float]]:
    """Return the logits of each list's texts, each text alone."""
    return [_logits(engine, family, entry) for entry in lists]


def _logits(engine: Engine, family: Family, entry: Candidates) -> list[float]:
    query = family.open(entry.query, None)
    score = query.scorer(engine.request())
    return [score([document])[0] for document in query.documents(entry.documents)]
