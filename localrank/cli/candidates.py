"""What is ranked of what the sources hold: all of it, or of a long list the documents that share most words with the query."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace

import click

from localrank.cli.output import InputError, note, stdin_is_terminal
from localrank.cli.reading import InputDocument, Reading, read_documents
from localrank.cli.sources import STDIN, Opening, bytes_of, kept_sources
from localrank.cli.terminal import progress_bar

__all__ = ["DEFAULT_CANDIDATES", "LONG_LIST", "best_by_words", "every_document"]

DEFAULT_CANDIDATES = 200
LONG_LIST = 5_000
"""A list of this length is worth a word about the first stage: the embedded model reads it in half a minute or more."""


def every_document(sources: Sequence[str], reading: Reading) -> tuple[InputDocument, ...]:
    """Return all documents, with a bar while they are read."""
    with _bar("Reading", sources, bytes_of(sources)) as on_bytes:
        return tuple(read_documents(sources, replace(reading, opening=Opening(on_bytes=on_bytes))))


def best_by_words(
    query: str, sources: Sequence[str], reading: Reading, count: int
) -> tuple[tuple[InputDocument, ...], tuple[int, ...]]:
    """Return the `count` documents that stand highest by BM25, best first, with their positions in what was read.

    The sources are read twice, first to score, then to keep the best, so that a list of any length takes no more memory than
    a short one. What can be read only once is kept in a temporary file meanwhile.

    Raises:
        InputError: As `read_documents`, or a source is not what it was a moment ago.
        ClickException: The temporary folder has no room.
    """
    from localrank.evaluation.bm25_stream import best_by_bm25  # noqa: PLC0415 - evaluation is much for a short list

    with ExitStack() as stack:
        with _bar("Reading", sources, None) as on_bytes:
            kept = stack.enter_context(kept_sources(sources, on_bytes))
        size = bytes_of(sources, kept)
        with _bar("Comparing words", sources, size) as on_bytes:
            first = replace(reading, opening=Opening(kept, on_bytes))
            texts = (document.scored_text for document in read_documents(sources, first))
            try:
                best = best_by_bm25(query, texts, count)
            except OSError as error:
                raise click.ClickException(
                    f"The folder for temporary files cannot be written: {error.strerror or error}. Set TMPDIR to one with room."
                ) from None
        with _bar("Fetching the best", sources, size) as on_bytes:
            second = replace(reading, opening=Opening(kept, on_bytes, again=True))
            documents = _at(best.places, sources, second)
        for before, now in zip(first.opening.files, second.opening.files, strict=False):
            _check_same(before, now)
    if not best.holding:
        note(
            f"warning: no document holds a word of the query, so the first {len(documents):,} of {best.texts:,} are ranked. "
            "Words are told apart by spaces and punctuation; without --first-stage everything is ranked."
        )
    return documents, tuple(best.places)


def _at(places: Sequence[int], sources: Sequence[str], reading: Reading) -> tuple[InputDocument, ...]:
    wanted = frozenset(places)
    found: dict[int, InputDocument] = {}
    with closing(read_documents(sources, reading)) as documents:
        for place, document in enumerate(documents):
            if place in wanted:
                found[place] = document
                if len(found) == len(wanted):
                    break
    if len(found) < len(wanted):
        raise InputError(
            f"{', '.join(sources)}: shorter than a moment ago. Rank a file that nobody writes to."
        )
    return tuple(found[place] for place in places)


def _check_same(before: tuple[str, os.stat_result], now: tuple[str, os.stat_result]) -> None:
    """Refuse a file that is another than before. One that grew is the same up to there."""
    (name, was), (_, stat) = before, now
    replaced = before[0] != now[0] or not os.path.samestat(was, stat)
    written = stat.st_size == was.st_size and stat.st_mtime_ns != was.st_mtime_ns
    if replaced or written or stat.st_size < was.st_size:
        raise InputError(f"{name}: changed while it was read. Rank a file that nobody writes to.")


@contextmanager
def _bar(label: str, sources: Sequence[str], total: int | None) -> Iterator[Callable[[int], None] | None]:
    """Show a bar of bytes while the block runs, unless a person types them; yield what counts them."""
    if STDIN in (sources or (STDIN,)) and stdin_is_terminal():
        yield None
        return
    with progress_bar(label, total, in_bytes=True) as bar:
        yield None if bar is None else bar.add
