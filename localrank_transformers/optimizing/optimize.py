"""From a model folder to a folder with faster graphs: calibrate, write, compare, record."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

from tokenizers import Tokenizer

from localrank.contract.errors import InvalidRequestError, ModelLoadError
from localrank_transformers.engines.onnx import OnnxEngine, runtime_version
from localrank_transformers.families.cross_encoder import read_shape, window
from localrank_transformers.optimizing.agreement import Agreement, compare
from localrank_transformers.optimizing.encoder_graph import Smoothing, build_graph
from localrank_transformers.optimizing.encoder_weights import Encoder, read_encoder
from localrank_transformers.optimizing.smoothing import smoothing_factors
from localrank_transformers.scoring import margins
from localrank_transformers.tokenization import PairTokenizer, Row

__all__ = ["RECORD", "Candidates", "optimize", "read_candidates"]

RECORD = "localrank.json"
"""The file beside the graphs that says how they were made and how well they agree."""

FP32_NAME = "onnx/model.onnx"
FP32_BESIDE = "onnx/model_first_token.onnx"
"""The float32 graph's name where the folder has a graph of its own, which is left alone."""

INT8_NAME = "onnx/model_int8.onnx"

_COPIED = ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "README.md")
_EXACT = 1e-3
"""What the float32 graph's logits may differ by from the folder's own graph, as rounding does."""

Step = Callable[[str], None]


def _ignore_step(step: str) -> None:
    """Do nothing; stands in where nobody asked what is being done."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """A query and texts that a retriever found for it."""

    query: str
    documents: tuple[str, ...]


def read_candidates(path: Path) -> list[Candidates]:
    """Read JSON Lines of `{"query": …, "documents": [text, …]}`.

    Raises:
        InvalidRequestError: A line is something else; names the line.
    """
    found: list[Candidates] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            found.append(Candidates(str(entry["query"]), tuple(map(str, entry["documents"]))))
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidRequestError(
                f"{path}:{number} is no calibration entry.",
                hint='Write one JSON object a line: {"query": "…", "documents": ["…", "…"]}.',
            ) from error
    return found


def optimize(
    folder: Path, out: Path, *, candidates: Sequence[Candidates], on_step: Step = _ignore_step
) -> Agreement | None:
    """Write float32 and int8 graphs of `folder`'s weights into `out`, with tokenizer, config and a record.

    Half of the candidates calibrate the int8 graph, the other half measures how well it agrees with float32; with fewer than
    four lists, the int8 graph is not smoothed and nothing is measured.

    Args:
        folder: A folder in the Hugging Face layout with `model.safetensors`.
        out: Made where it does not exist; may be `folder` itself.
        candidates: Queries with texts of the kind that will be ranked.
        on_step: Told what is being done.

    Raises:
        ModelLoadError: The architecture is none of those known, or the new graph does not give the model's own logits.
        MissingDependencyError: The extra `optimize` is not installed.
    """
    encoder = read_encoder(folder)
    on_step("float32 graph")
    tokenizer, half = _tokenizer(folder), len(candidates) // 2
    rows = [_rows(tokenizer, entry) for entry in candidates]
    exact = build_graph(encoder)
    _check_exact(folder, exact, rows[:1] or [_rows(tokenizer, Candidates("a query", ("a document",)))])
    measured = half >= 2
    on_step("calibration" if measured else "no calibration: too few candidates")
    smoothing = smoothing_factors(encoder, list(chain.from_iterable(rows[:half]))) if measured else {}
    on_step("int8 graph")
    small = build_graph(encoder, smoothing=smoothing)
    on_step("agreement")
    agreement = compare(_logits(exact, rows[half:]), _logits(small, rows[half:])) if measured else None
    fp32 = _write(folder, out, exact, small)
    _record(out, fp32, encoder, smoothing, agreement)
    return agreement


def _tokenizer(folder: Path) -> PairTokenizer:
    config = json.loads((folder / "config.json").read_text())
    placed = folder / "tokenizer_config.json"
    shape = read_shape(config, json.loads(placed.read_text()) if placed.is_file() else {})
    return PairTokenizer(
        Tokenizer.from_file(str(folder / "tokenizer.json")), max_length=window(shape, None, None)
    )


def _rows(tokenizer: PairTokenizer, entry: Candidates) -> list[Row]:
    query = tokenizer.query(entry.query)
    return [tokenizer.row(query, tokens) for tokens in tokenizer.documents(query, entry.documents)]


def _logits(graph: bytes | Path, lists: Sequence[Sequence[Row]]) -> list[list[float]]:
    request = OnnxEngine(graph, pad_id=0).request()
    return [[margins(request.run([row]))[0] for row in rows] for rows in lists]


def _check_exact(folder: Path, exact: bytes, lists: Sequence[Sequence[Row]]) -> None:
    own = next(
        (folder / name for name in ("onnx/model.onnx", "model.onnx") if (folder / name).is_file()), None
    )
    if own is None:
        return
    for expected, found in zip(_logits(own, lists), _logits(exact, lists), strict=True):
        worst = max(abs(a - b) for a, b in zip(expected, found, strict=True))
        if worst > _EXACT:
            raise ModelLoadError(
                f"The optimized graph's logits differ from the folder's own by {worst:.2g}.",
                hint="The weights and the ONNX file may be of different models; the model runs as it is.",
            )


def _write(folder: Path, out: Path, exact: bytes, small: bytes) -> str:
    (out / "onnx").mkdir(parents=True, exist_ok=True)
    for name in _COPIED:
        if (folder / name).is_file() and folder.resolve() != out.resolve():
            shutil.copyfile(folder / name, out / name)
    fp32 = FP32_BESIDE if (out / FP32_NAME).exists() else FP32_NAME
    for name, content in ((fp32, exact), (INT8_NAME, small)):
        _replace(out / name, content)
    return fp32


def _record(
    out: Path, fp32: str, encoder: Encoder, smoothing: Smoothing, agreement: Agreement | None
) -> None:
    record = {
        "fp32": {"file": fp32, "last_layer": "first token only", "mask": False},
        "int8": {
            "file": INT8_NAME,
            "weights": "symmetric, a scale an output channel",
            "activations": "dynamic, asymmetric, a scale a run",
            "smoothed": sorted({place for _, place in smoothing}),
            "agreement_with_fp32": asdict(agreement) if agreement else None,
        },
        "layers": len(encoder.layers),
        "onnxruntime": runtime_version(),
    }
    _replace(out / RECORD, (json.dumps(record, indent=2) + "\n").encode())


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old or the new one, never a part."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(content)
    part.replace(path)
