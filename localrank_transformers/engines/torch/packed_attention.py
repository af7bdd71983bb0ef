"""Attention over texts laid end to end in one row, each of which sees itself alone; registered with transformers by name."""

from __future__ import annotations

from importlib.util import find_spec
from itertools import groupby
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface

__all__ = ["PACKED", "has_varlen_kernel", "register"]

PACKED = "localrank_packed"


def register() -> None:
    """Make `PACKED` an attention that transformers' models can be loaded with."""
    AttentionInterface.register(PACKED, _attend)
    AttentionMaskInterface.register(PACKED, _no_mask)


def has_varlen_kernel() -> bool:
    """Whether torch brings attention for texts of unequal length (on CUDA, in half precision)."""
    return find_spec("torch.nn.attention.varlen") is not None


def _no_mask(*_args: Any, **_kwargs: Any) -> None:
    """Return no mask: the borders of the texts say who sees whom."""


def _attend(
    _module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    _attention_mask: torch.Tensor | None,
    *,
    cu_seq_lens_q: torch.Tensor,
    max_length_q: int,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **_kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Return shape (1, tokens, heads, width) for inputs of shape (1, heads, tokens, width).

    `cu_seq_lens_q` has the texts' borders; `sliding_window` is one more than the tokens seen to each side, as transformers
    hands it over.
    """
    reach = None if sliding_window is None else sliding_window - 1
    if query.device.type == "cuda" and query.dtype != torch.float32 and has_varlen_kernel():
        return _by_kernel((query, key, value), cu_seq_lens_q, max_length_q, reach), None
    return _by_length((query, key, value), cu_seq_lens_q, reach, scaling), None


def _by_length(
    states: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    borders: torch.Tensor,
    reach: int | None,
    scaling: float | None,
) -> torch.Tensor:
    """Attend with one call for each run of texts of the same length; a batch is sorted by length."""
    parts, start = [], 0
    for length, run in groupby(borders.diff().tolist()):
        count = len(list(run))
        rows = slice(start, start + count * length)
        start = rows.stop
        query, key, value = (
            state[0, :, rows].unflatten(1, (count, length)).transpose(0, 1) for state in states
        )
        mixed = torch.nn.functional.scaled_dot_product_attention(
            query, key, value, attn_mask=_band(length, reach, query.device), scale=scaling
        )
        parts.append(mixed.transpose(1, 2).flatten(0, 1))
    return torch.cat(parts).unsqueeze(0)


def _by_kernel(
    states: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    borders: torch.Tensor,
    longest: int,
    reach: int | None,
) -> torch.Tensor:
    from torch.nn.attention.varlen import varlen_attn  # noqa: PLC0415  # absent before torch 2.10

    window = (-1, -1) if reach is None else (reach, reach)
    query, key, value = (state[0].transpose(0, 1).contiguous() for state in states)
    return varlen_attn(query, key, value, borders, borders, longest, longest, window_size=window).unsqueeze(0)


def _band(length: int, reach: int | None, device: torch.device) -> torch.Tensor | None:
    if reach is None or length <= reach:
        return None
    places = torch.arange(length, device=device)
    return (places[:, None] - places[None, :]).abs() <= reach
