"""Look a revision up, and fetch one file into the cache, checked before it appears there."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

from localrank.contract.errors import ModelLoadError, RerankAbortedError
from localrank.providers.extras import missing
from localrank.providers.loading import ShouldStop, never
from localrank_transformers.models.folder.safety.names import check_name, check_size
from localrank_transformers.models.hub.connection import asked, headers_for, hub_headers, is_broken_line
from localrank_transformers.models.hub.errors import hub_error, no_hub, status_error
from localrank_transformers.models.hub.store import HubStore, is_commit
from localrank_transformers.models.hub.transfer import NO_SUCH_RANGE, Answer, Download, read_listing

__all__ = ["Listing", "cache_folder", "fetch", "hub_is_offline", "look_up"]

_ETAG = re.compile(r"[\w-][\w.-]{0,127}", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,30}")
_LOCK_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Listing:
    """What the hub says of a revision: its commit, and the names of the files in it."""

    commit: str
    names: frozenset[str]


def cache_folder(cache_dir: str | Path | None) -> Path:
    """Return the folder of the hub cache: `cache_dir`, or the hub client's own (HF_HUB_CACHE, HF_HOME).

    Raises:
        MissingDependencyError: The hub's client is not installed, which knows its cache.
    """
    if cache_dir is not None:
        return Path(cache_dir).expanduser()
    return Path(_constants().HF_HUB_CACHE)


def hub_is_offline() -> bool:
    """Whether HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE forbids every connection."""
    return bool(_constants().HF_HUB_OFFLINE)


def _constants() -> Any:
    try:
        from huggingface_hub import constants  # noqa: PLC0415 - only for models of the hub
    except ModuleNotFoundError as error:
        if error.name != "huggingface_hub":
            raise
        raise missing("A model of the hub", "huggingface-hub", None) from None
    return constants


def look_up(repo_id: str, revision: str) -> Listing:
    """Ask the hub, in one request, which commit a revision is and which files it has.

    Raises:
        ModelLoadError: There is no such repository or revision, it may not be read, or no answer came.
    """
    from huggingface_hub import constants  # noqa: PLC0415 - slow, and only to connect

    url = f"{constants.ENDPOINT}/api/models/{repo_id}/revision/{quote(revision, safe='')}"
    try:
        with asked("GET", url, hub_headers(), never, repo_id) as answer:
            if answer.status >= 300:
                raise status_error(
                    answer.status,
                    answer.headers,
                    endpoint=constants.ENDPOINT,
                    repo_id=repo_id,
                    revision=revision,
                )
            content = read_listing(answer, never, repo_id)
        listing = _listing(content)
    except ModelLoadError:
        raise
    except Exception as error:
        raise hub_error(error, endpoint=constants.ENDPOINT, repo_id=repo_id, revision=revision) from None
    if listing is None:
        raise no_hub(constants.ENDPOINT, repo_id)
    return listing


def _listing(content: bytes) -> Listing | None:
    try:
        info = json.loads(content)
        names = frozenset(str(sibling["rfilename"]) for sibling in info.get("siblings") or ())
        return Listing(info["sha"], names) if is_commit(info["sha"]) else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def fetch(store: HubStore, repo_id: str, commit: str, name: str, should_stop: ShouldStop = never) -> None:
    """Fetch one file of a commit into the cache.

    It is written beside its final place, continued where an earlier download broke off, and appears only when its size and
    its sum (SHA-256 for LFS files, the git object's SHA-1 for others) are those that the hub announced.

    Raises:
        ModelLoadError: It cannot be fetched, is too large, or is not what was announced.
        RerankAbortedError: `should_stop` became true; what was fetched is kept for the next time.
    """
    from huggingface_hub import constants  # noqa: PLC0415 - slow, and only to connect

    check_name(name)
    _stop_if(should_stop, name)
    try:
        _fetch(store, repo_id, commit, name, should_stop)
    except (ModelLoadError, RerankAbortedError):
        raise
    except Exception as error:
        raise hub_error(
            error, endpoint=constants.ENDPOINT, repo_id=repo_id, revision=commit, name=name
        ) from None


def _fetch(store: HubStore, repo_id: str, commit: str, name: str, should_stop: ShouldStop) -> None:
    from huggingface_hub import constants, hf_hub_url  # noqa: PLC0415 - slow, and only to connect

    url = hf_hub_url(repo_id, name, revision=commit, endpoint=constants.ENDPOINT)
    source = _Source(url, hub_headers(), None, repo_id, commit, name, should_stop)
    with source.ask("HEAD") as answer:
        headers = answer.headers
    etag = headers.get("x-linked-etag") or headers.get("etag")
    answered = headers.get("x-repo-commit")
    if answered is None or not etag:
        raise no_hub(constants.ENDPOINT, f"{name} of {repo_id}")
    if answered != commit:
        raise ModelLoadError(
            f"The hub answered with commit {answered[:64]!r} of {repo_id} instead of {commit}.",
            hint="Check HF_ENDPOINT: a mirror or proxy may answer with something else.",
        )
    size = _size(headers, is_redirect=answer.status >= 300)
    if size is not None:
        check_size(name, size)
    location = urljoin(answer.url, headers.get("location", answer.url))
    source = replace(source, url=location, size=size, headers=headers_for(location, url))
    etag = _file_name(etag.removeprefix("W/").strip('"'))
    with _locked(store.lock(etag), should_stop, name):
        blob = store.blob(etag)
        if not blob.is_file():
            blob.parent.mkdir(parents=True, exist_ok=True)
            Download(source.get, size, name, should_stop, is_broken_line, source.progress).into(blob)
        store.add(commit, name, blob)


@dataclass(frozen=True, slots=True, repr=False)
class _Source:
    """Where the bytes of one file come from."""

    url: str
    headers: dict[str, str]
    size: int | None
    repo_id: str
    commit: str
    name: str
    should_stop: ShouldStop

    @contextmanager
    def ask(self, method: str, start: int = 0) -> Iterator[Answer]:
        """Ask for what is announced, or for the bytes from `start` on."""
        from huggingface_hub import constants  # noqa: PLC0415 - slow, and only to connect

        headers = {**self.headers, "Range": f"bytes={start}-"} if start else self.headers
        with asked(method, self.url, headers, self.should_stop, self.name) as answer:
            is_past = start > 0 and answer.status == NO_SUCH_RANGE
            if answer.status >= (400 if method == "HEAD" else 300) and not is_past:
                raise status_error(
                    answer.status,
                    answer.headers,
                    endpoint=constants.ENDPOINT,
                    repo_id=self.repo_id,
                    revision=self.commit,
                    name=self.name,
                )
            yield answer

    def get(self, start: int) -> AbstractContextManager[Answer]:
        """Ask for the bytes from `start` on."""
        return self.ask("GET", start)

    @contextmanager
    def progress(self, here: int) -> Iterator[Callable[[int], object]]:
        """Show a bar on a terminal, unless the bars of the hub's client are switched off."""
        from huggingface_hub import utils  # noqa: PLC0415 - slow, and only to connect

        bar_class: Any = utils.tqdm  # type: ignore[attr-defined]  # exported by its own import hook
        with bar_class(
            unit="B",
            unit_scale=True,
            disable=None,
            name="huggingface_hub.http_get",
            desc=self.name[-40:],
            total=self.size,
            initial=here,
        ) as bar:
            yield bar.update


@contextmanager
def _locked(lock: Path, should_stop: ShouldStop, name: str) -> Iterator[None]:
    """Hold the lock that every program with this cache takes for this content."""
    from filelock import Timeout  # noqa: PLC0415 - a dependency of the hub's client
    from huggingface_hub.utils._fixes import WeakFileLock  # noqa: PLC0415

    while True:
        try:
            with WeakFileLock(lock, timeout=_LOCK_POLL_S):
                yield
                return
        except Timeout:
            _stop_if(should_stop, name)


def _size(headers: Mapping[str, str], *, is_redirect: bool) -> int | None:
    """Return the size that a HEAD announces; the length of a redirect is that of its own page."""
    size = headers.get("x-linked-size") or ("" if is_redirect else headers.get("content-length", ""))
    return int(size) if _DIGITS.fullmatch(size) else None


def _file_name(etag: str) -> str:
    return etag if _ETAG.fullmatch(etag) else hashlib.sha256(etag.encode()).hexdigest()[:60]


def _stop_if(should_stop: ShouldStop, name: str) -> None:
    if should_stop():
        raise RerankAbortedError(f"The download of {name} was stopped; a later call continues it.")
