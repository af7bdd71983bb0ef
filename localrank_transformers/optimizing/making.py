"""One graph for one precision out of a model's exported float32 graph, checked and measured before anyone runs it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

from tokenizers import Tokenizer

from localrank._version import __version__
from localrank.contract.errors import ModelLoadError
from localrank_transformers.engines.onnx import OnnxEngine, runtime_version
from localrank_transformers.families.cross_encoder import read_shape, window
from localrank_transformers.graph_record import GraphRecord
from localrank_transformers.model_files import ModelFiles
from localrank_transformers.optimizing.agreement import compare
from localrank_transformers.optimizing.encoder_graph import PLACES, build_graph
from localrank_transformers.optimizing.exactness import check_logits, check_width
from localrank_transformers.optimizing.export_weights import UnrecognisedGraphError, read_export
from localrank_transformers.optimizing.sample_texts import Candidates, long_candidates, sample_candidates
from localrank_transformers.optimizing.smoothing import smoothing_factors
from localrank_transformers.scoring import margins
from localrank_transformers.tokenization import PairTokenizer, Row

__all__ = [
    "BUILT_IN",
    "Lists",
    "Step",
    "list_logits",
    "list_rows",
    "make_graph",
    "pair_tokenizer",
    "record_of",
]

Step = Callable[[str], None]
Lists = Sequence[Sequence[Row]]

BUILT_IN = "built-in texts of many kinds"


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
    tokenizer = pair_tokenizer(files.config, files.tokenizer_config, files.tokenizer_json)
    lists = [
        list_rows(tokenizer, one) for one in (candidates if len(candidates) >= 4 else sample_candidates())
    ]
    compared_on = "the lists given" if len(candidates) >= 4 else BUILT_IN
    on_step("float32 graph")
    exact = build_graph(encoder)
    probes = [*list_rows(tokenizer, long_candidates()), *lists[-1][:4]]
    check_logits(own, exact, probes)
    check_width(exact, probes[:1])
    half = len(lists) // 2
    if precision == "fp32":
        few = [rows[:4] for rows in lists[half : half + 4]]
        return exact, record_of("fp32", exact, few, OnnxEngine(own, pad_id=0), compared_on=compared_on)
    on_step("calibration")
    smoothing = smoothing_factors(encoder, list(chain.from_iterable(lists[:half])))
    on_step("int8 graph")
    small = build_graph(encoder, smoothing=smoothing)
    on_step("agreement")
    reference = OnnxEngine(exact, pad_id=0)
    return small, record_of("int8", small, lists[half:], reference, compared_on=compared_on, smoothed=PLACES)


def record_of(
    precision: str,
    graph: bytes,
    lists: Lists,
    reference: OnnxEngine,
    *,
    compared_on: str,
    smoothed: tuple[str, ...] = (),
) -> GraphRecord:
    """Return the record of a graph, compared with a float32 engine on `lists`."""
    found = OnnxEngine(graph, pad_id=0, couples_rows=precision == "int8")
    return GraphRecord(
        precision=precision,
        sha256=hashlib.sha256(graph).hexdigest(),
        compared_with="float32 of the same weights",
        compared_on=compared_on,
        agreement=compare(list_logits(reference, lists), list_logits(found, lists)) if lists else None,
        last_layer="first token only",
        smoothed=smoothed,
        localrank=__version__,
        onnxruntime=runtime_version(),
    )


def pair_tokenizer(
    config: Mapping[str, Any], tokenizer_config: Mapping[str, Any], tokenizer_json: bytes
) -> PairTokenizer:
    """Return the model's tokenizer with its own window.

    Raises:
        ModelLoadError: `tokenizer.json` cannot be read.
    """
    shape = read_shape(config, tokenizer_config)
    try:
        tokenizer = Tokenizer.from_str(tokenizer_json.decode())
    except Exception as error:  # the library raises a bare Exception
        raise ModelLoadError(f"tokenizer.json cannot be read: {str(error)[:200]}") from error
    return PairTokenizer(tokenizer, max_length=window(shape, None, None))


def list_rows(tokenizer: PairTokenizer, entry: Candidates) -> list[Row]:
    """Return the rows of a query with each of its texts."""
    query = tokenizer.query(entry.query)
    return [tokenizer.row(query, tokens) for tokens in tokenizer.documents(query, entry.documents)]


def list_logits(engine: OnnxEngine, lists: Lists) -> list[list[float]]:
    """Return the logits of each list's rows, each row alone."""
    request = engine.request()
    return [[margins(request.run([row]))[0] for row in rows] for rows in lists]
