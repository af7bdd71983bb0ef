"""A keyword that a call does not have, told with the name that the argument has here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches

__all__ = ["check_keywords"]

_HERE: Mapping[str, str] = {
    **dict.fromkeys(("top_n", "topk", "limit", "k", "n"), "top_k"),
    **dict.fromkeys(("score_threshold", "threshold"), "min_score"),
    **dict.fromkeys(("docs", "passages", "texts", "sentences"), "documents"),
    **dict.fromkeys(("abort_signal", "abort"), "abort_event"),
}
"""Names in other libraries, as docs/guides/migrate.md has them."""


def check_keywords(function: str, given: Iterable[str], taken: Collection[str]) -> None:
    """Refuse keywords that a function does not take, in Python's own words and with the name that is meant.

    Args:
        function: Its name.
        given: Keywords of a call.
        taken: Those that it takes.

    Raises:
        TypeError: One is unknown.
    """
    for name in given:
        if name not in taken:
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}.{_meant(name, taken)}")


def _meant(name: str, taken: Collection[str]) -> str:
    if name == "return_documents":
        return " Leave it out: each hit has its document."
    if name.endswith("api_key"):
        return " Give it to a reranker, and pass that as the model."
    near = [_HERE[name]] if _HERE.get(name) in taken else get_close_matches(name, taken, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
