"""One file a reranker: `load(folder, precision)` returns a function that ranks as a user of that package would."""

from __future__ import annotations

from collections.abc import Callable

Rank = Callable[[str, list[str]], list[tuple[int, float]]]
"""Query and documents → (index, score), best first."""
