"""Late interaction over a graph that gives a vector a token: the mean over the query's tokens of the best cosine in each document.

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

__all__ = ["LateFamily", "check_vectors", "mean_of_best_cosines"]

_SMALLEST_NORM = 1e-12


@dataclass(frozen=True, slots=True, repr=False)
class LateFamily:
    """Query and documents apart; see `OnnxFamily`."""

    tokenizer: LateTokenizer
    activation: Activation = "none"
    groups: bool = False
    reads_instruction: bool = False
    query_room: str = "what this model reads of one"

    def open(self, query: str, instruction: str | None) -> OnnxQuery:  # noqa: ARG002  # a row has no place for it
        """Tokenize a query."""
        return _LateOnnxQuery(self.tokenizer, self.tokenizer.query(query))

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the character span of each token of `text`."""
        return self.tokenizer.token_spans(text)


@dataclass(frozen=True, slots=True, repr=False)
class _LateOnnxQuery:
    """See `OnnxQuery`."""

    tokenizer: LateTokenizer
    query: LateQuery

    @property
    def truncated(self) -> bool:
        return self.query.truncated

    def documents(self, texts: Sequence[str]) -> list[DocumentTokens]:
        return self.tokenizer.documents(texts)

    def length(self, document: DocumentTokens) -> int:
        return self.tokenizer.length(document)

    def scorer(self, request: Runs) -> Scorer:
        return _Scorer(self.tokenizer, self.query, request)


class _Scorer:
    """Encodes the query at the first document, once for all workers, and each document alone."""

    def __init__(self, tokenizer: LateTokenizer, query: LateQuery, request: Runs) -> None:
        self._tokenizer = tokenizer
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
                self._vectors = _unit_vectors(self._request, self._query.ids, self._query.attended)
            return self._vectors

    def _score(self, query: npt.NDArray[np.float32], document: DocumentTokens) -> float:
        row = self._tokenizer.row(document)
        return mean_of_best_cosines(
            query, _unit_vectors(self._request, row, None), self._tokenizer.counted(row)
        )


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


def check_vectors(request: Runs, tokenizer: LateTokenizer, *, hidden: int | None, width: int | None) -> None:
    """Check with one short query that the graph gives the projected vectors of a token.

    Args:
        request: Runs the graph.
        tokenizer: Makes the query.
        hidden: Width of the encoder without its projection, where it is known.
        width: Numbers of a token's vector, where the files state them.

    Raises:
        ModelLoadError: It gives something else.
    """
    query = tokenizer.query("a")
    found = request.run([Row(query.ids, np.zeros_like(query.ids), query.attended)])
    if found.ndim != 3 or found.shape[:2] != (1, len(query.ids)):
        raise ModelLoadError(
            f"The graph gives {found.shape} numbers for {len(query.ids)} tokens; late interaction needs a vector a token.",
            hint=_HINT,
        )
    if found.shape[2] == hidden != width:
        raise ModelLoadError(
            f"The graph gives {hidden} numbers a token, which is the encoder without its projection.",
            hint=_HINT,
        )


_HINT = "Export the model with `localrank models export NAME --out FOLDER`, or use TorchReranker."


def _unit_vectors(request: Runs, ids: Ids, attended: Ids | None) -> npt.NDArray[np.float32]:
    vectors: npt.NDArray[Any] = request.run([Row(ids, np.zeros_like(ids), attended)])[0].astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: npt.NDArray[np.float32] = vectors / np.maximum(lengths, _SMALLEST_NORM)
    return found
