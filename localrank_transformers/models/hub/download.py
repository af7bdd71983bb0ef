"""The one user of the hub's client: look a revision up, and fetch one file into the cache, checked before it appears there."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from localrank._version import __version__
from localrank.contract.errors import ModelLoadError, RerankAbortedError
from localrank.providers.loading import ShouldStop, never
from localrank_transformers.models.folder.safety import check_name, check_size
from localrank_transformers.models.hub.errors import hub_error, no_hub
from localrank_transformers.models.hub.store import HubStore, is_commit

__all__ = ["Listing", "cache_folder", "fetch", "hub_is_offline", "look_up"]

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHA1 = re.compile(r"[0-9a-f]{40}")
_ETAG = re.compile(r"[\w-][\w.-]{0,127}", re.ASCII)
_CHUNK = 1 << 20
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
    from huggingface_hub import HfApi, constants  # noqa: PLC0415 - slow, and only to connect

    api = HfApi(endpoint=constants.ENDPOINT, library_name="localrank", library_version=__version__)
    try:
        info = api.model_info(repo_id, revision=revision, timeout=constants.HF_HUB_ETAG_TIMEOUT)
    except Exception as error:
        raise hub_error(error, endpoint=constants.ENDPOINT, repo_id=repo_id, revision=revision) from error
    names = frozenset(sibling.rfilename for sibling in info.siblings or ())
    if info.sha is None or not is_commit(info.sha):
        raise no_hub(constants.ENDPOINT, repo_id)
    return Listing(info.sha, names)


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
    metadata = get_hf_file_metadata(
        url, timeout=constants.HF_HUB_ETAG_TIMEOUT, library_name="localrank", library_version=__version__
    )
    if metadata.commit_hash is None or metadata.etag is None:
        raise no_hub(constants.ENDPOINT, f"{name} of {repo_id}")
    if metadata.commit_hash != commit:
        raise ModelLoadError(
            f"The hub answered with commit {metadata.commit_hash} of {repo_id} instead of {commit}."
        )
    if metadata.size is not None:
        check_size(name, metadata.size)
    etag = _file_name(metadata.etag)
    headers = _headers(url, metadata.location)
    with _locked(store.lock(etag), should_stop, name):
        blob = store.blob(etag)
        if not blob.is_file():
            blob.parent.mkdir(parents=True, exist_ok=True)
            _Download(metadata.location, headers, metadata.size, name, should_stop).into(blob)
        store.add(commit, name, blob)


@dataclass(frozen=True, slots=True, repr=False)
class _Download:
    """The bytes of one file: where they come from, and what they are to be."""

    url: str
    headers: dict[str, str]
    size: int | None
    name: str
    should_stop: ShouldStop

    def into(self, blob: Path) -> None:
        """Write the file called by its ETag; what an earlier download left is continued, and begun anew where it is wrong."""
        part = blob.with_name(f"{blob.name}.localrank.incomplete")
        continued = part.exists() and part.stat().st_size > 0
        self._transfer(part)
        if continued and not self._is_intact(part, blob.name):
            part.unlink()
            self._transfer(part)
        if not self._is_intact(part, blob.name):
            part.unlink()
            error = ModelLoadError(
                f"The file {self.name} arrived damaged: its checksum is not the one that the hub announced.",
                hint="Call again; if it stays so, a proxy or mirror alters files.",
            )
            error.is_retryable = True
            raise error
        part.replace(blob)

    def _transfer(self, part: Path) -> None:
        from huggingface_hub.file_download import http_get  # noqa: PLC0415

        with part.open("ab") as stream:
            if self.size is not None and stream.tell() > self.size:
                stream.truncate(0)
            here = stream.seek(0, io.SEEK_END)
            guarded: Any = _Guarded(stream, self.name, self.should_stop)
            http_get(
                self.url,
                guarded,
                resume_size=here,
                headers=self.headers,
                expected_size=self.size,
                displayed_filename=self.name,
            )
        check_size(self.name, part.stat().st_size)

    def _is_intact(self, part: Path, etag: str) -> bool:
        """Whether the content has the sum that its ETag is; an ETag that is no sum says nothing."""
        if _SHA256.fullmatch(etag):
            return self._sum(part, hashlib.sha256()) == etag
        if _SHA1.fullmatch(etag):
            git = hashlib.sha1(b"blob %d\0" % part.stat().st_size, usedforsecurity=False)
            plain = hashlib.sha1(usedforsecurity=False)  # some mirrors announce the sum of the content alone
            return etag in {self._sum(part, git), self._sum(part, plain)}
        return True

    def _sum(self, part: Path, algorithm: hashlib._Hash) -> str:
        with part.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                algorithm.update(chunk)
                _stop_if(self.should_stop, self.name)
        return algorithm.hexdigest()


class _Guarded:
    """The file that a download is written to, which refuses to go on when nobody wants it any more."""

    def __init__(self, stream: BinaryIO, name: str, should_stop: ShouldStop) -> None:
        self._stream = stream
        self._name = name
        self._should_stop = should_stop
        self.tell = stream.tell
        self.seek = stream.seek
        self.truncate = stream.truncate
        self.flush = stream.flush

    def write(self, content: bytes) -> int:
        written = self._stream.write(content)
        _stop_if(self._should_stop, self._name)
        return written


def _headers(url: str, location: str) -> dict[str, str]:
    """Return the headers of a download; a token goes to the hub only, never to the storage that it points to."""
    from huggingface_hub.utils._headers import build_hf_headers  # noqa: PLC0415

    headers: dict[str, str] = build_hf_headers(library_name="localrank", library_version=__version__)
    if urlsplit(url)[:2] != urlsplit(location)[:2]:
        headers.pop("authorization", None)
    return headers


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
