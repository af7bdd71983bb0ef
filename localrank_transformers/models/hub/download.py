"""The one user of the hub's client: look a revision up, and fetch one file into the cache, checked before it appears there."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit

from localrank._version import __version__
from localrank.contract.errors import ModelLoadError, RerankAbortedError
from localrank.providers.loading import ShouldStop, never
from localrank_transformers.models.folder.safety import check_name, check_size
from localrank_transformers.models.hub.errors import hub_error, no_hub, status_error
from localrank_transformers.models.hub.store import HubStore, is_commit
from localrank_transformers.models.hub.transfer import (
    FIRST_ANSWER_S,
    NO_SUCH_RANGE,
    Answer,
    Download,
    read_listing,
    within,
)

if TYPE_CHECKING:
    from huggingface_hub import HfFileMetadata

__all__ = ["Listing", "cache_folder", "fetch", "hub_is_offline", "look_up"]

_ETAG = re.compile(r"[\w-][\w.-]{0,127}", re.ASCII)
_PIECE = 4_096
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_BROKEN = frozenset(
    {
        "NetworkError",
        "TimeoutException",
        "RemoteProtocolError",
        "ConnectionError",
        "Timeout",
        "ChunkedEncodingError",
    }
)
"""Bases of the exceptions of httpx2, httpx and requests."""

_LOCK_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Listing:
    """What the hub says of a revision: its commit, and the names of the files in it."""

    commit: str
    names: frozenset[str]


def cache_folder(cache_dir: str | Path | None) -> Path:
    """Return the folder of the hub cache: `cache_dir`, or the hub client's own (HF_HUB_CACHE, HF_HOME)."""
    if cache_dir is not None:
        return Path(cache_dir).expanduser()
    from huggingface_hub import constants  # noqa: PLC0415 - only for models of the hub

    return Path(constants.HF_HUB_CACHE)


def hub_is_offline() -> bool:
    """Whether HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE forbids every connection."""
    from huggingface_hub import constants  # noqa: PLC0415 - only for models of the hub

    return bool(constants.HF_HUB_OFFLINE)


def look_up(repo_id: str, revision: str) -> Listing:
    """Ask the hub, in one request, which commit a revision is and which files it has.

    Raises:
        ModelLoadError: There is no such repository or revision, it may not be read, or no answer came.
    """
    from huggingface_hub import constants  # noqa: PLC0415 - slow, and only to connect

    url = f"{constants.ENDPOINT}/api/models/{repo_id}/revision/{quote(revision, safe='')}"
    try:
        with _get(url, _headers(), never, repo_id) as answer:
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
        raise hub_error(error, endpoint=constants.ENDPOINT, repo_id=repo_id, revision=revision) from error
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
        ) from error


def _fetch(store: HubStore, repo_id: str, commit: str, name: str, should_stop: ShouldStop) -> None:
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url  # noqa: PLC0415

    url = hf_hub_url(repo_id, name, revision=commit, endpoint=constants.ENDPOINT)

    def ask() -> HfFileMetadata:
        return get_hf_file_metadata(
            url, timeout=constants.HF_HUB_ETAG_TIMEOUT, library_name="localrank", library_version=__version__
        )

    metadata = within(FIRST_ANSWER_S, ask, should_stop, f"{name} of {repo_id}")
    if metadata.commit_hash is None or metadata.etag is None:
        raise no_hub(constants.ENDPOINT, f"{name} of {repo_id}")
    if metadata.commit_hash != commit:
        raise ModelLoadError(
            f"The hub answered with commit {metadata.commit_hash} of {repo_id} instead of {commit}."
        )
    if metadata.size is not None:
        check_size(name, metadata.size)
    etag = _file_name(metadata.etag)
    headers = _headers() if _same_origin(url, metadata.location) else _headers(token=False)
    source = _Source(metadata.location, headers, metadata.size, repo_id, commit, name, should_stop)
    with _locked(store.lock(etag), should_stop, name):
        blob = store.blob(etag)
        if not blob.is_file():
            blob.parent.mkdir(parents=True, exist_ok=True)
            Download(source.get, metadata.size, name, should_stop, _is_broken_line, source.progress).into(
                blob
            )
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
    def get(self, start: int) -> Iterator[Answer]:
        """Ask for the bytes from `start` on."""
        from huggingface_hub import constants  # noqa: PLC0415 - slow, and only to connect

        headers = {**self.headers, "Range": f"bytes={start}-"} if start else self.headers
        with _get(self.url, headers, self.should_stop, self.name) as answer:
            if answer.status >= 300 and not (start and answer.status == NO_SUCH_RANGE):
                raise status_error(
                    answer.status,
                    answer.headers,
                    endpoint=constants.ENDPOINT,
                    repo_id=self.repo_id,
                    revision=self.commit,
                    name=self.name,
                )
            yield answer

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
def _get(url: str, headers: dict[str, str], should_stop: ShouldStop, what: str) -> Iterator[Answer]:
    """Open an answer. Redirects are followed here: the client would read the body of each to its end."""
    for _ in range(_MOST_REDIRECTS):
        ask = partial(_open, url, headers)
        answer, close = within(FIRST_ANSWER_S, ask, should_stop, what, undo=lambda late: late[1]())
        try:
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not location:
                yield answer
                return
        finally:
            close()
        target = urljoin(url, location)
        if not _same_origin(url, target):
            headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        url = target
    raise ValueError("redirects without end")


def _open(url: str, headers: dict[str, str]) -> tuple[Answer, Callable[[], object]]:
    from huggingface_hub import constants, get_session  # noqa: PLC0415 - slow, and only to connect

    session: Any = get_session()
    timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
    if hasattr(session, "build_request"):  # httpx2, or httpx before it
        request = session.build_request("GET", url, headers=headers, timeout=timeout)
        response = session.send(request, stream=True, follow_redirects=False)
        return Answer(response.status_code, response.headers, response.iter_bytes()), response.close
    # requests, before version 1 of the hub's client
    response = session.get(url, headers=headers, timeout=timeout, stream=True, allow_redirects=False)
    return Answer(response.status_code, response.headers, response.iter_content(_PIECE)), response.close


def _is_broken_line(error: Exception) -> bool:
    """Whether an exception of the client is a connection that broke or fell silent, by the names they have in each client."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return not isinstance(error, ModelLoadError) and not names.isdisjoint(_BROKEN)


def _headers(*, token: bool | None = None) -> dict[str, str]:
    """Return the headers of a request; a token goes to the hub only, never to the storage that it points to."""
    from huggingface_hub.utils._headers import build_hf_headers  # noqa: PLC0415

    headers: dict[str, str] = build_hf_headers(
        token=token, library_name="localrank", library_version=__version__
    )
    return {**headers, "Accept-Encoding": "identity"}


def _same_origin(url: str, other: str) -> bool:
    return urlsplit(url)[:2] == urlsplit(other)[:2]


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


def _file_name(etag: str) -> str:
    return etag if _ETAG.fullmatch(etag) else hashlib.sha256(etag.encode()).hexdigest()[:60]


def _stop_if(should_stop: ShouldStop, name: str) -> None:
    if should_stop():
        raise RerankAbortedError(f"The download of {name} was stopped; a later call continues it.")
