"""What both doors share: a call in one hop to a thread, warming up, closing, and what they say of licence and identity."""

from __future__ import annotations

import errno
import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from localrank.contract.errors import ModelLoadError, RerankError
from localrank.contract.model import DoRerankOptions, DoRerankResult
from localrank.contract.texts import first_line
from localrank.contract.types import RerankWarning, ScoreKind
from localrank.providers.files import TOO_MANY_OPEN_HINT, has_too_many_open
from localrank.providers.languages import (
    READ_CHARACTERS,
    READ_DOCUMENTS,
    foreign_words,
    unread,
    unread_documents,
)
from localrank.providers.loading import LoadOnce
from localrank.providers.worker import run_in_thread
from localrank_transformers.call.call import LocalCall
from localrank_transformers.models import bundled
from localrank_transformers.models.location import Location

if TYPE_CHECKING:
    from localrank_transformers.call.contract import Activation
    from localrank_transformers.models.catalogue.entries import CatalogueEntry
    from localrank_transformers.models.hub.repository import HubSource

__all__ = ["LocalReranker", "licence_warnings", "loading", "weights_identity"]


class LocalReranker:
    """Base of a reranker that loads weights at its first call; a subclass makes what loads them.

    Attributes:
        _location: Where the model's files are.
        _once: Loads the model (`Model`).
        _activation: The user's, or what is known of the model; None where only its files tell.
        _notices: Warnings that go out with the first result.
        _troubles: Tells what went wrong meanwhile beside the model; asked after each call.
    """

    _location: Location
    _once: LoadOnce[Any]
    _activation: Activation | None
    _notices: list[RerankWarning]
    _troubles: Callable[[], Sequence[RerankWarning]] | None = None

    @property
    def model_id(self) -> str:
        """The embedded model's name, the folder's, or the repository on the hub."""
        return self._location.model_id

    @property
    def score_kind(self) -> ScoreKind:
        """`probability` with the sigmoid; `logit` without, and for the bare cosines of a late-interaction model."""
        return "logit" if (self._activation or self._default_activation()) == "none" else "probability"

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes of what the model reads; `multilingual` for many, and empty where it is not known."""
        from localrank_transformers.rerankers.languages import languages_of  # noqa: PLC0415  # once a model

        return languages_of(self._location)

    @cached_property
    def _reads(self) -> tuple[frozenset[str], frozenset[str]] | None:
        """The languages, and common words of all others; None where the languages are not known, or too many to tell."""
        languages = frozenset(self.languages)
        return None if not languages or "multilingual" in languages else (languages, foreign_words(languages))

    def _unread(self, options: DoRerankOptions) -> Sequence[RerankWarning]:
        """Return the warning for a query, or for documents most of which, are in a language that the model does not read."""
        if self._reads is None:
            return ()
        languages, foreign = self._reads
        documents = options.documents[:: max(1, -(-len(options.documents) // READ_DOCUMENTS))]
        texts = [text[:READ_CHARACTERS] for text in (options.query, *documents)]
        if all(text.isascii() and foreign.isdisjoint(text.lower().split()) for text in texts):
            return ()
        feature: Literal["query", "documents"] = "query"
        writing = unread(texts[0], languages)
        if writing is None:
            feature, writing = "documents", unread_documents(texts[1:], languages)
        if writing is None:
            return ()
        from localrank_transformers.rerankers.languages import unread_warning  # noqa: PLC0415  # only then

        return (unread_warning(self.model_id, feature, writing),)

    def _default_activation(self) -> Activation:
        """Return the model's own activation, as far as it can be told without a connection."""
        raise NotImplementedError

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        """Score every document in one hop to a thread; see `RerankerModel`."""
        result = await self._run(options)
        notices, self._notices = self._notices, []
        troubles = () if self._troubles is None else self._troubles()
        return (
            replace(result, warnings=[*result.warnings, *notices, *troubles])  # the request's own first
            if notices or troubles
            else result
        )

    async def _run(self, options: DoRerankOptions) -> DoRerankResult:
        gave_up = threading.Event()
        call = LocalCall(partial(self._once.get, gave_up.is_set), options, self._unread)

        def stop() -> None:
            gave_up.set()
            call.stop()

        return await run_in_thread(call.run, stop=stop)

    async def warm_up(self) -> None:
        """Load now, and compute one pair, so that the first call is as quick as the next."""
        await self._run(DoRerankOptions("warm", ("up",)))

    def close(self) -> None:
        """Let go of the weights; a later call loads again. Calls that are running end as they would have."""
        model = self._once.take()
        if model is not None:
            device = model.device
            del model  # it goes with its last user
            device.release()

    async def aclose(self) -> None:
        """Let go of what is held, without blocking the event loop; see `close`."""
        await run_in_thread(self.close, stop=lambda: None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def licence_warnings(entry: CatalogueEntry | None) -> Iterator[RerankWarning]:
    """Yield the warning for a model that is known to be for non-commercial use only."""
    if entry is not None and entry.commercial is False:
        yield RerankWarning(
            "licence",
            f"The licence of {entry.hub_id or entry.name} ({entry.licence}) does not allow commercial use.",
            feature="licence",
        )


@contextmanager
def loading(model_id: str) -> Iterator[None]:
    """Let whatever else damaged files make of a load end in one error.

    Raises:
        ModelLoadError: Anything was raised that is no error of ours; or no file could be opened, or memory was short, so that
            files seemed absent or damaged.
    """
    try:
        yield
    except Exception as error:
        if has_too_many_open():
            raise ModelLoadError(
                f"{model_id} cannot be loaded: too many files are open.", hint=TOO_MANY_OPEN_HINT
            ) from error
        if _lacks_memory(error):
            raise ModelLoadError(
                f"{model_id} cannot be loaded: there is not enough memory.",
                hint="Close other models, or take a smaller one.",
            ) from error
        if isinstance(error, RerankError):
            raise
        if isinstance(error, ImportError):
            raise ModelLoadError(
                f"{model_id} cannot be loaded: what runs it cannot be imported: {first_line(_origin(error))}.",
                hint="There may be too little memory for it (`ulimit -v`, the container's limit), or the package is damaged: "
                "install it again.",
            ) from error
        raise ModelLoadError(
            f"{model_id} cannot be loaded: {type(error).__name__}: {first_line(error)}",
            hint="Its files may be damaged or of another version; copy or fetch them again.",
        ) from error


def _lacks_memory(error: BaseException | None) -> bool:
    """Whether an error came of one that says so: what cannot be read for want of memory looks damaged."""
    while error is not None:
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
            return True
        error = error.__cause__ or error.__context__
    return False


def _origin(error: BaseException) -> BaseException:
    """Return the error that an error came of in the end; a package's own words about its import may not name it."""
    while (before := error.__cause__ or error.__context__) is not None:
        error = before
    return error


_WEIGHTS = (".onnx", ".onnx_data", ".data", ".safetensors", ".json")

_DIGEST_BYTES = 8


def weights_identity(location: Location) -> str:
    """Return the model's name with the recorded sum of an embedded model, the state of a folder's files, or a hub commit.

    A folder's files are looked at, not read: name, size and time of change stand for their content. The commit is what the
    revision means on this machine; before the first download it is not known, and the revision stands for it.
    """
    if location.hub is not None:
        return f"{location.model_id}@{_commit(location.hub)}"
    if location.folder is None:
        sums = bundled.sums(location.model_id)
        return f"{location.model_id}@{_digest(*sorted(sums.values()))}"
    return f"{location.folder.resolve()}@{_digest(*_states(location.folder))}"


def _commit(hub: HubSource) -> str:
    store = hub.store()
    if hub.revision is None:
        return store.recorded_commit or "recorded"
    return store.reference(hub.revision) or hub.revision


def _states(folder: Path) -> list[str]:
    files = [
        path for parent in (folder, folder / "onnx") if parent.is_dir() for path in sorted(parent.iterdir())
    ]
    return [_state(path) for path in files if path.name.endswith(_WEIGHTS)]


def _state(path: Path) -> str:
    try:
        stat = path.stat()
    except OSError:  # a link to nothing, which the load tells of
        return path.name
    return f"{path.name} {stat.st_size} {stat.st_mtime_ns}"


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=_DIGEST_BYTES).hexdigest()
