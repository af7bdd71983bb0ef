"""Late interaction over a graph of token vectors: the mean over the query's tokens of the best cosine in each document.

The vectors of a run's documents are compared as soon as they are computed and then let go, so what is held is one run a worker,
but for what is kept of documents that may come again.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
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
from localrank_transformers.families.late.cosines import mean_of_best_cosines
from localrank_transformers.families.late.known.documents import KnownDocuments
from localrank_transformers.families.late.known.packed import (
    Compare,
    PackedDocument,
    PackedQuery,
    lengths_of,
)
from localrank_transformers.families.late.tokens import KeyedTokens, LateQueryTokens, LateTokenizer
from localrank_transformers.families.logits import document_logits
from localrank_transformers.models.folder.exported import LateLogit

if TYPE_CHECKING:
    from localrank_transformers.call.contract import Ids

__all__ = ["LateFamily", "LateQuery", "QueryVectors", "late_logits", "row"]

_UNIT = 1e-3
"""How far from 1 the length of a unit vector may be."""

_HINT = "Export the model with `localrank models export NAME --out FOLDER`, or use TorchReranker."


@dataclass(slots=True, eq=False, repr=False)
class LateQuery:
    """See `Query`.

    Attributes:
        family: Whose query it is.
        query: Its tokens.
        spared: Keys of documents that were planned to be read, and then were known.
        reads: Whether one of the documents that came last is to be read.
    """

    family: LateFamily
    query: LateQueryTokens
    truncated: bool
    query_tokens: int
    spared: set[bytes] = field(default_factory=set[bytes])
    reads: bool = True
    shared_tokens: ClassVar[int] = 0

    def documents(self, documents: Sequence[str]) -> list[DocumentTokens]:
        """Tokenize documents, but for those that are known."""
        tokenizer, known = self.family.tokenizer, self.family.known
        if known is None:
            return tokenizer.documents(documents)
        keys = [known.key(document) for document in documents]
        found = known.find(keys)
        new = [at for at, one in enumerate(found) if one is None]
        self.reads = bool(new)
        read = iter(tokenizer.documents([documents[at] for at in new]) if new else ())
        return [
            KeyedTokens.of(next(read), key) if one is None else one
            for key, one in zip(keys, found, strict=True)
        ]

    def lengths(self, documents: Sequence[DocumentTokens]) -> list[int]:
        """Return the tokens of each document's row; 0 where it is not read, since it is known."""
        around, spared = self.family.tokenizer.around, self.spared
        if self.family.known is None:
            return [around + len(document.ids) for document in documents]
        return [
            0
            if isinstance(document, PackedDocument)
            or (isinstance(document, KeyedTokens) and document.key in spared)
            else around + len(document.ids)
            for document in documents
        ]

    def rows(self, documents: Sequence[DocumentTokens]) -> list[Row]:
        """Return the query's row and the documents'."""
        ids, _ = self.family.tokenizer.rows(documents)
        return [self.own_row, *map(row, ids)]

    def scorer(self, request: EngineRequest) -> Scorer:
        """Return what runs documents and compares their vectors with the query's."""
        return _LateScorer(self, request)

    def vectors(self, request: EngineRequest) -> QueryVectors:
        """Return the query's vectors."""
        return _LateScorer(self, request).asked()

    @property
    def own_row(self) -> Row:
        """As the engine reads it."""
        return row(self.query.ids, self.query.attended)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LateFamily:
    """Query and documents apart; see `Family`.

    Attributes:
        tokenizer: Makes rows.
        logit: What the best cosines are turned into.
        hidden: Width of the encoder without its projection, where it is known.
        width: Numbers of a token's vector, where the files state them.
        compare: Compares packed vectors; None where vectors are compared in float32 as the engine gives them.
        known: Documents from one call to the next, which wants `compare`; None where none are kept.
        query: What one query is: compared here, or by the engine.
    """

    tokenizer: LateTokenizer
    logit: LateLogit
    hidden: int | None = None
    width: int | None = None
    compare: Compare | None = None
    known: KnownDocuments | None = None
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


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class QueryVectors:
    """A query as it is compared.

    Attributes:
        vectors: As the engine gives them, shape (tokens, width).
        weights: What each counts, together 1; None where all count the same.
        packed: The same for packed documents; None where these are compared in float32.
    """

    vectors: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32] | None
    packed: PackedQuery | None


class _LateScorer:
    """Encodes the query once, in the worker that comes first, while the others begin with documents; see `Scorer`.

    Args:
        query: What documents are compared with.
        request: Of the engine.
    """

    def __init__(self, query: LateQuery, request: EngineRequest) -> None:
        self._family = query.family
        self._query = query
        self._request = request
        self._vectors_of_query: QueryVectors | None = None
        self._lock = threading.Lock()

    def __call__(self, documents: Sequence[DocumentTokens]) -> list[float]:
        """Return one logit a document; see `Scorer`."""
        if self._lock.acquire(blocking=False):
            try:
                self._ask()
            finally:
                self._lock.release()
        if self._family.compare is None:
            return self._compared_in_float(documents)
        packed = self._packed(documents)
        query, logit = self.asked().packed, self._family.logit
        assert query is not None
        found: list[float] = (logit.scale * self._family.compare(query, packed) + logit.bias).tolist()
        return found

    def _compared_in_float(self, documents: Sequence[DocumentTokens]) -> list[float]:
        rows, counted = self._family.tokenizer.rows(documents)
        read = self._vectors([row(ids) for ids in rows])
        query = self.asked()
        unit = query.vectors / lengths_of(query.vectors)[:, None]
        cosines = [
            mean_of_best_cosines(unit, vectors, compared, query.weights)
            for vectors, compared in zip(read, counted, strict=True)
        ]
        return late_logits(self._family.logit, np.array(cosines))

    def _packed(self, documents: Sequence[DocumentTokens]) -> list[PackedDocument]:
        """Return each document's vectors, those that are known without reading it."""
        unread = [one for one in documents if not isinstance(one, PackedDocument)]
        read = iter(self._read(unread) if unread else ())
        return [one if isinstance(one, PackedDocument) else next(read) for one in documents]

    def _read(self, documents: Sequence[DocumentTokens]) -> list[PackedDocument]:
        known = self._family.known
        if known is None:
            return self._computed(documents)
        keys = [document.key for document in documents if isinstance(document, KeyedTokens)]
        found = known.read(
            keys,
            lambda places: self._computed([documents[at] for at in places]),
            lambda: self._request.is_stopped,
        )
        self._query.spared.update(key for key, one in zip(keys, found, strict=True) if not one.is_new)
        return [one.document for one in found]

    def _computed(self, documents: Sequence[DocumentTokens]) -> list[PackedDocument]:
        rows, counted = self._family.tokenizer.rows(documents)
        compare = self._family.compare
        assert compare is not None
        vectors = self._vectors([row(ids) for ids in rows])
        return compare.pack(vectors, counted, [document.truncated for document in documents])

    def asked(self) -> QueryVectors:
        """Return the query's vectors, which the first caller computes."""
        with self._lock:
            return self._ask()

    def _ask(self) -> QueryVectors:
        if self._vectors_of_query is None:
            asked = self._query.own_row
            (vectors,) = self._vectors([asked], alone=not self._query.reads)
            _checked(vectors, len(asked.ids), hidden=self._family.hidden, width=self._family.width)
            weights, compare = self._weights(vectors), self._family.compare
            packed = None if compare is None else compare.pack_query(vectors, weights)
            self._vectors_of_query = QueryVectors(vectors, weights, packed)
        return self._vectors_of_query

    def _weights(self, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32] | None:
        if not self._family.logit.by_length:
            return None
        lengths: npt.NDArray[np.float32] = np.sqrt(np.einsum("td,td->t", vectors, vectors))
        if np.abs(lengths - 1.0).max() < _UNIT:
            raise ModelLoadError(
                "The graph gives unit vectors, but the model's tokens count by the lengths of their vectors.",
                hint=_HINT,
            )
        weights: npt.NDArray[np.float32] = lengths / lengths.sum()
        return weights

    def _vectors(self, rows: Sequence[Row], *, alone: bool = False) -> list[npt.NDArray[np.float32]]:
        if not rows:
            return []
        read = self._request.vectors(rows, alone=alone)
        return [vectors.astype(np.float32, copy=False) for vectors in read]


def late_logits(logit: LateLogit, cosines: npt.NDArray[Any]) -> list[float]:
    """Return one logit a document: scale · mean + bias, in float64.

    Args:
        logit: Scale and bias.
        cosines: The mean of best cosines of each document, shape (documents,).

    Raises:
        InferenceError: A number that is not finite.
    """
    return document_logits(logit.scale * cosines.astype(np.float64) + logit.bias)


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


def row(ids: Ids, attended: Ids | None = None) -> Row:
    """Return a row without segments."""
    return Row(ids, np.zeros_like(ids), attended)
