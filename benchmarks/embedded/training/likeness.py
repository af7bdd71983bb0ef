"""How far a student's token vectors are from a teacher's: where each points and how long it is, and how they order texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

__all__ = ["TextVectors", "disorder", "distance"]

_QUERIES = 16
"""Texts of a batch of which tokens are taken as a query."""

_QUERY = 40
"""Tokens in a row that are taken, at most."""

_SHARPNESS = 25.0
"""Makes the distributions over a batch about as peaked as the bi-encoder's cosines times 20."""

_OF_LENGTH = 0.5
"""What the squared error of the logarithm of a length counts beside 1 − cosine."""


@dataclass(frozen=True, slots=True)
class TextVectors:
    """Vectors of the texts of a batch.

    Attributes:
        vectors: Of every token, shape (texts, tokens, width), 0 where a text has ended.
        real: Which are tokens, shape (texts, tokens).
    """

    vectors: torch.Tensor
    real: torch.Tensor

    @classmethod
    def padded(cls, texts: Sequence[torch.Tensor]) -> Self:
        """Put together the vectors of each text, shape (tokens, width)."""
        real = [torch.ones(len(one), dtype=torch.bool) for one in texts]
        return cls(pad_sequence(texts, batch_first=True), pad_sequence(real, batch_first=True))

    def tokens(self) -> torch.Tensor:
        """Return the vectors of all tokens, shape (tokens of all texts, width)."""
        return self.vectors[self.real]


def distance(found: torch.Tensor, goal: torch.Tensor, basis: torch.Tensor) -> torch.Tensor:
    """Return how far the student's vectors are from the teacher's, in direction and in length."""
    directions = (1 - functional.cosine_similarity(found, goal @ basis)).mean()
    lengths = (found.norm(dim=-1) / goal.norm(dim=-1)).log().square().mean()
    return directions + _OF_LENGTH * lengths


def disorder(found: TextVectors, goal: TextVectors) -> torch.Tensor:
    """Return the Kullback-Leibler divergence of the student's orders from the teacher's, a mean over the queries.

    Args:
        found: Of the student.
        goal: Of the teacher.
    """
    queries = torch.randperm(len(found.real))[:_QUERIES]
    windows = _windows(found.real[queries])
    own, theirs = (_logits(texts, queries, *windows) for texts in (found, goal))
    return functional.kl_div(own, theirs, reduction="batchmean", log_target=True)


def _windows(real: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return places of tokens in a row of each text, from a random one on, and which of them the text has."""
    counts = real.sum(1, keepdim=True)
    start = (torch.rand(len(real), 1) * (counts - _QUERY + 1).clamp(min=1)).long()
    places = start + torch.arange(min(_QUERY, real.shape[1]))
    return places.clamp(max=real.shape[1] - 1), places < counts


def _logits(
    texts: TextVectors, queries: torch.Tensor, places: torch.Tensor, asked: torch.Tensor
) -> torch.Tensor:
    """Return the logarithm of each query's distribution over the other texts, shape (queries, texts − 1)."""
    count, longest, width = texts.vectors.shape
    tokens = texts.vectors[queries].gather(1, places[..., None].expand(-1, -1, width))
    weights = tokens.norm(dim=-1) * asked
    unit = functional.normalize(texts.vectors, dim=-1).reshape(-1, width)
    cosines = functional.normalize(tokens, dim=-1).reshape(-1, width) @ unit.T
    cosines = cosines.view(-1, count, longest).masked_fill(~texts.real, -1.0)
    best = cosines.amax(-1).view(len(queries), -1, count)
    means = (best * weights[..., None]).sum(1) / weights.sum(1, keepdim=True)
    others = queries[:, None] != torch.arange(count)
    return functional.log_softmax(_SHARPNESS * means[others].view(-1, count - 1), dim=-1)
