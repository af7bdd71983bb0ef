"""Wrappers as tables: what a TOML file says in `kind`, `models` and options becomes a reranker."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from localrank.compose.several.cascade import Cascade
from localrank.compose.several.fallback import Fallback
from localrank.compose.several.fused import Fused
from localrank.compose.several.given import Identity, Retrieved
from localrank.compose.single.batched import Batched
from localrank.compose.single.cached import Cached
from localrank.compose.single.calibrated import Calibrated
from localrank.compose.single.chunked import Chunked
from localrank.compose.single.diversified import Diversified
from localrank.compose.single.limited import Limited
from localrank.compose.single.when import When
from localrank.compose.stores.memory import MemoryStore
from localrank.compose.stores.sqlite import SQLiteStore
from localrank.compose.wrapping.wrapper import refuse, too_deep
from localrank.contract.model import AnyReranker
from localrank.providers.files import read_settings_file
from localrank.providers.registry import resolve, unknown_model

__all__ = ["build", "from_table", "from_toml"]

_BARE: Mapping[str, Callable[[], AnyReranker]] = {"identity": Identity, "retrieved": Retrieved}
"""Models that a composition names by one word."""


_being_read: ContextVar[frozenset[str]] = ContextVar("localrank_toml_tables", default=frozenset())
"""Files, with their tables, whose models are being made."""


def _cached(models: Sequence[AnyReranker], options: Mapping[str, Any]) -> AnyReranker:
    on_disk = "path" in options
    bound, other = ("max_bytes", "max_entries") if on_disk else ("max_entries", "max_bytes")
    if other in options:
        place = "on disk" if on_disk else "in memory"
        raise refuse(
            f"{other} is {options[other]!r}, which does not bound a cache {place}.",
            f"Pass {bound}, or leave it out.",
        )
    return Cached(models[0], SQLiteStore(**options) if on_disk else MemoryStore(**options))


def _calibrated(models: Sequence[AnyReranker], options: Mapping[str, Any]) -> AnyReranker:
    if "path" not in options:
        raise refuse("calibrated has no path.", "Name the JSON file that Calibrated.save wrote.")
    return Calibrated.load(models[0], options["path"])


def _of(wrapper: Callable[..., AnyReranker]) -> Build:
    return lambda models, options: wrapper(*models, **options)


Build = Callable[[Sequence[AnyReranker], Mapping[str, Any]], AnyReranker]

KINDS: Mapping[str, tuple[Build, tuple[int, int | None], tuple[str, ...]]] = {
    "cascade": (_of(Cascade), (2, None), ("keep",)),
    "fallback": (_of(Fallback), (1, None), ("stage_timeout", "failure_threshold", "reset_after")),
    "fused": (
        lambda models, options: Fused(models, **options),
        (2, None),
        ("method", "weights", "k", "normalize"),
    ),
    "cached": (_cached, (1, 1), ("path", "max_bytes", "max_entries")),
    "chunked": (_of(Chunked), (1, 1), ("chunk_tokens", "overlap", "pool")),
    "calibrated": (_calibrated, (1, 1), ("path",)),
    "limited": (_of(Limited), (1, 1), ("rate", "concurrency", "tokens_per_minute")),
    "batched": (_of(Batched), (1, 1), ("max_documents", "max_parallel")),
    "diversified": (_of(Diversified), (1, 1), ("lambda_", "candidates")),
    "when": (_of(When), (1, 1), ("min_documents", "margin")),
}
"""What makes a wrapper, how many models it takes at least and at most, and its options."""


def build(
    kind: str, models: Sequence[AnyReranker | str | Mapping[str, Any]], options: Mapping[str, Any]
) -> AnyReranker:
    """Return the wrapper `kind` over `models`.

    Args:
        kind: Such as `cascade`.
        models: Objects, strings, or tables.
        options: The wrapper's keyword arguments that a file can hold.

    Raises:
        UnknownModelError: No such kind, or an inner name that nobody knows.
        InvalidRequestError: An option that the kind does not have, or a wrong number of models.
    """
    if kind not in KINDS:
        raise unknown_model("kind of wrapper", kind, KINDS)
    make, (fewest, most), known = KINDS[kind]
    for name in options:
        if name not in known:
            raise refuse(f"{kind} has no option {name!r}.", f"Its options: {', '.join(known)}.")
    if len(models) < fewest or (most is not None and len(models) > most):
        wanted = f"at least {fewest}" if most is None else f"exactly {fewest}"
        raise refuse(f"{kind} has {len(models)} models.", f"Name {wanted}.")
    try:
        return make([_inner(model) for model in models], options)
    except TypeError as error:
        raise refuse(f"{kind} cannot be made of these options: {error}.", "Check their types.") from error


def _inner(model: AnyReranker | str | Mapping[str, Any]) -> AnyReranker:
    if isinstance(model, Mapping):
        return _from_table(model)
    bare = _BARE.get(model) if isinstance(model, str) else None
    return bare() if bare is not None else resolve(model)


def from_table(table: Mapping[str, Any]) -> AnyReranker:
    """Return the reranker that a table describes.

    A table has `kind`, `models` (a list of names and tables) or `model` (one), and the wrapper's options; or only `model`.

    Raises:
        InvalidRequestError: A key is missing or of the wrong type, or tables stand too deep in one another.
        UnknownModelError: No such kind or model.
    """
    try:
        return _from_table(table)
    except RecursionError:
        raise too_deep() from None


def _from_table(table: Mapping[str, Any]) -> AnyReranker:
    options = {name: value for name, value in table.items() if name not in {"kind", "model", "models"}}
    models = table.get("models", [table["model"]] if "model" in table else None)
    valid = isinstance(models, list) and all(isinstance(model, (str, Mapping)) for model in models)
    if not valid or not isinstance(table.get("kind", ""), str):
        raise refuse(
            f"The table with the keys {', '.join(map(repr, table)) or '(none)'} describes no reranker.",
            'Write kind = "cascade" and models = ["name", …], or model = "name".',
        )
    if "kind" in table:
        return build(table["kind"], models, options)
    if options or len(models) != 1:
        raise refuse(f"The table with the keys {', '.join(map(repr, table))} has no kind.", "Add one.")
    return _inner(models[0])


def from_toml(path: str | os.PathLike[str], *, table: str | None = None) -> AnyReranker:
    """Return the reranker that a TOML file describes.

    Args:
        path: The file.
        table: The dotted name of the table in it, such as `tool.localrank.model`; None means the whole file.

    Raises:
        InvalidRequestError: The file cannot be read, has no such table, or the table describes no reranker.
        UnknownModelError: No such kind or model.
    """
    try:
        content: Any = tomllib.loads(read_settings_file(path))
    except (OSError, ValueError, RecursionError) as error:
        reason = ": ".join(filter(None, (type(error).__name__, getattr(error, "strerror", None))))
        raise refuse(f"{path} cannot be read as TOML ({reason}).", "Check path and content.") from None
    for key in table.split(".") if table else ():
        content = content.get(key) if isinstance(content, Mapping) else None
    if not isinstance(content, Mapping):
        raise refuse(f"{path} has no table {table!r}.", "Name a table of the file after '#'.")
    place, around = f"{Path(path).resolve()}#{table or ''}", _being_read.get()
    if place in around:
        raise refuse(f"{path} names itself as a model.", "Name another model there.")
    token = _being_read.set(around | {place})
    try:
        return from_table(content)
    finally:
        _being_read.reset(token)
