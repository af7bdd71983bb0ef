"""fastembed's TextCrossEncoder over our files, registered as a custom model; it returns scores, so the sort is ours."""

from __future__ import annotations

from benchmarks.speed.adapters import Rank

FILES = {"fp32": "onnx/model.onnx", "int8": "onnx/model_qint8_avx512_vnni.onnx"}


def load(folder: str, precision: str) -> Rank:
    """Load the folder with the file of `precision`."""
    from fastembed.common.model_description import ModelSource  # noqa: PLC0415
    from fastembed.rerank.cross_encoder import TextCrossEncoder  # noqa: PLC0415

    name = f"local/{precision}"
    TextCrossEncoder.add_custom_model(name, sources=ModelSource(hf=name), model_file=FILES[precision])
    model = TextCrossEncoder(name, specific_model_path=folder, cuda=False)

    def rank(query: str, documents: list[str]) -> list[tuple[int, float]]:
        scores = [float(score) for score in model.rerank(query, documents)]
        return sorted(enumerate(scores), key=lambda one: -one[1])

    return rank
