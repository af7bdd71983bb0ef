"""What a document's vectors depend on besides its text: contents of files, not their places or what computes them."""

from __future__ import annotations

from dataclasses import astuple
from hashlib import blake2b, file_digest
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localrank_transformers.models.folder.late_layout import LateLayout
    from localrank_transformers.models.folder.model_files import ModelFiles
    from localrank_transformers.models.folder.stated.pairs import PairSettings

__all__ = ["identity_of"]

_FORMAT = b"localrank packed token vectors 2"
"""Of vectors and keys, and of what a text goes through before the rules of its tokenizer's file (`stated/tokenizer.py` puts
letters and their marks together): another one knows nothing of what this one kept."""

_IDENTITY_BYTES = 32


def identity_of(files: ModelFiles, layout: LateLayout, window: int) -> bytes:
    """Return what a document's vectors depend on besides its text, as 32 bytes; which engine computes them is no part of it.

    Args:
        files: Graph and tokenizer; their contents count, not their places.
        layout: Markers, prefix, and which tokens are skipped.
        window: Tokens of a document.

    Raises:
        OSError: The graph cannot be read.
    """
    found = blake2b(digest_size=_IDENTITY_BYTES)
    parts = (
        _FORMAT,
        *_sums(files),
        blake2b(files.tokenizer_json).digest(),
        repr(_read_beside(files.pairs)).encode(),
        repr((layout.document_prefix, sorted(layout.skipped), layout.width, window)).encode(),
    )
    for part in parts:
        found.update(len(part).to_bytes(8, "little") + part)
    return found.digest()


def _read_beside(said: PairSettings) -> tuple[object, ...]:
    """Return what files beside the tokenizer's say of the reading of a document."""
    return said.lowercase_first, said.special, None if said.letters is None else astuple(said.letters)


def _sums(files: ModelFiles) -> list[bytes]:
    """Return the SHA-256 of the graph, and of what lies beside it under its name: data that it keeps outside."""
    if files.graph_sum is not None:
        return [bytes.fromhex(files.graph_sum)]
    if isinstance(files.onnx, bytes):
        return [blake2b(files.onnx).digest()]
    beside = sorted(path for path in files.onnx.parent.iterdir() if path.name.startswith(files.onnx.name))
    return [_sum(path) for path in beside if path.is_file()]


def _sum(path: Path) -> bytes:
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").digest()
