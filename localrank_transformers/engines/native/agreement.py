"""Whether this machine computes what others do: the bits of the embedded models' vectors over a few texts, recorded."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from localrank_transformers.engines.native.encoder import NativeEncoder, StopFlag
from localrank_transformers.engines.native.layout import read_layout
from localrank_transformers.engines.native.library import Kernels
from localrank_transformers.engines.native.pieces import NativeFinder
from localrank_transformers.models import bundled
from localrank_transformers.models.bundled.separate import EXTRAS, is_installed, recorded_bits
from localrank_transformers.models.folder.stated.pairs import PairSettings
from localrank_transformers.models.folder.stated.tokenizer import read_tokenizer
from localrank_transformers.models.folder.stated.unigram import UnigramTokenizer, unigram_tokenizer

__all__ = ["SUMS", "recorded", "sum_of_bits"]

_LONG = (
    "The river rises in the hills, turns mills in 14 villages and is, at 212 km, the longest of the three. "
)

TEXTS = (
    "",
    "Paris",
    "What do pandas eat?",
    "Pandas eat bamboo: some 12–38 kg of it a day, and little else.",
    "def add(a: int, b: int) -> int:\n    return a + b  # no overflow in Python",
    "Ein Satz mit Umlauten: Größe, Übermut, Äquator.",
    "量子コンピュータは、重ね合わせを利用する。",
    "|year|result|\n|---|---|\n|2021|1,204.5|\n|2022|-17.25|",
    "no no no no no no no no no no no no no no no no no no no no no no no no no no no no no no no no",
    *(_LONG * times for times in (1, 3, 8, 30)),
)
"""Of one token and of the whole window, and of lengths on both sides of what a register holds."""

SUMS = {
    "localrank-mini": "44fc89c70daa217e2fea69aef4f126bc7b8fc2e5763f978bbb4290d47ebff4c1",
    "localrank-tiny": "9c48ebf8ca07da01506c41869019a19d2b03d2f86b05eab63fd66a2af3eecccf",
}
"""SHA-256 of all vectors of an embedded model of this package, as float32 from the lowest byte up."""


def recorded() -> dict[str, str]:
    """Return `SUMS`, and the same of each model of a package of its own that is installed and states it."""
    found = {model: recorded_bits(model) for model in EXTRAS if is_installed(model)}
    return SUMS | {model: bits for model, bits in found.items() if bits is not None}


def sum_of_bits(kernels: Kernels, model: str) -> str:
    """Return what `recorded` has of an embedded model, as these kernels compute it.

    Raises:
        ModelLoadError: A file of the model is missing or altered, or there is no memory for it.
        InferenceError: A number is not finite.
        LookupError: The model lies in an archive, or is none that the kernels compute.
    """
    graph, check = bundled.read_model(model, "onnx/model_int8.onnx")
    check()
    layout = read_layout(graph) if isinstance(graph, Path) else None
    if layout is None:
        raise LookupError(model)
    tokenizer, window = _tokenizer(kernels, model), len(layout.positions)
    encoder = NativeEncoder(kernels, layout)
    found = hashlib.sha256()
    for text in TEXTS:
        ids = np.array(tokenizer.encode(text).ids, dtype=np.int64)
        if len(ids) > window:
            ids = np.append(ids[: window - 1], ids[-1])  # the text is cut, and the token that ends it stays
        vectors = encoder.run(ids, np.zeros_like(ids), np.array([len(ids)], dtype=np.int32), StopFlag(0))
        found.update(vectors.astype("<f4", copy=False).tobytes())
    return found.hexdigest()


def _tokenizer(kernels: Kernels, model: str) -> Tokenizer | UnigramTokenizer:
    """Return a model's tokenizer, its pieces found by the kernels where it has some."""
    content, said = bundled.read_file(model, "tokenizer.json"), PairSettings()
    apart = unigram_tokenizer(content, said, NativeFinder(kernels))
    return (apart or read_tokenizer(content, said))[0]
