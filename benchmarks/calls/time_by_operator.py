"""Where the time of one document goes, by operator: `python -m benchmarks.calls.time_by_operator --model FOLDER`.

ONNX Runtime's own profile of one single-threaded session with the engine's settings, in microseconds a token. Beside the speed
table it says what stands between a model and the limit of its matrix products.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnxruntime as ort

from benchmarks.common.results import RESULTS, write
from benchmarks.common.tables import markdown_table
from localrank_transformers.call.contract import Row
from localrank_transformers.engines.onnx.session import SLOW_FUSIONS
from localrank_transformers.engines.packing import LENGTHS, TYPES, packed_feed

TOKENS = (44, 128, 512)
RUNS = 60
FILES = {"int8": "onnx/model_int8.onnx", "fp32": "onnx/model.onnx"}
SHOWN = 0.01
"""Operators below this share are summed up."""


def main() -> int:
    """Profile both files of the folder at several lengths."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--model", type=Path, required=True, help="folder with onnx/model.onnx and model_int8.onnx"
    )
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    data, parts = {}, []
    for precision, name in FILES.items():
        if not (arguments.model / name).is_file():
            continue
        found = {tokens: _profile(arguments.model / name, tokens, arguments.runs) for tokens in TOKENS}
        data[precision] = found
        parts.append(_table(precision, found))
    write(
        "time_by_operator",
        "Where the time of one document goes",
        "One thread, one document, microseconds a token: the sum of each node's median. Profiling itself adds a little to "
        "each node.\n\n" + "\n\n".join(parts),
        data,
        folder=arguments.output,
    )
    return 0


def _table(precision: str, found: dict[int, dict[str, float]]) -> str:
    longest = found[TOKENS[-1]]
    names = [
        name
        for name in sorted(longest, key=longest.__getitem__, reverse=True)
        if any(one.get(name, 0.0) >= SHOWN * sum(one.values()) for one in found.values())
    ]
    rows = [[name, *(f"{one.get(name, 0.0):.2f}" for one in found.values())] for name in names]
    rest = [sum(value for name, value in one.items() if name not in names) for one in found.values()]
    rows.append(["all others", *(f"{value:.2f}" for value in rest)])
    rows.append(["sum", *(f"{sum(one.values()):.2f}" for one in found.values())])
    return markdown_table([f"{precision}, µs a token", *(f"{tokens} tokens" for tokens in found)], rows)


def _profile(path: Path, tokens: int, runs: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_mem_pattern = False
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = ort.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"], disabled_optimizers=SLOW_FUSIONS
        )
        feed = _feed(session, tokens)
        for _ in range(runs):
            session.run(None, feed)
        events: list[dict[str, Any]] = json.loads(Path(session.end_profiling()).read_text())
    durations: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for event in events:
        is_node = event.get("cat") == "Node" and event["name"].endswith("_kernel_time")
        if is_node and event["args"]["op_name"] != "If":  # the nodes of its branch are there themselves
            durations[event["args"]["op_name"], event["name"]].append(event["dur"])
    spent: defaultdict[str, float] = defaultdict(float)
    for (operator, _), micros in durations.items():
        spent[operator] += median(micros) / tokens
    return dict(spent)


def _feed(session: ort.InferenceSession, tokens: int) -> dict[str, Any]:
    ids = np.random.default_rng(7).integers(1000, 20000, size=tokens, dtype=np.int64)
    names = [given.name for given in session.get_inputs()]
    if LENGTHS in names:
        return packed_feed([Row(ids, np.zeros_like(ids))], with_types=TYPES in names)
    values = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    return {name: values[name][None] for name in names}


if __name__ == "__main__":
    raise SystemExit(main())
