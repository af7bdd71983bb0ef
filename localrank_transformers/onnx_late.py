"""Late interaction over a graph of token vectors: the mean over the query's tokens of the best cosine in each document.

A document's vectors are compared as soon as they are computed and then let go, so what is held is one document a worker.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from localrank.contract.errors import ModelLoadError
from localrank_transformers.families.late_interaction import LateQuery, LateTokenizer
from localrank_transformers.onnx_family import OnnxQuery, Runs, Scorer
from localrank_transformers.scoring import Activation, margins
from localrank_transformers.tokenization import DocumentTokens, Ids, Row

__all__ = ["LateFamily", "mean_of_best_cosines"]

_SMALLEST_NORM = 1e-12
_HINT = "Export the model with `localrank models export NAME --out FOLDER`, or use TorchReranker."


@dataclass(frozen=True, slots=True, repr=False)
class LateFamily:
    """Query and documents apart; see `OnnxFamily`.

    Attributes:
        tokenizer: Makes rows.
        hidden: Width of the encoder without its projection, where it is known.
        width: Numbers of a token's vector, where the files state them.
    """

    tokenizer: LateTokenizer
    hidden: int | None = None
    width: int | None = None
    activation: Activation = "none"
    groups: bool = False
    reads_instruction: bool = False
    query_room: str = "what this model reads of one"

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

    def documents(self, texts: Sequence[str]) -> list[DocumentTokens]:
        return self.family.tokenizer.documents(texts)

    def length(self, document: DocumentTokens) -> int:
        return self.family.tokenizer.length(document)

    def scorer(self, request: Runs) -> Scorer:
        return _Scorer(self.family, self.query, request)


class _Scorer:
    """Encodes the query at the first document, once for all workers, and each document alone."""

    def __init__(self, family: LateFamily, query: LateQuery, request: Runs) -> None:
        self._family = family
        self._query = query
        self._request = request
        self._vectors: npt.NDArray[np.float32] | None = None
        self._lock = threading.Lock()

    def __call__(self, documents: Sequence[DocumentTokens]) -> list[float]:
        query = self._query_vectors()
        return margins(np.array([self._score(query, document) for document in documents]))

    def _query_vectors(self) -> npt.NDArray[np.float32]:
        with self._lock:
            if self._vectors is None:
                ids = self._query.ids
                vectors = _vectors(self._request, ids, self._query.attended)
                _checked(vectors, len(ids), hidden=self._family.hidden, width=self._family.width)
                self._vectors = _unit(vectors)
            return self._vectors

    def _score(self, query: npt.NDArray[np.float32], document: DocumentTokens) -> float:
        tokenizer = self._family.tokenizer
        row = tokenizer.row(document)
        return mean_of_best_cosines(query, _unit(_vectors(self._request, row, None)), tokenizer.counted(row))


def mean_of_best_cosines(
    query: npt.NDArray[np.float32], document: npt.NDArray[np.float32], counted: Ids
) -> float:
    """Return the mean over the query's tokens of the best cosine in a document (MaxSim of ColBERT, over the query's length).

    Args:
        query: Unit vectors, shape (tokens, dimensions).
        document: The same of a document.
        counted: 1 for each of its tokens that is compared; -1 is the best cosine where there is none.
    """
    cosines = query @ document[counted.astype(bool)].T
    return float(cosines.max(axis=1, initial=-1.0).mean())


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


def _vectors(request: Runs, ids: Ids, attended: Ids | None) -> npt.NDArray[Any]:
    found: npt.NDArray[Any] = request.run([Row(ids, np.zeros_like(ids), attended)])[0]
    return found


def _unit(vectors: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    single = vectors.astype(np.float32)
    found: npt.NDArray[np.float32] = single / np.maximum(
        np.linalg.norm(single, axis=1, keepdims=True), _SMALLEST_NORM
    )
    return found
