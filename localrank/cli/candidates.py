"""A first stage for a long list: the documents that share most words with the query, by BM25."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from localrank.cli.reading import InputDocument
from localrank.providers.extras import imported

__all__ = ["DEFAULT_CANDIDATES", "LONG_LIST", "best_by_words"]

DEFAULT_CANDIDATES = 200
LONG_LIST = 5_000
"""A list of this length is worth a word about the first stage: the embedded model reads it in half a minute or more."""


def best_by_words(query: str, documents: Sequence[InputDocument], count: int) -> tuple[int, ...]:
    """Return the positions of the `count` documents that stand highest by BM25, best first; of equals the earlier is first.

    Raises:
        MissingDependencyError: bm25s is not installed.
    """
    bm25s = imported("bm25s", "BM25 as the first stage", "eval")
    shows = sys.stderr.isatty()
    index = bm25s.BM25()
    texts = [document.scored_text for document in documents]
    index.index(
        bm25s.tokenize(texts, show_progress=shows, leave=False), show_progress=shows, leave_progress=False
    )
    words = bm25s.tokenize([query], show_progress=False, return_ids=False)[0]
    known = [word for word in words if word in index.vocab_dict]
    if not known:
        return tuple(range(min(count, len(documents))))
    scores = index.get_scores(known)
    return tuple((-scores).argsort(kind="stable")[:count].tolist())
