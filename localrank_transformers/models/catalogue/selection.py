"""Choose among known models: by language, size, licence and family; in order of quality, size or name. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

from localrank.contract.errors import InvalidRequestError
from localrank_transformers.models.catalogue.entries import CatalogueEntry
from localrank_transformers.models.folder.exported import FamilyName

__all__ = ["COMMON_BENCHMARK", "SortBy", "common_quality", "parse_size", "reader_of", "select", "size_mb"]

SortBy = Literal["catalogue", "quality", "size", "name"]

COMMON_BENCHMARK = ("MTEB(eng, v2) retrieval", "nDCG@10")
"""The figure by which most models can be compared: English, the mean over six first stages, all from one source."""

_SIZE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(k|m|g)?i?b?\s*$", re.IGNORECASE)
_MEGABYTES = {"k": 0.001, "m": 1.0, "g": 1000.0}


def select(
    entries: Iterable[CatalogueEntry],
    *,
    language: str | None = None,
    max_mb: float | None = None,
    commercial: bool = False,
    family: FamilyName | None = None,
    sort: SortBy = "catalogue",
) -> list[CatalogueEntry]:
    """Return the entries that meet every wish.

    Args:
        entries: Where to choose from.
        language: An ISO 639-1 code; a multilingual model meets any.
        max_mb: The largest size, in megabytes, of a model's smallest weights; a model of unknown size does not meet it.
        commercial: Only licences that clearly allow commercial use.
        family: Only this family.
        sort: `quality` puts the best first, `size` the smallest; what is unknown comes last.
    """
    chosen = [
        entry
        for entry in entries
        if (language is None or not {language.lower(), "multilingual"}.isdisjoint(entry.languages))
        and (max_mb is None or (size_mb(entry) or float("inf")) <= max_mb)
        and (not commercial or entry.commercial is True)
        and (family is None or entry.family == family)
    ]
    return _sorted(chosen, sort)


def _sorted(chosen: Sequence[CatalogueEntry], sort: SortBy) -> list[CatalogueEntry]:
    if sort == "quality":
        return sorted(chosen, key=lambda entry: -(common_quality(entry) or 0.0))
    if sort == "size":
        return sorted(chosen, key=lambda entry: size_mb(entry) or float("inf"))
    if sort == "name":
        return sorted(chosen, key=lambda entry: entry.name)
    return list(chosen)


def reader_of(entries: Iterable[CatalogueEntry], languages: Sequence[str]) -> CatalogueEntry | None:
    """Return the smallest model that can be run, reads one of `languages` and allows commercial use; None where there is none.

    One that names the language goes before one for many languages that are not listed.
    """
    for wanted in (languages, ("multilingual",)):
        found = [
            entry
            for entry in entries
            if entry.engines and entry.commercial is True and not set(wanted).isdisjoint(entry.languages)
        ]
        if found:
            return _sorted(found, "size")[0]
    return None


def size_mb(entry: CatalogueEntry) -> float | None:
    """Return the size of the smallest weights that can be fetched, in megabytes: of the ONNX files where there are any.

    Where no file's size is known it is that of all parameters in float32.
    """
    if entry.size_mb:
        of_files = [size for precision, size in entry.size_mb.items() if precision in entry.onnx_files]
        return min(of_files or entry.size_mb.values())
    return None if entry.parameters is None else entry.parameters * 4 / 1e6


def common_quality(entry: CatalogueEntry) -> float | None:
    """Return the model's figure on `COMMON_BENCHMARK`, or None where none is published."""
    return next(
        (figure.value for figure in entry.quality if (figure.benchmark, figure.metric) == COMMON_BENCHMARK),
        None,
    )


def parse_size(text: str) -> float:
    """Return `300MB`, `1.2 GB` or `300` (megabytes) in megabytes.

    Raises:
        InvalidRequestError: It is no size.
    """
    match = _SIZE.match(text)
    if match is None:
        raise InvalidRequestError(
            f"The size is {text!r}.", hint='Write a number with its unit, such as "300MB".'
        )
    return float(match[1]) * _MEGABYTES[(match[2] or "m").lower()]
