"""Hard negatives by a bi-encoder: cosines of sentence-transformers vectors, in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from sentence_transformers import SentenceTransformer

from localrank.contract.errors import ModelLoadError
from localrank.contract.texts import first_line
from localrank_transformers.training.data.mining import Hits, Retriever

__all__ = ["bi_encoder_retriever"]

_BLOCK = 256


def bi_encoder_retriever(name: str, texts: Sequence[str]) -> Retriever:
    """Return a retriever by cosine over `texts`.

    Args:
        name: A folder or a hub id that sentence-transformers loads.
        texts: The collection; read once, here.

    Raises:
        ModelLoadError: It cannot be loaded.
    """
    try:
        model = SentenceTransformer(name, trust_remote_code=False)
    except Exception as error:
        raise ModelLoadError(f"The bi-encoder {name!r} cannot be loaded: {first_line(error, 300)}") from error
    vectors = _encoded(model, texts)

    def retrieve(queries: Sequence[str], depth: int) -> list[Hits]:
        hits: list[Hits] = []
        for start in range(0, len(queries), _BLOCK):
            cosines = _encoded(model, queries[start : start + _BLOCK]) @ vectors.T
            best = cosines.topk(min(depth, len(texts)), dim=1)
            hits += [
                list(zip(places, values, strict=True))
                for places, values in zip(best.indices.tolist(), best.values.tolist(), strict=True)
            ]
        return hits

    return retrieve


def _encoded(model: Any, texts: Sequence[str]) -> torch.Tensor:
    encoded: torch.Tensor = model.encode(
        list(texts), convert_to_tensor=True, normalize_embeddings=True, show_progress_bar=False
    )
    return encoded.float()
