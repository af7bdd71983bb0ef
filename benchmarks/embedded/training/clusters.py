"""Lists that share their documents, read together: each document once, for all its queries."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from benchmarks.embedded.records.reading import family_of
from localrank_transformers.training.model.late_pairs import LatePairs

__all__ = ["Cluster", "cluster_logits", "read_clusters"]

_TOGETHER = 8
"""Texts of similar length that are read at once, so that little is padded."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Documents, and the lists of them.

    Attributes:
        documents: The texts.
        queries: One a list.
        kinds: Family of the source and kind of each query.
        labels: Shape (queries, documents), 1 for an answer.
        scores: Of the teachers, the same shape.
    """

    documents: tuple[str, ...]
    queries: tuple[str, ...]
    kinds: tuple[str, ...]
    labels: torch.Tensor
    scores: torch.Tensor


def read_clusters(path: Path) -> list[Cluster]:
    """Return the clusters of a file of `lists.clusters`."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        parts = [list(own) for _, own in groupby(map(json.loads, lines), key=lambda row: row["documents"])]
    return [
        Cluster(
            tuple(rows[0]["documents"]),
            tuple(row["query"] for row in rows),
            tuple(f"{family_of(row['source'])} {row['kind']}" for row in rows),
            torch.tensor([row["labels"] for row in rows], dtype=torch.float32),
            torch.tensor([row["scores"] for row in rows], dtype=torch.float32),
        )
        for rows in parts
    ]


def cluster_logits(model: LatePairs, queries: Sequence[str], documents: Sequence[str]) -> torch.Tensor:
    """Return the logits that the model gives each query with each document, shape (queries, documents).

    The same numbers as `LatePairs` gives the pairs one by one.
    """
    asked, real = _read(model, queries)
    texts, present = _read(model, documents)
    weights = (asked.norm(dim=-1) if model.model.by_length else torch.ones(real.shape)) * real
    cosines = torch.einsum(
        "qid,njd->qinj", functional.normalize(asked, dim=-1), functional.normalize(texts, dim=-1)
    )
    best = cosines.masked_fill(~present, -1.0).amax(-1)
    means = (best * weights[..., None]).sum(1) / weights.sum(1, keepdim=True)
    logits: torch.Tensor = model.model.head(means[..., None])[..., 0]
    return logits


def _read(model: LatePairs, texts: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the vectors of the tokens, shape (texts, tokens, width), and which are tokens."""
    ids = model.tokenizer(
        list(texts), truncation=True, max_length=model.max_seq_length, return_attention_mask=False
    )["input_ids"]
    order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
    found: list[Any] = [None] * len(ids)
    for start in range(0, len(order), _TOGETHER):
        places = order[start : start + _TOGETHER]
        rows = [torch.tensor(ids[place]) for place in places]
        mask = pad_sequence([torch.ones_like(one) for one in rows], batch_first=True)
        read = model.model.encoder(input_ids=pad_sequence(rows, batch_first=True), attention_mask=mask)
        for place, own in zip(places, read.last_hidden_state, strict=True):
            found[place] = own[: len(ids[place])]
    real = pad_sequence([torch.ones(len(one), dtype=torch.bool) for one in found], batch_first=True)
    return pad_sequence(found, batch_first=True), real
