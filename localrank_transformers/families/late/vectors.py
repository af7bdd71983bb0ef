"""Token vectors for other stores: what a late-interaction model makes of texts, and scores of vectors that are handed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from localrank.contract.errors import InvalidRequestError
from localrank_transformers.families.late.cosines import mean_of_best_cosines
from localrank_transformers.families.late.family import LateFamily, late_logits, row
from localrank_transformers.families.late.known.packed import (
    lengths_of,
    pack_document,
    unpacked,
)

if TYPE_CHECKING:
    from localrank_transformers.call.call import PointwiseModel

__all__ = ["TokenVectors", "document_vectors", "query_vectors", "vector_logits"]

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, repr=False)
class TokenVectors:
    """What a model makes of one text.

    Attributes:
        vectors: One a token, of length 1 each; float32, shape (tokens, width). Of a document, of the tokens that are compared.
        weights: What each token of a query counts, together 1; float32, shape (tokens,). Of a document all the same.
        truncated: Whether the text was cut to the model's window.
    """

    vectors: Vectors
    weights: Vectors
    truncated: bool

    @property
    def weighted(self) -> Vectors:
        """A query for a store whose MaxSim adds dot products up: vectors times weights, shape (tokens, width)."""
        return self.vectors * self.weights[:, None]


def document_vectors(model: PointwiseModel, texts: Sequence[str]) -> list[TokenVectors]:
    """Return what a model makes of documents, on all cores."""
    family = _late(model)
    documents = family.tokenizer.documents(texts)
    rows, counted = family.tokenizer.rows(documents)
    found: dict[int, Vectors] = {}
    runner = model.device.begin(model.engine, family, len(texts))

    def execute(positions: Sequence[int]) -> None:
        read = runner.request.vectors([row(rows[at]) for at in positions])
        for at, vectors in zip(positions, read, strict=True):
            compared = counted[at]
            whole = vectors.astype(np.float32, copy=False)
            found[at] = _of_length_one(family, whole if compared is None else whole[compared.astype(bool)])

    try:
        runner.run([len(ids) for ids in rows], execute, lambda: False)
    finally:
        runner.end()
    return [
        TokenVectors(found[at], _evenly(len(found[at])), document.truncated)
        for at, document in enumerate(documents)
    ]


def query_vectors(model: PointwiseModel, text: str) -> TokenVectors:
    """Return what a model makes of a query."""
    asked = _late(model).open(text, None)
    query = asked.vectors(model.engine.request())
    weights = _evenly(len(query.vectors)) if query.weights is None else query.weights
    return TokenVectors(query.vectors / lengths_of(query.vectors)[:, None], weights, asked.truncated)


def vector_logits(model: PointwiseModel, query: str, documents: Sequence[Any]) -> list[float]:
    """Return one logit for each document of which the vectors are handed in.

    Args:
        model: Late interaction.
        query: The text that is searched for.
        documents: Arrays of shape (tokens, width), of vectors of any length but zero.

    Raises:
        InvalidRequestError: One has another shape.
        InferenceError: A number is not finite.
    """
    family = _late(model)
    asked = family.open(query, None).vectors(model.engine.request())
    given = [_checked(at, one, asked.vectors.shape[1]) for at, one in enumerate(documents)]
    if family.compare is None or asked.packed is None:
        unit = asked.vectors / lengths_of(asked.vectors)[:, None]
        found = [mean_of_best_cosines(unit, one, None, asked.weights) for one in given]
        return late_logits(family.logit, np.array(found))
    packed = family.compare.pack(given, [None] * len(given), [False] * len(given))
    return late_logits(family.logit, family.compare(asked.packed, packed))


def _late(model: PointwiseModel) -> LateFamily:
    if not isinstance(model.family, LateFamily):
        raise InvalidRequestError(
            "This model reads a document together with its query, so that a document has no vectors of its own.",
            hint="Use a model with late interaction, such as the embedded one.",
        )
    return model.family


def _of_length_one(family: LateFamily, vectors: Vectors) -> Vectors:
    """Return vectors of length 1: what is compared, so that packing them again gives the same numbers."""
    if family.compare is None:
        return vectors / lengths_of(vectors)[:, None]
    width = vectors.shape[1]
    numbers, scales = unpacked(pack_document(vectors), width)
    return numbers[:, :width] * scales[:, None]


def _evenly(tokens: int) -> Vectors:
    return np.full(tokens, 1 / max(1, tokens), dtype=np.float32)


def _checked(at: int, given: Any, width: int) -> Vectors:
    try:
        read = np.asarray(given)
    except (TypeError, ValueError) as error:
        # rows of several lengths, or a tensor of a type that numpy has not
        raise _no_numbers(at, type(given).__name__) from error
    if read.dtype.kind not in "fiu":
        raise _no_numbers(at, str(read.dtype))
    vectors = read.astype(np.float32, copy=False)
    if vectors.ndim != 2 or vectors.shape[1] != width:
        raise InvalidRequestError(
            f"The vectors of document {at} have the shape {vectors.shape}; this model's are (tokens, {width}).",
            hint="Pass what this model's document_vectors gave.",
        )
    return vectors


def _no_numbers(at: int, kind: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"The vectors of document {at} are no array of real numbers: {kind}.",
        hint="Pass what this model's document_vectors gave.",
    )
