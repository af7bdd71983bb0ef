"""FlashRank, its own code over our files: its cache folder holds them under the name of a model that it knows."""

from __future__ import annotations

from pathlib import Path

from benchmarks.speed.adapters import Rank

MODEL = "ms-marco-MiniLM-L-12-v2"
FILE = "flashrank-MiniLM-L-12-v2_Q.onnx"
"""What FlashRank's table of files calls that model's file."""


def load(folder: str, precision: str) -> Rank:
    """Load the folder `flashrank-<precision>` below `folder`."""
    from flashrank import Ranker, RerankRequest  # noqa: PLC0415

    model = Ranker(model_name=MODEL, cache_dir=str(Path(folder) / f"flashrank-{precision}"), max_length=512)

    def rank(query: str, documents: list[str]) -> list[tuple[int, float]]:
        passages = [{"id": place, "text": text} for place, text in enumerate(documents)]
        found = model.rerank(RerankRequest(query=query, passages=passages))
        return [(int(one["id"]), float(one["score"])) for one in found]

    return rank
