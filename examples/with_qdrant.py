"""Qdrant in process: the embedded model's token vectors are kept there as multivectors, searched, and scored by the model."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from qdrant_client import QdrantClient, models

from localrank_transformers import OnnxReranker

NOTES = Path(__file__).parent / "notes"


def read_notes(folder: Path) -> list[tuple[str, str]]:
    return [
        (path.stem, " ".join(section.split()))
        for path in sorted(folder.glob("*.md"))
        for section in path.read_text("utf-8").split("\n## ")[1:]
    ]


def fill(client: QdrantClient, reranker: OnnxReranker, notes: list[tuple[str, str]]) -> None:
    vectors = reranker.document_vectors([text for _, text in notes])
    client.create_collection(
        "notes",
        vectors_config=models.VectorParams(
            size=vectors[0].vectors.shape[1],
            distance=models.Distance.DOT,
            multivector_config=models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM),
        ),
    )
    client.upsert(
        "notes",
        [
            models.PointStruct(
                id=number, vector=one.vectors.tolist(), payload={"source": source, "text": text}
            )
            for number, ((source, text), one) in enumerate(zip(notes, vectors, strict=True))
        ],
    )


if __name__ == "__main__":
    question = " ".join(sys.argv[1:]) or "How long do I press the button to reset the router?"
    with OnnxReranker() as reranker:
        client = QdrantClient(":memory:")
        fill(client, reranker, read_notes(NOTES))
        # Qdrant adds up the greatest dot product of each of the query's vectors; their lengths are what each token counts.
        asked = reranker.query_vectors(question).weighted.tolist()
        found = client.query_points("notes", query=asked, limit=3, with_vectors=True).points
        scores = reranker.score_vectors(question, [np.array(point.vector) for point in found])
        for point, score in zip(found, scores, strict=True):
            payload = point.payload or {}
            print(f"{score:.3f} {payload['source']}: {payload['text'][:60]}")
        client.close()
