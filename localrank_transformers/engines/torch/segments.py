"""Whether a model tells the query's tokens from the document's by segment ids."""

from __future__ import annotations

import inspect
from typing import Any

__all__ = ["reads_segments"]


def reads_segments(module: Any) -> bool:
    """Whether the segment of a token matters to `module`: it takes segment ids and has more than one kind of them."""
    takes = "token_type_ids" in inspect.signature(module.forward).parameters
    return takes and int(getattr(module.config, "type_vocab_size", 0) or 0) > 1
