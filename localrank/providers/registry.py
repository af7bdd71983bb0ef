"""Names into models: `"provider:model-id"`, bare aliases, and providers that other packages bring by entry point."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeAlias

from localrank.contract.errors import InferenceError, InvalidRequestError, UnknownModelError
from localrank.contract.model import AnyReranker
from localrank.contract.texts import shortened
from localrank.providers.calls import check_model
from localrank.providers.files import TOO_MANY_OPEN_HINT, has_too_many_open
from localrank.providers.forking import RenewedLock, hold_off_forks

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = [
    "BARE_NAME_PROVIDER",
    "DEFAULT_MODEL",
    "ENTRY_POINT_GROUP",
    "ProviderFactory",
    "full_name",
    "is_path",
    "make_model",
    "names_made_by",
    "no_name",
    "provider_names",
    "register_provider",
    "resolve",
    "unknown_model",
]

ENTRY_POINT_GROUP = "localrank.providers"
BARE_NAME_PROVIDER = "onnx"
"""The provider that a name without a prefix means."""

DEFAULT_MODEL = f"{BARE_NAME_PROVIDER}:localrank-mini"
"""What is taken where no model is named: embedded, so that the first call needs no network and no key."""

ProviderFactory: TypeAlias = Callable[[str], AnyReranker]
"""Takes the model id and returns a reranker that loads nothing yet."""

_NAMED_CHARACTERS = 120
"""How long the list of names in an error may be; a whole catalogue would hide what it says."""

_SCHEMES = frozenset({"http", "https", "file", "ftp", "s3"})

_factories: dict[str, ProviderFactory] = {}
_models: dict[str, AnyReranker] = {}
_lock = RenewedLock()
_maker: ContextVar[Callable[[str], AnyReranker] | None] = ContextVar("localrank_maker", default=None)


def register_provider(name: str, factory: ProviderFactory) -> None:
    """Make `"name:model-id"` resolve to `factory("model-id")` in this process.

    An installed package does the same for every process with an entry point in the group `localrank.providers`. A name that
    is registered here beats an entry point of that name.

    Raises:
        InvalidRequestError: `name` is empty or holds a colon.
    """
    if not name or ":" in name:
        raise InvalidRequestError(f"name is {name!r}; a provider's name has no colon and is not empty.")
    with _lock:
        _factories[name] = factory
        for known in [key for key in _models if key.partition(":")[0] == name]:
            del _models[known]


def provider_names() -> list[str]:
    """Return the names of all registered and installed providers, sorted."""
    return sorted({*_factories, *(entry.name for entry in _entry_points())})


def resolve(model: AnyReranker | str) -> AnyReranker:
    """Return the model object for a name; an object passes straight through.

    A name gives the same object each time, so weights are loaded once a process.

    Raises:
        UnknownModelError: No provider of that name; or the provider knows no such model.
        InvalidRequestError: A name that is empty or is a provider's alone, or an object that is no reranker.
        InferenceError: Too many files are open to look for it.
    """
    if not isinstance(model, str):
        return check_model(model)
    with _files_needed(model):
        make = _maker.get()
        return _resolved(model) if make is None else make(model)


@contextmanager
def names_made_by(make: Callable[[str], AnyReranker]) -> Iterator[None]:
    """Have `resolve` ask `make` for names, in this context alone.

    So whoever makes a wrapper from a string or a file can give the models in it settings of their own.
    """
    token = _maker.set(make)
    try:
        yield
    finally:
        _maker.reset(token)


def _resolved(name: str) -> AnyReranker:
    provider, model_id = _split(name)
    key = f"{provider}:{model_id}"
    with _lock:
        known = _models.get(key)
    if known is not None:
        return known
    with hold_off_forks():  # a child could not end an import that another thread began
        made = check_model(_factory(provider)(model_id))
    with _lock:
        return _models.setdefault(key, made)


@contextmanager
def _files_needed(name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if has_too_many_open():
            raise InferenceError(
                f"The model {shortened(name)!r} cannot be looked for: too many files are open.",
                hint=TOO_MANY_OPEN_HINT,
            ) from error
        raise


def make_model(name: str, settings: Mapping[str, Any]) -> AnyReranker:
    """Return a new model for a name, made with its provider's own settings, such as `{"api_key": "…"}`.

    It is never a shared one, so that settings of one caller do not reach another.

    Raises:
        UnknownModelError: No provider of that name; or the provider knows no such model.
        InvalidRequestError: A name that is empty or is a provider's alone, or a setting that the provider does not have.
    """
    provider, model_id = _split(name)
    factory: Callable[..., AnyReranker] = _factory(provider)
    try:
        inspect.signature(factory).bind(model_id, **settings)
    except TypeError as error:
        raise InvalidRequestError(
            f"{provider} cannot be made with the settings {', '.join(map(repr, settings))}: {error}.",
            hint="Pass keyword arguments of the provider's constructor.",
        ) from None
    return check_model(factory(model_id, **settings))


def unknown_model(kind: str, name: str, known: Iterable[str]) -> UnknownModelError:
    """Return an `UnknownModelError` for a `kind` of thing called `name`, offering the nearest of `known`."""
    names = sorted(set(known))
    from difflib import get_close_matches  # noqa: PLC0415  # only for a name that is not known

    near = get_close_matches(name.lower(), names, n=3, cutoff=0.5)
    hint: str | None
    if near:
        hint = f"Did you mean {' or '.join(repr(other) for other in near)}?"
    else:
        hint = f"Known: {_listed(names)}." if names else None
    return UnknownModelError(f"There is no {kind} {shortened(name)!r}.", hint=hint)


def is_path(name: str) -> bool:
    """Return whether `name` can only be a folder: it begins as a path does."""
    return name.startswith((".", "/", "\\", "~")) or name[1:3] in {":\\", ":/"}


def no_name(name: str) -> InvalidRequestError:
    """Return the error for a string that names no model."""
    return InvalidRequestError(
        f"model is {shortened(name)!r}, which names no model.",
        hint='Write "provider:model-id", an alias such as "mini", or a folder.',
    )


def _listed(names: list[str]) -> str:
    lengths = accumulate(len(name) + 2 for name in names)
    shown = max(1, sum(length <= _NAMED_CHARACTERS for length in lengths))
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return f"{', '.join(names[:shown])}{more}"


def full_name(name: str) -> str:
    """Return `name` with its provider: two names of one model are the same then.

    Raises:
        InvalidRequestError: It names no model.
    """
    return ":".join(_split(name))


def _split(name: str) -> tuple[str, str]:
    written = name.strip()
    provider, colon, model_id = written.partition(":")
    if is_path(written):
        return BARE_NAME_PROVIDER, written
    if colon and provider.strip() and model_id.strip():
        return provider.strip(), model_id.strip()
    if not provider.strip():
        raise no_name(name)
    if colon or _is_provider(provider):
        folder = "" if colon else f', or "./{provider}" for a folder of that name'
        raise InvalidRequestError(
            f"model is {shortened(name)!r}, a provider without a model.",
            hint=f'Write "{provider}:model-id"{folder}.',
        )
    return BARE_NAME_PROVIDER, written


def _is_provider(name: str) -> bool:
    return name in _factories or any(True for _ in _entry_points(name))


def _factory(provider: str) -> ProviderFactory:
    if provider in _factories:
        return _factories[provider]
    for entry in _entry_points(provider):
        loaded: Any = entry.load()
        with _lock:
            return _factories.setdefault(provider, loaded)
    if provider.lower() in _SCHEMES:
        raise UnknownModelError(
            f"There is no provider {provider!r}: an address names no model by itself.",
            hint='Write the provider that speaks to it in front, as in "provider:model-id@http://host".',
        )
    raise unknown_model("provider", provider, provider_names())


def _entry_points(provider: str | None = None) -> Iterable[EntryPoint]:
    from importlib.metadata import entry_points  # noqa: PLC0415 - costly to import, and only names need it

    installed = entry_points(group=ENTRY_POINT_GROUP)
    return installed if provider is None else installed.select(name=provider)
