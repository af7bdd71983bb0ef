"""Known models as data: the names people use, and what is needed to load, score and choose each.

The data lie in `catalogue.toml` beside this file and are read when the first name is looked up. What is not known of a model
is absent (None or empty), never guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

from localrank_transformers.models.folder.exported import FamilyName

__all__ = [
    "Activation",
    "CatalogueEntry",
    "Quality",
    "Verified",
    "entries",
    "known_names",
    "lookup",
]

Activation = Literal["sigmoid", "softmax", "none"]
"""What turns the numbers in a model's output into a score: `sigmoid` of one logit; `softmax` of two logits, of which the
positive one counts (yes/no, true/false, 1/0); `none` where the output is the score already (a cosine)."""

Verified = Literal["reference", "derivation", "no"]
"""Whether scores were compared with the reference implementation, with an independent derivation, or not yet."""


@dataclass(frozen=True, slots=True)
class Quality:
    """One published figure.

    Attributes:
        benchmark: The test collection or suite.
        metric: The measure, such as `nDCG@10`.
        value: The figure as published: a share of 1, or points of 100.
        source: Who published it, and what the first stage was where that is known.
    """

    benchmark: str
    metric: str
    value: float
    source: str


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One known model.

    Attributes:
        name: The name to write, unique in the catalogue.
        family: How it reads a query and its documents.
        architecture: The kind of network, as people call it.
        aliases: Further short names.
        hub_id: Its repository on the Hugging Face hub; None for an embedded model.
        other_ids: Repositories and former ids by which the same weights are known.
        bundled: Its folder under `localrank_transformers/models/bundled/`, for an embedded model.
        summary: One line on what it is for.
        parameters: Number of weights.
        languages: ISO 639-1 codes; `multilingual` for many that are not listed.
        max_length: The longest window that the weights allow, in tokens.
        default_length: The window to use when none is asked for, in tokens: what an ordinary machine can afford.
        activation: What turns the output into a score; None for a model that gives an order only.
        template: The name of the prompt that holds query and document, where there is one.
        instruction: Whether it reads the `instruction` of a call.
        licence: An SPDX name, or the name of the terms.
        commercial: Whether the licence allows commercial use; None where that is not settled: no licence is declared, or its
            terms set conditions.
        onnx_files: Path in the repository by precision (`fp32`, `fp16`, `int8`, `int8-avx512-vnni` …).
        size_mb: Size of the weights in megabytes, by precision.
        engines: Engines that can run it, best first.
        engine_notes: Why an engine that is not in `engines` cannot run it, by engine.
        quality: Published figures.
        verified: Whether our scores were compared with the reference.
        notes: What else a user should know.
    """

    name: str
    family: FamilyName
    architecture: str
    aliases: tuple[str, ...] = ()
    hub_id: str | None = None
    other_ids: tuple[str, ...] = ()
    bundled: str | None = None
    summary: str = ""
    parameters: int | None = None
    languages: tuple[str, ...] = ()
    max_length: int | None = None
    default_length: int | None = None
    activation: Activation | None = None
    template: str | None = None
    instruction: bool = False
    licence: str | None = None
    commercial: bool | None = None
    onnx_files: Mapping[str, str] = field(default_factory=dict[str, str])
    size_mb: Mapping[str, float] = field(default_factory=dict[str, float])
    engines: tuple[str, ...] = ()
    engine_notes: Mapping[str, str] = field(default_factory=dict[str, str])
    quality: tuple[Quality, ...] = ()
    verified: Verified = "no"
    notes: str = ""

    @property
    def all_names(self) -> tuple[str, ...]:
        """Every name that `lookup` knows it by, the first being `name`."""
        hub = () if self.hub_id is None else (self.hub_id,)
        return (self.name, *self.aliases, *hub, *self.other_ids)


def lookup(name: str) -> CatalogueEntry | None:
    """Return the entry called `name`: a name, an alias or a hub id, in any case; None if there is none."""
    return _by_name().get(name.strip().lower())


def entries() -> tuple[CatalogueEntry, ...]:
    """Return all entries: the embedded models first, then in the order of the data."""
    return _read()


def known_names() -> list[str]:
    """Return every name that `lookup` takes, sorted; for offering near ones."""
    return sorted(name for entry in _read() for name in entry.all_names)


@cache
def _read() -> tuple[CatalogueEntry, ...]:
    # An embedded model needs no entry, so a first result does not wait for these.
    import tomllib  # noqa: PLC0415
    from importlib.resources import files  # noqa: PLC0415

    text = files("localrank_transformers.models.catalogue").joinpath("catalogue.toml").read_text("utf-8")
    data = tomllib.loads(text)
    return tuple(_entry(table, data["sources"]) for table in data["model"])


@cache
def _by_name() -> dict[str, CatalogueEntry]:
    return {name.lower(): entry for entry in _read() for name in entry.all_names}


def _entry(table: dict[str, Any], sources: Mapping[str, str]) -> CatalogueEntry:
    unknown = table.keys() - {attribute.name for attribute in fields(CatalogueEntry)}
    if unknown:
        raise ValueError(f"catalogue.toml: {table.get('name')!r} has unknown keys {sorted(unknown)}.")
    return CatalogueEntry(**dict(_frozen(table, sources)))


def _frozen(table: dict[str, Any], sources: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if key == "quality":
            yield key, tuple(Quality(name, metric, figure, sources[by]) for name, metric, figure, by in value)
        elif isinstance(value, list):
            yield key, tuple(value)
        elif isinstance(value, dict):
            yield key, MappingProxyType(value)
        else:
            yield key, value
