"""AnswerDotAI's rerankers, its cross-encoder class on the CPU."""

from __future__ import annotations

from benchmarks.speed.adapters import Rank


def load(folder: str, precision: str) -> Rank:  # noqa: ARG001
    """Load the folder in float32."""
    import torch  # noqa: PLC0415
    from rerankers import Reranker  # noqa: PLC0415

    model = Reranker(folder, model_type="cross-encoder", device="cpu", dtype=torch.float32, verbose=0)

    def rank(query: str, documents: list[str]) -> list[tuple[int, float]]:
        found = model.rank(query, documents, doc_ids=list(range(len(documents))))
        return [(int(one.doc_id), float(one.score)) for one in found.results]

    return rank
