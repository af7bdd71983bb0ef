"""What a finished late-interaction model makes of many texts: their tokens, and its vector of each token, in int8 on disk.

A vector is kept as int8 times one scale, so that its direction and its length both stay and 13 million vectors of width 384 fit
into 5 GB. Texts are read by the model's own int8 graph, one at a time, on every core.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from localrank.providers.cores import usable_cores
from localrank_transformers.call.contract import Row
from localrank_transformers.engines.onnx.session import OnnxEngine

__all__ = ["GRAPH", "TokenStore", "build_store", "made_by"]

Floats = NDArray[np.float32]

GRAPH = "onnx/model_int8.onnx"
_MADE_BY = "made-by.txt"
"""The SHA-256 of the graph; written when all else is."""

_REPORT = 20_000
_FIRST_WORD = 999
"""The ids below it are special or unused."""


class TokenStore:
    """Tokens and vectors of texts.

    Args:
        folder: Written by `build_store`.
    """

    def __init__(self, folder: Path) -> None:
        self._ids: NDArray[np.int32] = np.load(folder / "ids.npy")
        self._starts: NDArray[np.int64] = np.load(folder / "starts.npy")
        self._scales: Floats = np.load(folder / "scales.npy")
        self._rows: NDArray[np.int8] = np.load(folder / "rows.npy", mmap_mode="r")
        self.width: int = self._rows.shape[1]

    def __len__(self) -> int:
        return len(self._starts) - 1

    def lengths(self) -> NDArray[np.int64]:
        """Return the number of tokens of each text."""
        return np.diff(self._starts)

    def ids(self, place: int) -> NDArray[np.int64]:
        """Return the tokens of a text."""
        return self._ids[self._starts[place] : self._starts[place + 1]].astype(np.int64)

    def vectors(self, place: int) -> Floats:
        """Return the vectors of a text, shape (tokens, width)."""
        part = slice(self._starts[place], self._starts[place + 1])
        found: Floats = self._rows[part] * self._scales[part, None]
        return found

    def pooled(self) -> Floats:
        """Return the sum of each text's vectors at length 1, shape (texts, width), which is a bi-encoder's embedding."""
        sums = np.stack([self.vectors(place).sum(0) for place in range(len(self))])
        return sums / np.linalg.norm(sums, axis=1, keepdims=True)


def made_by(model: Path, folder: Path) -> bool | None:
    """Return whether the whole store in `folder` is of this model's vectors; None where there is no whole one."""
    file = folder / _MADE_BY
    return file.read_text() == _digest(model) if file.is_file() else None


def _digest(model: Path) -> str:
    with (model / GRAPH).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def build_store(
    model: Path, texts: Sequence[str], folder: Path, *, length: int, exchanged: float, seed: int
) -> TokenStore:
    """Write and return the store of `texts`.

    Args:
        model: Folder of a finished late-interaction model.
        texts: Anything.
        folder: Made where it does not exist.
        length: Tokens of a text that are read.
        exchanged: Share of the tokens of every second text that are exchanged for random ones, so that each word is met.
        seed: Of what is exchanged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(length)
    rows = [found.ids for found in tokenizer.encode_batch_fast(list(texts))]
    _exchange(rows, tokenizer.get_vocab_size(), exchanged, seed)
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    np.save(folder / "ids.npy", np.concatenate(rows).astype(np.int32))
    np.save(folder / "starts.npy", starts)
    width = json.loads((model / "config.json").read_text())["hidden_size"]
    scales = _encode(model / GRAPH, rows, starts, folder / "rows.npy", width)
    np.save(folder / "scales.npy", scales)
    (folder / _MADE_BY).write_text(_digest(model))
    return TokenStore(folder)


def _exchange(rows: list[list[int]], words: int, share: float, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - sampling, no secret
    for row in rows[::2]:
        for at in range(1, len(row) - 1):
            if dice.random() < share:
                row[at] = dice.randrange(_FIRST_WORD, words)


def _encode(graph: Path, rows: list[list[int]], starts: NDArray[np.int64], file: Path, width: int) -> Floats:
    request = OnnxEngine(graph, pad_id=0, int8=True).request()
    shape = (int(starts[-1]), width)
    kept = np.lib.format.open_memmap(file, mode="w+", dtype=np.int8, shape=shape)
    scales = np.empty(shape[0], np.float32)

    def encode(place: int) -> None:
        ids = np.asarray(rows[place], np.int64)
        (found,) = request.vectors([Row(ids, np.zeros_like(ids))])
        part = slice(starts[place], starts[place + 1])
        scales[part] = np.abs(found).max(1) / 127
        kept[part] = np.rint(found / scales[part, None])

    started = time.perf_counter()
    with ThreadPoolExecutor(usable_cores()) as pool:
        for done, _ in enumerate(pool.map(encode, range(len(rows))), 1):
            if done % _REPORT == 0:
                seconds = time.perf_counter() - started
                print(f"{done} of {len(rows)} texts in {seconds:.0f} s", file=sys.stderr, flush=True)
    kept.flush()
    return scales
