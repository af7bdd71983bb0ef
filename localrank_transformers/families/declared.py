"""Which activation the authors of a cross-encoder declare; told in the metadata, while a score is always 0–1.

A declared Identity (the MS MARCO models) means that their published scores are logits, and a Sigmoid that they are 0–1. Both
have the logit as their output, so a score here is its sigmoid either way and the logit stands in `metadata["logit"]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["declared_activation"]


def declared_activation(config: Mapping[str, Any], modular_config: Mapping[str, Any]) -> str | None:
    """Return the name of the declared activation, such as `Identity`, or None where none is.

    Args:
        config: `config.json`: `sentence_transformers.activation_fn`, or the key of sentence-transformers before 4.0.
        modular_config: `config_sentence_transformers.json`, empty where there is none.
    """
    group = config.get("sentence_transformers")
    found = (
        (group.get("activation_fn") if isinstance(group, Mapping) else None)
        or config.get("sbert_ce_default_activation_function")
        or modular_config.get("activation_fn")
    )
    return str(found).rpartition(".")[2] if found else None
