"""What to pass in place of an object that is no reranker."""

from __future__ import annotations

import os

__all__ = ["what_to_pass"]

_MAKERS = {
    "sentence_transformers": "from_cross_encoder",
    "flashrank": "from_flashrank",
    "rerankers": "from_rerankers",
    "haystack": "from_haystack",
    "langchain_core": "from_langchain",
    "langchain_classic": "from_langchain",
    "langchain_community": "from_langchain",
    "llama_index": "from_llama_index",
}
"""A library → what makes a reranker of its own, of `localrank.integrations`."""


def what_to_pass(given: object) -> str:
    """Return the hint for `given`, which stands where a reranker or its name is wanted."""
    if given is None:
        return 'Pass the name of a model, such as "localrank-mini".'
    if isinstance(given, os.PathLike):
        return "Pass OnnxReranker(path) of localrank_transformers."
    homes = (kind.__module__.partition(".")[0] for kind in type(given).__mro__)
    library = next((home for home in homes if home in _MAKERS), None)
    if library is not None:
        return f"Pass {_MAKERS[library]}(…) of localrank.integrations, which makes a reranker of it."
    for name in ("model", "reranker"):
        inner = getattr(given, name, None)
        if all(isinstance(getattr(inner, member, None), str) for member in ("model_id", "provider")):
            return f"Its .{name} is a reranker: pass that."
    if callable(given):
        return "Pass from_callable(…) of localrank.integrations, which makes a reranker of a function."
    return "A reranker has model_id, provider and do_rerank (or do_rerank_sync)."
