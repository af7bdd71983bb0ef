"""Late interaction over a graph of token vectors: the mean over the query's tokens of the best cosine in each document.

The vectors of a run's documents are compared as soon as they are computed and then let go, so what is held is one run a worker,
unless the user gives memory for those of documents that may come again.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from localrank.contract.errors import ModelLoadError
from localrank_transformers.call.contract import (
    Activation,
    DocumentTokens,
    EngineRequest,
    Row,
    Scorer,
)
from localrank_transformers.families.late.known_vectors import DocumentVectors
from localrank_transformers.families.late.tokens import LateQueryTokens, LateTokenizer
from localrank_transformers.families.logits import document_logits
from localrank_transformers.models.folder.exported import LateLogit

if TYPE_CHECKING:
    from localrank_transformers.call.contract import Ids

__all__ = ["LateFamily", "LateQuery", "late_logits", "mean_of_best_cosines"]

_SMALLEST_NORM = 1e-12
_UNIT = 1e-3
"""How far from 1 the length of a unit vector may be."""

_HINT = "Export the model with `localrank models export NAME --out FOLDER`, or use TorchReranker."

_ALONE = 1 << 18
"""Multiplications up to which OpenBLAS computes a product in the thread that asks for it. A larger one it hands to threads of
its own, one product at a time, which spin: workers that each compare a document would wait for one another, far longer."""


@dataclass(slots=True, repr=False)
class LateQuery:
    """See `Query`."""

    family: LateFamily
    query: LateQueryTokens
    truncated: bool
    query_tokens: int
    shared_tokens: ClassVar[int] = 0

    def documents(self, documents: Sequence[str]) -> list[DocumentTokens]:
        """Tokenize documents."""
        return self.family.tokenizer.documents(documents)

    def lengths(self, documents: Sequence[DocumentTokens]) -> list[int]:
        """Return the tokens of each document's row; 0 where its vectors are known."""
        lengths, known = self.family.tokenizer.lengths(documents), self.family.known
        if known is None:
            return lengths
        return [
            0 if known.has(document.ids) else length
            for document, length in zip(documents, lengths, strict=True)
        ]

    def rows(self, documents: Sequence[DocumentTokens]) -> list[Row]:
        """Return the query's row and the documents'."""
        ids, _ = self.family.tokenizer.rows(documents)
        return [self._row(), *map(_row, ids)]

    def scorer(self, request: EngineRequest) -> Scorer:
        """Return what runs documents and compares their vectors with the query's."""
        return _LateScorer(self.family, self._row(), request)

    def _row(self) -> Row:
        return _row(self.query.ids, self.query.attended)


@dataclass(frozen=True, slots=True, repr=False)
class LateFamily:
    """Query and documents apart; see `Family`.

    Attributes:
        tokenizer: Makes rows.
        logit: What the best cosines are turned into.
        hidden: Width of the encoder without its projection, where it is known.
        width: Numbers of a token's vector, where the files state them.
        known: Vectors of documents from one call to the next; None where none are kept.
        query: What one query is: compared here, or by the engine.
    """

    tokenizer: LateTokenizer
    logit: LateLogit
    hidden: int | None = None
    width: int | None = None
    known: DocumentVectors | None = None
    query: type[LateQuery] = LateQuery
    groups: bool = False
    reads_instruction: bool = False
    query_limit: str = "what this model reads of one"

    @property
    def activation(self) -> Activation:
        """What turns a logit into a score where the user does not say."""
        return self.logit.activation

    def open(self, query: str, instruction: str | None) -> LateQuery:  # noqa: ARG002  # a row has no place for it
        """Tokenize a query."""
        tokens = self.tokenizer.query(query)
        return self.query(self, tokens, tokens.truncated, len(tokens.ids))

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the character span of each token of `text`."""
        return self.tokenizer.token_spans(text)


@dataclass(frozen=True, slots=True, repr=False)
class _QueryVectors:
    """A query's unit vectors, and what each counts; None where all count the same."""

    vectors: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32] | None


class _LateScorer:
    """Encodes the query once, in the worker that comes first, while the others begin with documents."""

    def __init__(self, family: LateFamily, query: Row, request: EngineRequest) -> None:
        self._family = family
        self._query = query
        self._request = request
        self._vectors_of_query: _QueryVectors | None = None
        self._lock = threading.Lock()

    def __call__(self, documents: Sequence[DocumentTokens]) -> list[float]:
        if self._lock.acquire(blocking=False):
            try:
                self._ask()
            finally:
                self._lock.release()
        tokenizer = self._family.tokenizer
        rows, counted = tokenizer.rows(documents)
        document_vectors = self._document_vectors(documents, rows)
        query = self._query_vectors()
        cosines = [
            mean_of_best_cosines(query.vectors, vectors, compared, query.weights)
            for vectors, compared in zip(document_vectors, counted, strict=True)
        ]
        return late_logits(self._family.logit, np.array(cosines))

    def _document_vectors(
        self, documents: Sequence[DocumentTokens], rows: Sequence[Ids]
    ) -> list[npt.NDArray[np.float32]]:
        """Return the vectors of each document, those that are known without reading it again."""
        known = self._family.known
        vectors_of = [None if known is None else known.get(document.ids) for document in documents]
        missing = [at for at, vectors in enumerate(vectors_of) if vectors is None]
        for at, vectors in zip(missing, self._vectors([_row(rows[at]) for at in missing]), strict=True):
            vectors_of[at] = vectors
            if known is not None:
                known.keep(documents[at].ids, vectors)
        return [vectors for vectors in vectors_of if vectors is not None]

    def _query_vectors(self) -> _QueryVectors:
        with self._lock:
            return self._ask()

    def _ask(self) -> _QueryVectors:
        if self._vectors_of_query is None:
            (vectors,) = self._vectors([self._query])
            _checked(vectors, len(self._query.ids), hidden=self._family.hidden, width=self._family.width)
            lengths = _norms(vectors)
            self._vectors_of_query = _QueryVectors(vectors / lengths[:, None], self._weights(lengths))
        return self._vectors_of_query

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


def _row(ids: Ids, attended: Ids | None = None) -> Row:
    return Row(ids, np.zeros_like(ids), attended)
