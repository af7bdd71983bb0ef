"""GFLOP/s of ONNX Runtime's matrix products on one layer's shapes, one single-threaded run a core at once."""

from __future__ import annotations

import argparse
import json
import threading
import time
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

SECONDS = 0.7
TOKENS = (128, 256)
KINDS = {"MatMulInteger": "ort_int8", "DynamicQuantizeMatMul": "ort_int8_dynamic", "MatMul": "ort_fp32"}


def main() -> int:
    """Print a JSON object: kind → GFLOP/s."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hidden", type=int, required=True)
    parser.add_argument("--inner", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    hidden, inner = arguments.hidden, arguments.inner
    shapes = [(hidden, hidden)] * 4 + [(hidden, inner), (inner, hidden)]
    found: dict[str, float] = {}
    for operator, name in KINDS.items():
        session = _session(operator, shapes)
        found[name] = max(_speed(session, operator, tokens, shapes, arguments.threads) for tokens in TOKENS)
    print(json.dumps(found))
    return 0


def _session(operator: str, shapes: list[tuple[int, int]]) -> ort.InferenceSession:
    random = np.random.default_rng(7)
    integer = operator == "MatMulInteger"
    element = TensorProto.UINT8 if integer else TensorProto.FLOAT
    weights, nodes, outputs = [], [], []
    for place, (wide, out) in enumerate(shapes):
        inputs = [f"rows_{wide}", f"weight_{place}"]
        if operator == "MatMul":
            weights.append(
                numpy_helper.from_array(random.normal(size=(wide, out)).astype(np.float32), inputs[1])
            )
        else:
            values = random.integers(-127, 127, size=(wide, out), dtype=np.int8)
            weights.append(numpy_helper.from_array(values, inputs[1]))
        if operator == "DynamicQuantizeMatMul":
            weights.append(numpy_helper.from_array(np.full(out, 0.01, dtype=np.float32), f"scale_{place}"))
            inputs.append(f"scale_{place}")
        domain = "com.microsoft" if operator == "DynamicQuantizeMatMul" else ""
        nodes.append(helper.make_node(operator, inputs, [f"out_{place}"], domain=domain))
        kind = TensorProto.INT32 if integer else TensorProto.FLOAT
        outputs.append(helper.make_tensor_value_info(f"out_{place}", kind, ["tokens", out]))
    given = [
        helper.make_tensor_value_info(f"rows_{wide}", element, ["tokens", wide])
        for wide in {w for w, _ in shapes}
    ]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(
        helper.make_graph(nodes, "layer", given, outputs, weights), opset_imports=opsets, ir_version=9
    )
    onnx.checker.check_model(model)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _speed(
    session: ort.InferenceSession, operator: str, tokens: int, shapes: list[tuple[int, int]], threads: int
) -> float:
    random = np.random.default_rng(7)
    feed: dict[str, Any] = {}
    for wide in {wide for wide, _ in shapes}:
        if operator == "MatMulInteger":
            feed[f"rows_{wide}"] = random.integers(0, 255, size=(tokens, wide), dtype=np.uint8)
        else:
            feed[f"rows_{wide}"] = random.normal(size=(tokens, wide)).astype(np.float32)
    work = sum(2 * tokens * wide * out for wide, out in shapes)
    return max(_rounds_per_second(session, feed, threads) for _ in range(3)) * work / 1e9


def _rounds_per_second(session: ort.InferenceSession, feed: dict[str, Any], threads: int) -> float:
    rates = [0.0] * threads
    start = threading.Barrier(threads)

    def loop(place: int) -> None:
        session.run(None, feed)
        start.wait()
        rounds, begun = 0, time.perf_counter()
        while time.perf_counter() - begun < SECONDS / 2:
            session.run(None, feed)
            rounds += 1
        rates[place] = rounds / (time.perf_counter() - begun)

    workers = [threading.Thread(target=loop, args=(place,)) for place in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(rates)


if __name__ == "__main__":
    raise SystemExit(main())
