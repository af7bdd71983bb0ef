"""sentence-transformers' CrossEncoder: torch, ONNX and OpenVINO, each as its documentation loads it."""

from __future__ import annotations

from typing import Any

from benchmarks.speed.adapters import Rank

INT8_FILE = "onnx/model_qint8_avx512_vnni.onnx"


def load(folder: str, precision: str) -> Rank:
    """Load the folder; `precision` is `torch-fp32`, `torch-bf16`, `onnx-fp32`, `onnx-int8`, `openvino` or `openvino-fp32`."""
    import torch  # noqa: PLC0415
    from sentence_transformers import CrossEncoder  # noqa: PLC0415

    backend, _, kind = precision.partition("-")
    arguments: dict[str, Any] = {}
    if kind == "bf16":
        arguments["dtype"] = torch.bfloat16
    elif backend == "onnx":
        name = INT8_FILE if kind == "int8" else "onnx/model.onnx"
        arguments.update(file_name=name, provider="CPUExecutionProvider")
    elif backend == "openvino":
        arguments.update(file_name="openvino_model.xml", ov_config=_config(kind))
    model = CrossEncoder(folder, backend=backend, device="cpu", model_kwargs=arguments, max_length=512)

    def rank(query: str, documents: list[str]) -> list[tuple[int, float]]:
        found = model.rank(query, documents, show_progress_bar=False)
        return [(int(one["corpus_id"]), float(one["score"])) for one in found]

    return rank


def _config(kind: str) -> dict[str, str]:
    return {"INFERENCE_PRECISION_HINT": "f32"} if kind == "fp32" else {}
