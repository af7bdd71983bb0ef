"""A bi-encoder's embeddings of many texts, kept on disk as they are made, so that an interrupted run loses little."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Encoder", "Floats"]

_BLOCK = 1024
_LENGTH = 256
"""Tokens of a text that are read."""

Floats = NDArray[np.float32]


class Encoder:
    """A bi-encoder that sentence-transformers loads, in bf16 where that is faster.

    Args:
        folder: Folder or hub id.
        cache: Folder for the embeddings; of one bi-encoder only.
    """

    def __init__(self, folder: str, cache: Path) -> None:
        self._folder = folder
        self._cache = cache
        self._model: Any = None
        self._known: dict[str, Floats] = {}
        for path in sorted(cache.glob("*.npz")):
            with np.load(path) as stored:
                self._known.update(zip(stored["keys"].tolist(), stored["rows"], strict=True))

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Return one normed row a text."""
        keys = [hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest() for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        ordered = sorted(missing, key=lambda key: len(missing[key]))
        started = time.perf_counter()
        for start in range(0, len(ordered), _BLOCK):
            self._add(ordered[start : start + _BLOCK], missing)
            done = min(start + _BLOCK, len(ordered))
            seconds = time.perf_counter() - started
            print(f"{done} of {len(ordered)} texts encoded in {seconds:.0f} s", file=sys.stderr, flush=True)
        return np.stack([self._known[key] for key in keys])

    def _add(self, keys: Sequence[str], texts: dict[str, str]) -> None:
        rows = self._encode([texts[key] for key in keys])
        self._known.update(zip(keys, rows, strict=True))
        self._cache.mkdir(parents=True, exist_ok=True)
        np.savez(self._cache / f"{keys[0]}.npz", keys=np.asarray(keys), rows=rows)

    def _encode(self, texts: list[str]) -> Floats:
        import torch  # noqa: PLC0415 - only this room needs it

        from localrank_transformers.training.fitting.fitting import trains_in_bf16  # noqa: PLC0415

        if self._model is None:
            self._model = self._loaded()
        device = self._model.device.type
        with torch.autocast(device, torch.bfloat16, enabled=trains_in_bf16(device)):
            rows = self._model.encode(
                texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False
            )
        return np.asarray(rows, dtype=np.float32)

    def _loaded(self) -> Any:
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415

        model = SentenceTransformer(self._folder, model_kwargs={"attn_implementation": "sdpa"})
        model.max_seq_length = _LENGTH
        return model
