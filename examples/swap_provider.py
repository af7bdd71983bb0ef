"""Swap the provider by one constructor; the call stays as it is."""

from __future__ import annotations

from localrank import RerankerModel, rerank_sync
from localrank.testing import LexicalReranker
from localrank_transformers import OnnxReranker

QUERY = "What do pandas eat?"
DOCUMENTS = [
    "We eat at seven and leave at nine.",
    "The diet of the giant panda is almost entirely bamboo.",
    "Frogs lay their eggs in ponds.",
]

MODELS: dict[str, RerankerModel] = {
    "shared words": LexicalReranker(),
    "embedded model": OnnxReranker(),
}


def best(model: RerankerModel) -> str:
    return rerank_sync(model, QUERY, DOCUMENTS, top_k=1)[0].document


if __name__ == "__main__":
    for name, model in MODELS.items():
        print(f"{name}: {best(model)}")
