"""Documents whose vectors follow from their numbers, and a process that puts them into a store until it is ended."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from localrank_transformers.families.late.known.disk.store import OpenStore
from localrank_transformers.families.late.known.packed import PackedDocument, pack_document

__all__ = ["IDENTITY", "WIDTH", "document", "key", "store_for_ever"]

IDENTITY = b"i" * 32
WIDTH = 16


def key(number: int) -> bytes:
    """Return the key of a document."""
    return number.to_bytes(32, "big")


def document(number: int, tokens: int | None = None) -> PackedDocument:
    """Return a document of one to fifty tokens."""
    random = np.random.default_rng(number)
    count = 1 + number % 50 if tokens is None else tokens
    vectors = random.standard_normal((count, WIDTH)).astype(np.float32)
    return pack_document(vectors, truncated=number % 3 == 0)


def store_for_ever(folder: Path, start: int, max_mb: int) -> None:
    """Keep one document after another, three at a time, and say on standard output how far that is done."""
    store = OpenStore(folder, max_mb)
    store.open(IDENTITY, "a model")
    number = start
    while True:
        store.keep([(key(at), document(at)) for at in range(number, number + 3)])
        assert not store.warnings()
        number += 3
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    store_for_ever(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
