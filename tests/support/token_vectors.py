"""Token vectors of random queries and documents, packed, for tests and checks of what compares them."""

from __future__ import annotations

from typing import Any

import numpy as np

from localrank_transformers.families.late.known.packed import (
    Bits,
    PackedDocument,
    PackedQuery,
    pack_document,
    pack_query,
)

__all__ = ["Vectors", "random_case", "random_vectors"]

Vectors = np.ndarray[Any, np.dtype[np.float32]]


def random_vectors(random: np.random.Generator, tokens: int, width: int) -> Vectors:
    """Return vectors of unequal lengths, a few of whose numbers are far greater than the others."""
    vectors = random.standard_normal((tokens, width)) * random.uniform(0.1, 20, (tokens, 1))
    vectors[:, random.integers(0, width)] *= random.choice([1, 30])
    return vectors.astype(np.float32)


def random_case(random: np.random.Generator, bits: Bits = 7) -> tuple[PackedQuery, list[PackedDocument]]:
    """Return a query of up to 150 tokens and up to six documents of up to 70, none of them without a token among them."""
    width = int(random.choice([random.integers(1, 140), 128, 312, 384, 1024]))
    weights = random.random(int(random.integers(1, 151))).astype(np.float32)
    query = pack_query(random_vectors(random, len(weights), width), weights / weights.sum(), bits=bits)
    lengths = random.integers(0, 71, int(random.integers(1, 7)))
    return query, [pack_document(random_vectors(random, int(length), width), bits=bits) for length in lengths]
