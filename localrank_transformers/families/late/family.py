"""Late interaction over a graph of token vectors: the mean over the query's tokens of the best cosine in each document.

The vectors of a run's documents are compared as soon as they are computed and then let go, so what is held is one run a worker,
unless the user gives room for those of documents that may come again.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from localrank.contract.errors import ModelLoadError
from localrank_transformers.call.contract import (
    Activation,
    DocumentTokens,
    EngineRequest,
    OnnxQuery,
    Row,
    Scorer,
)
from localrank_transformers.families.late.known_vectors import DocumentVectors
from localrank_transformers.families.late.logit import LateLogit
from localrank_transformers.families.late.tokens import LateQuery, LateTokenizer

if TYPE_CHECKING:
    from localrank_transformers.call.contract import Ids

__all__ = ["LateFamily", "mean_of_best_cosines"]

_SMALLEST_NORM = 1e-12
_UNIT = 1e-3
"""How far from 1 the length of a unit vector may be."""

_HINT = "Export the model with `localrank models export NAME --out FOLDER`, or use TorchReranker."

_ALONE = 1 << 18
"""Multiplications up to which OpenBLAS computes a product in the thread that asks for it. A larger one it hands to threads of
its own, one product at a time, which spin: workers that each compare a document would wait for one another, far longer."""


@dataclass(frozen=True, slots=True, repr=False)
class LateFamily:
    """Query and documents apart; see `OnnxFamily`.

    Attributes:
        tokenizer: Makes rows.
        logit: What the best cosines are turned into.
        hidden: Width of the encoder without its projection, where it is known.
        width: Numbers of a token's vector, where the files state them.
        known: Vectors of documents from one call to the next; None where none are kept.
    """

    tokenizer: LateTokenizer
    logit: LateLogit
    hidden: int | None = None
    width: int | None = None
    known: DocumentVectors | None = None
    groups: bool = False
    reads_instruction: bool = False
    query_room: str = "what this model reads of one"

    @property
    def activation(self) -> Activation:
        """What turns a logit into a score where the user does not say."""
        return self.logit.activation

    def open(self, query: str, instruction: str | None) -> OnnxQuery:  # noqa: ARG002  # a row has no place for it
        """Tokenize a query."""
        return _Query(self, self.tokenizer.query(query))

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the character span of each token of `text`."""
        return self.tokenizer.token_spans(text)


@dataclass(frozen=True, slots=True, repr=False)
class _Query:
    """See `OnnxQuery`."""

    family: LateFamily
    query: LateQuery

    @property
    def truncated(self) -> bool:
        return self.query.truncated

    @property
    def query_tokens(self) -> int:
        return len(self.query.ids)

    def documents(self, texts: Sequence[str]) -> list[DocumentTokens]:
        return self.family.tokenizer.documents(texts)

    def length(self, document: DocumentTokens) -> int:
        known = self.family.known
        is_known = known is not None and known.has(document.ids)
        return 0 if is_known else self.family.tokenizer.length(document)

    def row(self) -> Row:
        return _row(self.query.ids, self.query.attended)

    def rows(self, documents: Sequence[DocumentTokens]) -> list[Row]:
        return [self.row(), *(_row(self.family.tokenizer.row(document)) for document in documents)]

    def scorer(self, request: EngineRequest) -> Scorer:
        return _Scorer(self.family, self.row(), request)


@dataclass(frozen=True, slots=True, repr=False)
class _Asked:
    """A query's unit vectors, and what each counts; None where all count the same."""

    vectors: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32] | None


class _Scorer:
    """Encodes the query once, in the worker that comes first, while the others begin with documents."""

    def __init__(self, family: LateFamily, query: Row, request: EngineRequest) -> None:
        self._family = family
        self._query = query
        self._request = request
        self._asked: _Asked | None = None
        self._lock = threading.Lock()

    def __call__(self, documents: Sequence[DocumentTokens]) -> list[float]:
        if self._lock.acquire(blocking=False):
            try:
                self._ask()
            finally:
                self._lock.release()
        rows = [self._family.tokenizer.row(document) for document in documents]
        found = self._document_vectors(documents, rows)
        asked = self._query_vectors()
        cosines = [
            mean_of_best_cosines(asked.vectors, vectors, self._family.tokenizer.counted(row), asked.weights)
            for row, vectors in zip(rows, found, strict=True)
        ]
        return self._family.logit.margins(np.array(cosines))

    def _document_vectors(
        self, documents: Sequence[DocumentTokens], rows: Sequence[Ids]
    ) -> list[npt.NDArray[np.float32]]:
        """Return the vectors of each document, those that are known without reading it again."""
        known = self._family.known
        found = [None if known is None else known.get(document.ids) for document in documents]
        missing = [at for at, vectors in enumerate(found) if vectors is None]
        for at, vectors in zip(missing, self._vectors([_row(rows[at]) for at in missing]), strict=True):
            found[at] = vectors
            if known is not None:
                known.keep(documents[at].ids, vectors)
        return [vectors for vectors in found if vectors is not None]

    def _query_vectors(self) -> _Asked:
        with self._lock:
            return self._ask()

    def _ask(self) -> _Asked:
        if self._asked is None:
            (vectors,) = self._vectors([self._query])
            _checked(vectors, len(self._query.ids), hidden=self._family.hidden, width=self._family.width)
            lengths = _norms(vectors)
            self._asked = _Asked(vectors / lengths[:, None], self._weights(lengths))
        return self._asked

    def _weights(self, lengths: npt.NDArray[np.float32]) -> npt.NDArray[np.float32] | None:
        if not self._family.logit.by_length:
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


def _row(ids: Ids, attended: Ids | None = None) -> Row:
    return Row(ids, np.zeros_like(ids), attended)
