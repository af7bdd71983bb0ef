"""Keys and values of the tokens that all rows of a batch begin with: computed once, joined to each batch layer by layer."""

from __future__ import annotations

from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

__all__ = ["shared_prefix"]


class _PrefixLayer(DynamicLayer):
    """One layer of the prefix. Joining keeps nothing: what a batch adds is needed within its own layer only."""

    def __init__(self, computed: Any) -> None:
        super().__init__()
        self.lazy_initialization(computed.keys, computed.values)
        self.keys, self.values = computed.keys, computed.values

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_args: Any, **_kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the prefix followed by the rows' own keys and values."""
        rows = key_states.shape[0]
        return (
            torch.cat([self.keys.expand(rows, -1, -1, -1), key_states], dim=-2),
            torch.cat([self.values.expand(rows, -1, -1, -1), value_states], dim=-2),
        )


def shared_prefix(decoder: Any, ids: torch.Tensor) -> Cache:
    """Return the cache of `ids`, shape (1, tokens), for batches of any number of rows."""
    # Without the configuration every layer keeps all tokens; windows of attention are in the masks.
    computed = DynamicCache()
    decoder(input_ids=ids, past_key_values=computed, use_cache=True)
    return Cache(layers=[_PrefixLayer(layer) for layer in computed.layers])
