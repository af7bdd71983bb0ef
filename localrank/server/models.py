"""The models that a server offers, by the names that requests use."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio

from localrank.contract.cancellation import AbortToken, LinkedToken, raise_if_aborted
from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import AnyReranker, DoRerankOptions
from localrank.providers.calls import call_model
from localrank.providers.registry import full_name, make_model, names_made_by, resolve, unknown_model
from localrank.providers.worker import run_in_thread
from localrank.server.dialects.wire import RankRequest, RefusedError

__all__ = ["DEFAULT_MODEL", "Keeping", "Served", "ServedModels"]

_POLL_S = 0.05

DEFAULT_MODEL = "onnx:localrank-mini"
"""Embedded: no download and no key."""


@dataclass(slots=True)
class Served:
    """One model under one name.

    Attributes:
        name: What requests call it.
        model: The reranker; it loads when it is first used.
        scored_at: `time.monotonic()` of the last answer, or None before the first.
        created: When it was named, in seconds since 1970.
        requests: How many requests use it now.
    """

    name: str
    model: AnyReranker
    scored_at: float | None = None
    created: int = field(default_factory=lambda: int(time.time()))
    requests: int = 0

    async def probe(self) -> None:
        """Rank one real pair.

        Raises:
            RerankError: The model cannot.
        """
        await call_model(self.model, DoRerankOptions("ready", ("ready", "not")))
        self.scored_at = time.monotonic()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Hold the model open for one request."""
        self.requests += 1
        try:
            yield
        finally:
            self.requests -= 1

    async def cut(self, asked: RankRequest, stopped: AbortToken) -> RankRequest | None:
        """Return `asked` with each document cut to the tokens that the client wants read, None where the model cannot tell.

        A token has at least one character, so shorter texts are not looked at.

        Raises:
            RerankAbortedError: `stopped` was set.
        """
        most, spans_of = asked.tokens_a_document, getattr(self.model, "token_spans", None)
        if most is None or spans_of is None:
            return None
        token = LinkedToken(stopped)

        def shortened() -> list[str]:
            texts = []
            for text in asked.texts:
                if token.is_set():
                    break
                texts.append(text if len(text) <= most else _first_tokens(text, spans_of(text), most))
            return texts

        texts = await run_in_thread(shortened, stop=token.set)
        raise_if_aborted(stopped, "in_call")
        return replace(asked, texts=texts)


@dataclass(frozen=True, slots=True)
class Keeping:
    """What models that read documents apart from the query keep of them.

    Attributes:
        cache_mb: Megabytes of memory for each; None or 0 for none.
        store: A folder with one of each model; None for none.
    """

    cache_mb: int | None = None
    store: Path | None = None

    def options_of(self, model: AnyReranker) -> dict[str, Any]:
        """Return what the model is to be made with."""
        if not getattr(model, "reads_documents_apart", False):
            return {}
        found: dict[str, Any] = {"document_cache_mb": self.cache_mb} if self.cache_mb else {}
        if self.store is not None:
            # The name of a folder and no path: a hub's id has slashes.
            found["document_store"] = self.store / re.sub(r"[^\w-]+", "-", model.model_id)
        return found


class ServedModels:
    """Models by name, the first one the default.

    Args:
        specs: Names and what they stand for: a reranker, or anything that `resolve` knows. Names are compared without case.
        keeping: What is kept of documents.
        before: What was served until now; a model that stays is the same one, loaded and with what it knows.

    Raises:
        InvalidRequestError: Two models of one name, a blank name, no model, or a store that none of them would use.
        UnknownModelError: A spec that names no model.
    """

    def __init__(
        self,
        specs: Sequence[tuple[str, AnyReranker | str]],
        keeping: Keeping,
        *,
        before: ServedModels | None = None,
    ) -> None:
        self._served: dict[str, Served] = {}
        self._made: dict[str, AnyReranker] = {}
        self._keeping = keeping
        self._kept = {} if before is None else _without_files(before._made)
        for name, spec in specs:
            if not name.strip():
                raise InvalidRequestError(
                    "The name of a model is blank.", hint="Requests ask for it by name."
                )
            if name.lower() in self._served:
                raise InvalidRequestError(
                    f"Two models are called {name!r}.", hint="Give one another name with --alias NAME=SPEC."
                )
            model = self._model(spec) if isinstance(spec, str) else resolve(spec)
            known = None if before is None else before._served.get(name.lower())
            if known is not None and known.model is model:
                self._served[name.lower()] = Served(name, model, known.scored_at, known.created)
            else:
                self._served[name.lower()] = Served(name, model)
        if not self._served:
            raise InvalidRequestError("There is no model to serve.", hint="Name one, such as localrank-mini.")
        self._check_store()

    @property
    def keeps_documents(self) -> bool:
        """Whether a model that is made here keeps what it reads of documents."""
        return any(map(self._keeping.options_of, self._made.values()))

    def _check_store(self) -> None:
        """Refuse a store that nothing would be kept in."""
        store = self._keeping.store
        if store is not None and not self.keeps_documents:
            raise InvalidRequestError(
                f"document_store is given, and no model that is made here reads documents apart from the query: {store} "
                "would stay empty.",
                hint="Leave it out, or name a model such as localrank-mini.",
            )

    def __iter__(self) -> Iterator[Served]:
        return iter(self._served.values())

    @property
    def default(self) -> Served:
        """The model of requests that name none."""
        return next(iter(self._served.values()))

    def get(self, name: str | None) -> Served:
        """Return the model that a request asks for.

        Raises:
            RefusedError: 404, with near names.
        """
        if name is None:
            return self.default
        known = self._served.get(name.lower())
        if known is None:
            error = unknown_model("model", name[:100], (served.name for served in self))
            raise RefusedError(
                404, f"{error} --alias NAME=SPEC serves a model under another name.", "unknown_model"
            )
        return known

    def followed_by(self, specs: Sequence[tuple[str, AnyReranker | str]]) -> ServedModels:
        """Return what is to be served next; models that stay are the same ones.

        Raises:
            RerankError: As for a new one.
        """
        return ServedModels(specs, self._keeping, before=self)

    async def aclose(self) -> None:
        """Let every model that was made here go of what it holds; those that came as objects belong to who made them."""
        await self._close(list(self._made.values()))

    async def give_way(self, to: ServedModels) -> None:
        """Let go of the models that `to` does not hold, once no request uses what is served here."""
        while any(served.requests for served in self):
            await anyio.sleep(_POLL_S)
        held = {id(one) for model in to._made.values() for one in _within(model)}
        gone = [model for model in self._made.values() if id(model) not in held]
        # a wrapper closes what is in it, and the models in it are here one by one
        await self._close([model for model in gone if not any(id(one) in held for one in _within(model))])

    async def _close(self, models: Sequence[AnyReranker]) -> None:
        for model in models:
            aclose = getattr(model, "aclose", None)
            if aclose is not None:
                await aclose()

    def _model(self, name: str) -> AnyReranker:
        """Return the model of a name, a new one of this server's own the first time, and of a wrapper those in it likewise.

        It has room for known documents where it reads them apart from the query.
        """
        full = full_name(name)
        known = self._made.get(full) or self._kept.get(full)
        if known is not None:
            return self._made.setdefault(full, known)
        with names_made_by(self._model):
            made = make_model(name, {})
            options = self._keeping.options_of(made)
            if options:
                made = make_model(name, options)
        return self._made.setdefault(full, made)


def _within(model: AnyReranker) -> Iterator[AnyReranker]:
    """Yield the model, and those in it where it is a wrapper."""
    yield model
    for inner in getattr(model, "models", ()):
        yield from _within(inner)


def _without_files(made: Mapping[str, AnyReranker]) -> dict[str, AnyReranker]:
    """Return what the same name stands for later too; the file of a `toml:` may say something else by then."""
    return {name: model for name, model in made.items() if not name.startswith("toml:")}


def _first_tokens(text: str, spans: Sequence[tuple[int, int]], most: int) -> str:
    return text if len(spans) <= most else text[: spans[most - 1][1]]
