"""A model of the hub made ready in the cache: one commit throughout, and only the files that are needed."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from localrank.contract.errors import InvalidRequestError, ModelLoadError
from localrank.providers.loading import ShouldStop, never
from localrank_transformers.models.folder.safety.names import check_name
from localrank_transformers.models.hub.download import cache_folder, fetch, hub_is_offline, look_up
from localrank_transformers.models.hub.errors import not_here
from localrank_transformers.models.hub.store import HubStore, is_commit

__all__ = ["HubRepository", "HubSource", "open_repository"]

_REPOSITORY = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*", re.ASCII)
_REVISION = re.compile(r"[\w-][\w./-]{0,199}", re.ASCII)
_DEFAULT_REVISION = "main"


@dataclass(frozen=True, slots=True)
class HubSource:
    """Where on the hub a model is, and how it may be fetched.

    Attributes:
        repo_id: `organization/name`.
        revision: A branch, tag or commit; None means the commit of the first download, and before that `main`.
        cache_dir: The hub cache; None means the hub client's own.
        offline: True allows no connection; None leaves it to HF_HUB_OFFLINE.
    """

    repo_id: str
    revision: str | None = None
    cache_dir: Path | None = None
    offline: bool | None = None

    def __post_init__(self) -> None:
        if not _REPOSITORY.fullmatch(self.repo_id) or ".." in self.repo_id or "--" in self.repo_id:
            raise InvalidRequestError(
                f"{self.repo_id!r} is no name of a hub repository.", hint="Write organization/name."
            )
        if self.revision is not None and (not _REVISION.fullmatch(self.revision) or ".." in self.revision):
            raise InvalidRequestError(
                f"revision is {self.revision!r}.", hint="Pass a branch, a tag or a commit, or None."
            )

    @property
    def is_offline(self) -> bool:
        """Whether no connection may be made."""
        return self.offline is True or hub_is_offline()

    def store(self) -> HubStore:
        """Return the repository's place in the cache."""
        return HubStore(cache_folder(self.cache_dir), self.repo_id)


@dataclass(frozen=True, slots=True)
class HubRepository:
    """One commit of a repository, from which files can be taken.

    Attributes:
        source: Where it is.
        commit: What every file is of.
        names: The files that it has, as far as that is known without asking again.
        looked_up: Whether the hub was asked just now.
    """

    source: HubSource
    commit: str
    names: frozenset[str]
    looked_up: bool

    @property
    def folder(self) -> Path:
        """Where the files are once they are fetched."""
        return self.source.store().folder(self.commit)

    def fetch(self, names: Iterable[str], should_stop: ShouldStop = never) -> Path:
        """Make these files ready and return their folder; those that are here already cost no connection.

        Raises:
            ModelLoadError: One cannot be had.
            RerankAbortedError: `should_stop` became true.
        """
        store = self.source.store()
        for name in names:
            if store.has(self.commit, [check_name(name)]):
                continue
            if self.source.is_offline:
                raise not_here(self.source.repo_id, name)
            fetch(store, self.source.repo_id, self.commit, name, should_stop)
        return self.folder

    def keep(self, *, update: bool = False) -> None:
        """Record that this commit was fetched, so that later loads need no look-up.

        Args:
            update: Record it although another one is recorded.
        """
        store = self.source.store()
        if self.looked_up:
            store.keep_reference(self.source.revision or _DEFAULT_REVISION, self.commit)
        if self.source.revision is None and (update or store.recorded_commit is None):
            store.keep(commit=self.commit)


def open_repository(
    source: HubSource, *, is_enough: Callable[[Collection[str]], bool], update: bool
) -> HubRepository:
    """Decide on a commit, with at most one request, and none where the commit is fixed and known.

    When the hub does not answer, what an earlier look-up found is used, if enough of it is here.

    Args:
        source: The repository.
        is_enough: Whether files with these names are all that a load needs.
        update: Look `main` up although a commit is recorded.

    Raises:
        ModelLoadError: The hub cannot be asked, or has no such revision, and the cache does not suffice.
    """
    store = source.store()
    fixed = source.revision if is_commit(source.revision) else None
    if source.revision is None and not update:
        fixed = store.recorded_commit
    if fixed is not None and (known := _known(source, store, fixed, is_enough)):
        return known
    cached = _cached(source, store, fixed, is_enough)
    if source.is_offline:
        if cached is None:
            raise not_here(source.repo_id)
        return cached
    try:
        listing = look_up(source.repo_id, fixed or source.revision or _DEFAULT_REVISION)
    except ModelLoadError:
        if cached is None or not is_enough(store.present(cached.commit)):
            raise
        return cached
    store.keep(listed=listing.commit, names=listing.names)
    return HubRepository(source, listing.commit, listing.names, looked_up=True)


def _known(
    source: HubSource, store: HubStore, commit: str, is_enough: Callable[[Collection[str]], bool]
) -> HubRepository | None:
    """Return the commit as an earlier look-up listed it, or as other programs left it where that is enough."""
    names = store.names(commit)
    if names is None and is_enough(present := store.present(commit)):
        names = present
    return None if names is None else HubRepository(source, commit, names, looked_up=False)


def _cached(
    source: HubSource, store: HubStore, fixed: str | None, is_enough: Callable[[Collection[str]], bool]
) -> HubRepository | None:
    """Return what the cache has of the revision, enough or not; None where it has nothing."""
    commit = fixed or store.reference(source.revision or _DEFAULT_REVISION)
    if commit is None:
        return None
    known = _known(source, store, commit, is_enough)
    if known is not None:
        return known
    present = store.present(commit)
    return HubRepository(source, commit, present, looked_up=False) if present else None
