"""What a source of rows is, whatever its file: parts of whole queries, which read and write themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from localrank.batches.amounts import Amount
from localrank.batches.rows import Layout, RankedRows, Rows
from localrank.batches.trec import Named

__all__ = ["Part", "Source"]


class Part(Protocol):
    """Rows of whole queries."""

    @property
    def start(self) -> int:
        """Rows before it."""
        ...

    @property
    def rows(self) -> int:
        """How many there are."""
        ...

    def named(self) -> Named:
        """Return the ids of queries and candidates, as a TREC run needs them."""
        ...

    def read(self, faults: Mapping[int, str]) -> Rows:
        """Return what is to be ranked.

        Args:
            faults: Rows that are rejects whatever they hold, with the reason.
        """
        ...

    def written(self, found: RankedRows) -> bytes:
        """Return the rows with what was said of them as the bytes of a file of the source's kind."""
        ...

    def amount(self) -> Amount:
        """Return how much there is to rank."""
        ...


class Source(Protocol):
    """An input.

    Attributes:
        suffix: How files of its kind end.
        layout: What a row is.
        files: What it is read from.
    """

    suffix: str
    layout: Layout
    files: Mapping[str, Path]

    def survey(self, on_rows: Callable[[int], None]) -> int:
        """Return the number of rows, once it is known that those of a query stand together.

        Args:
            on_rows: Called with the number of rows that were read, again and again.

        Raises:
            InvalidDataError: The input cannot be read, or rows of a query stand apart.
        """
        ...

    def parts(self, start: int, most: int) -> Iterator[Part]:
        """Yield the parts from row `start` on, each of at least `most` candidates but the last."""
        ...

    def close(self) -> None:
        """Let go of what is held."""
        ...
