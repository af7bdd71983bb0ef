"""What a late-interaction model's documents are worth to a query: read, packed where that is wanted, and compared by MaxSim.

The vectors of a run's documents are compared as soon as they are computed and then let go, so what is held is one run a worker,
but for what `known.documents` keeps.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from localrank.contract.errors import ModelLoadError
from localrank_transformers.call.contract import DocumentTokens, EngineRequest, Row
from localrank_transformers.families.late.known.documents import KnownDocuments
from localrank_transformers.families.late.known.packed import (
    Compare,
    PackedDocument,
    PackedQuery,
    pack_document,
    pack_query,
)
from localrank_transformers.families.late.tokens import KeyedTokens, LateTokenizer
from localrank_transformers.families.logits import document_logits
from localrank_transformers.models.folder.exported import LateLogit

if TYPE_CHECKING:
    from localrank_transformers.call.contract import Ids

__all__ = ["LateParts", "LateScorer", "late_logits", "mean_of_best_cosines", "row_of"]

_SMALLEST_NORM = 1e-12
_UNIT = 1e-3
"""How far from 1 the length of a unit vector may be."""

_HINT = "Export the model with `localrank models export NAME --out FOLDER`, or use TorchReranker."

_ALONE = 1 << 18
"""Multiplications up to which OpenBLAS computes a product in the thread that asks for it. A larger one it hands to threads of
its own, one product at a time, which spin: workers that each compare a document would wait for one another, far longer."""


@dataclass(frozen=True, slots=True, repr=False)
class LateParts:
    """What scoring needs of a family.

    Attributes:
        tokenizer: Makes rows.
        logit: What the best cosines are turned into.
        hidden: Width of the encoder without its projection, where it is known.
        width: Numbers of a token's vector, where the files state them.
        compare: Compares packed vectors; None where vectors are compared in float32 as the engine gives them.
        known: Documents from one call to the next, which wants `compare`; None where none are kept.
    """

    tokenizer: LateTokenizer
    logit: LateLogit
    hidden: int | None = None
    width: int | None = None
    compare: Compare | None = None
    known: KnownDocuments | None = None


@dataclass(frozen=True, slots=True, repr=False)
class _QueryVectors:
    """A query's unit vectors, and what each counts; None where all count the same. Packed too, where documents are."""

    vectors: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32] | None
    packed: PackedQuery | None


class LateScorer:
    """Encodes the query once, in the worker that comes first, while the others begin with documents; see `Scorer`.

    Args:
        parts: Of the family.
        query: The query's row.
        request: Of the engine.
        spared: Gains the keys of documents that were planned to be read, and then were known.
    """

    def __init__(self, parts: LateParts, query: Row, request: EngineRequest, spared: set[bytes]) -> None:
        self._parts = parts
        self._query = query
        self._request = request
        self._spared = spared
        self._vectors_of_query: _QueryVectors | None = None
        self._lock = threading.Lock()

    def __call__(self, documents: Sequence[DocumentTokens]) -> list[float]:
        """Return one logit a document; see `Scorer`."""
        if self._lock.acquire(blocking=False):
            try:
                self._ask()
            finally:
                self._lock.release()
        if self._parts.compare is None:
            return self._compared_in_float(documents)
        packed = self._packed(documents)
        query = self._query_vectors().packed
        assert query is not None
        return late_logits(self._parts.logit, self._parts.compare(query, packed))

    def _compared_in_float(self, documents: Sequence[DocumentTokens]) -> list[float]:
        rows, counted = self._parts.tokenizer.rows(documents)
        read = self._vectors([row_of(row) for row in rows])
        query = self._query_vectors()
        cosines = [
            mean_of_best_cosines(query.vectors, vectors, compared, query.weights)
            for vectors, compared in zip(read, counted, strict=True)
        ]
        return late_logits(self._parts.logit, np.array(cosines))

    def _packed(self, documents: Sequence[DocumentTokens]) -> list[PackedDocument]:
        """Return each document's vectors, those that are known without reading it."""
        unread = [one for one in documents if not isinstance(one, PackedDocument)]
        read = iter(self._read(unread) if unread else ())
        return [one if isinstance(one, PackedDocument) else next(read) for one in documents]

    def _read(self, documents: Sequence[DocumentTokens]) -> list[PackedDocument]:
        known = self._parts.known
        if known is None:
            return self._computed(documents)
        keys = [document.key for document in documents if isinstance(document, KeyedTokens)]
        found = known.read(
            keys,
            lambda places: self._computed([documents[at] for at in places]),
            lambda: self._request.is_stopped,
        )
        self._spared.update(key for key, one in zip(keys, found, strict=True) if not one.is_new)
        return [one.document for one in found]

    def _computed(self, documents: Sequence[DocumentTokens]) -> list[PackedDocument]:
        rows, counted = self._parts.tokenizer.rows(documents)
        return [
            pack_document(vectors, compared, truncated=document.truncated)
            for document, vectors, compared in zip(
                documents, self._vectors([row_of(row) for row in rows]), counted, strict=True
            )
        ]

    def _query_vectors(self) -> _QueryVectors:
        with self._lock:
            return self._ask()

    def _ask(self) -> _QueryVectors:
        if self._vectors_of_query is None:
            (vectors,) = self._vectors([self._query])
            _checked(vectors, len(self._query.ids), hidden=self._parts.hidden, width=self._parts.width)
            lengths = _norms(vectors)
            weights = self._weights(lengths)
            self._vectors_of_query = _QueryVectors(
                vectors / lengths[:, None],
                weights,
                None if self._parts.compare is None else pack_query(vectors, weights),
            )
        return self._vectors_of_query

    def _weights(self, lengths: npt.NDArray[np.float32]) -> npt.NDArray[np.float32] | None:
        if not self._parts.logit.by_length:
            return None
        if np.abs(lengths - 1.0).max() < _UNIT:
            raise ModelLoadError(
                "The graph gives unit vectors, but the model's tokens count by the lengths of their vectors.",
                hint=_HINT,
            )
        weights: npt.NDArray[np.float32] = lengths / lengths.sum()
        return weights

    def _vectors(self, rows: Sequence[Row]) -> list[npt.NDArray[np.float32]]:
        if not rows:
            return []
        return [vectors.astype(np.float32, copy=False) for vectors in self._request.vectors(rows)]


def late_logits(logit: LateLogit, cosines: npt.NDArray[Any]) -> list[float]:
    """Return one logit a document: scale · mean + bias, in float64.

    Args:
        logit: Scale and bias.
        cosines: The mean of best cosines of each document, shape (documents,).

    Raises:
        InferenceError: A number that is not finite.
    """
    return document_logits(logit.scale * cosines.astype(np.float64) + logit.bias)


def mean_of_best_cosines(
    query: npt.NDArray[np.float32],
    document: npt.NDArray[np.float32],
    counted: Ids | None = None,
    weights: npt.NDArray[np.float32] | None = None,
) -> float:
    """Return the mean over the query's tokens of the best cosine in a document (MaxSim of ColBERT, as a mean).

    Args:
        query: Unit vectors, shape (tokens, dimensions).
        document: Vectors of a document, of any length but zero; same shape.
        counted: 1 for each of its tokens that is compared, None for all; -1 is the best cosine where there is none.
        weights: What each of the query's tokens counts, together 1; None for all the same.
    """
    if counted is not None:
        document = document[counted.astype(bool)]
    cosines = np.empty((len(query), len(document)), dtype=np.float32)
    step = max(1, _ALONE // max(1, query.size))
    for start in range(0, len(document), step):
        part = slice(start, start + step)
        np.matmul(query, document[part].T, out=cosines[:, part])
    cosines /= _norms(document)
    best = cosines.max(axis=1, initial=-1.0)
    return float(best.mean() if weights is None else (best * weights).sum())


def _norms(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    lengths: npt.NDArray[np.float32] = np.sqrt(np.einsum("td,td->t", vectors, vectors))
    return np.maximum(lengths, np.float32(_SMALLEST_NORM))


def _checked(vectors: npt.NDArray[Any], tokens: int, *, hidden: int | None, width: int | None) -> None:
    """Refuse what is no vector a token, or is the encoder's own vector without the projection."""
    if vectors.ndim != 2 or len(vectors) != tokens:
        raise ModelLoadError(
            f"The graph gives {vectors.shape} numbers for {tokens} tokens; late interaction needs a vector a token.",
            hint=_HINT,
        )
    if vectors.shape[1] == hidden != width:
        raise ModelLoadError(
            f"The graph gives {hidden} numbers a token, which is the encoder without its projection.",
            hint=_HINT,
        )


def row_of(ids: Ids, attended: Ids | None = None) -> Row:
    """Return a row without segments."""
    return Row(ids, np.zeros_like(ids), attended)
