"""A model hub on loopback that speaks the real protocol to the real client, and misbehaves where a test says so.

Small files are answered at once with the git object's SHA-1 as ETag. Graphs and weights are LFS files: a redirect that carries
the SHA-256 and the size, to a second server that stands for the storage and must never see a token.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

LFS_SUFFIXES = (".onnx", ".onnx_data", ".data", ".safetensors", ".bin")
TOKEN = "hf_test_token"


@dataclass(frozen=True)
class Request:
    """What was asked: `api`, `head`, `get` or `storage`; the file; and headers in lower case."""

    kind: str
    name: str
    headers: Mapping[str, str]


@dataclass
class Fault:
    """What goes wrong with the next answers for a file or kind, `times` times."""

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    drop_after: int | None = None
    corrupt: bool = False
    seconds_a_piece: float = 0.0
    page: bytes | None = None
    announce_size: int | None = None
    times: int = 1


@dataclass
class Repository:
    """Files by commit, and what branches mean."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    gated: bool = False

    def push(self, files: Mapping[str, bytes]) -> str:
        """Add a commit with these files, move `main` to it, and return its name."""
        commit = hashlib.sha1(
            json.dumps([len(self.commits), sorted(files)]).encode(), usedforsecurity=False
        ).hexdigest()
        self.commits[commit] = dict(files)
        self.branches["main"] = commit
        return commit


class LoopbackHub:
    """Repositories, faults and the log of what was asked."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.renamed: dict[str, str] = {}
        self.faults: dict[str, list[Fault]] = {}
        self.requests: list[Request] = []
        self.connections = 0
        self.endpoint = ""
        self.storage = ""

    def add(self, repo_id: str, source: Path | Mapping[str, bytes]) -> str:
        """Publish the files of a folder and return the commit."""
        repository = self.repositories.setdefault(repo_id, Repository())
        return repository.push(_content(source) if isinstance(source, Path) else source)

    def asked(self, kind: str | None = None) -> list[str]:
        """Return the names asked for, in order; of one kind where it is given."""
        return [request.name for request in self.requests if kind in {None, request.kind}]

    def fault(self, name: str, kind: str) -> Fault:
        """Return what is to go wrong with this answer; an empty fault where nothing is."""
        for key in (f"{kind}:{name}", name, f"{kind}:*"):
            for fault in self.faults.get(key, []):
                if fault.times > 0:
                    fault.times -= 1
                    return fault
        return Fault()


@contextmanager
def running() -> Iterator[LoopbackHub]:
    """Serve an empty hub while the block runs."""
    hub = LoopbackHub()
    servers = [_Server(("127.0.0.1", 0), partial(handler, hub)) for handler in (_HubHandler, _StorageHandler)]
    hub.endpoint, hub.storage = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    threads = [
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}) for server in servers
    ]
    for thread in threads:
        thread.start()
    try:
        yield hub
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
        for thread in threads:
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, hub: LoopbackHub, *arguments: object) -> None:
        self.hub = hub
        hub.connections += 1
        super().__init__(*arguments)  # type: ignore[arg-type]

    def log_message(self, *arguments: object) -> None:
        """Stay silent."""

    def note(self, kind: str, name: str) -> Fault:
        headers = {key.lower(): value for key, value in self.headers.items()}
        self.hub.requests.append(Request(kind, name, headers))
        return self.hub.fault(name, kind)

    def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def fail(self, status: int, code: str = "", headers: Mapping[str, str] | None = None) -> None:
        named = {"X-Error-Code": code, "X-Error-Message": code} if code else {}
        self.answer(status, b"{}", {**named, **(headers or {})})

    def send_content(self, content: bytes, headers: Mapping[str, str], fault: Fault) -> None:
        start, status = 0, 200
        wanted = self.headers.get("Range")
        more = {"Accept-Ranges": "bytes", **headers}
        if wanted:
            start = int(wanted.removeprefix("bytes=").split("-")[0])
            status = 206
            more["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        body = content[start:]
        if fault.corrupt:
            body = bytes([body[0] ^ 255]) + body[1:]
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **more}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self._write(body, fault)

    def _write(self, body: bytes, fault: Fault) -> None:
        if fault.drop_after is not None:
            self.wfile.write(body[: fault.drop_after])
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()
            return
        if not fault.seconds_a_piece:
            self.wfile.write(body)
            return
        for at in range(0, len(body), max(1, len(body) // 20)):
            self.wfile.write(body[at : at + max(1, len(body) // 20)])
            self.wfile.flush()
            time.sleep(fault.seconds_a_piece)


class _HubHandler(_Handler):
    def do_HEAD(self) -> None:
        self._resolve("head")

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if path == "/api/agent-harnesses":  # what the client asks for its own sake, once a day
            self.answer(200, b'{"standardEnvVars": [], "harnesses": {}}')
        elif path.startswith("/api/models/"):
            self._api(path.removeprefix("/api/models/"))
        else:
            self._resolve("get")

    def _api(self, path: str) -> None:
        repo_id, _, revision = path.partition("/revision/")
        fault = self.note("api", repo_id)
        if fault.page is not None:
            self.answer(200, fault.page, {"Content-Type": "text/html"})
            return
        if fault.status is not None:
            self.fail(fault.status, headers=fault.headers)
            return
        if self._is_renamed(repo_id):
            return
        repository = self.hub.repositories.get(repo_id)
        if repository is None:
            self.fail(401, "RepoNotFound")
            return
        commit = repository.branches.get(revision or "main", revision)
        if commit not in repository.commits:
            self.fail(404, "RevisionNotFound")
            return
        siblings = [{"rfilename": name} for name in sorted(repository.commits[commit])]
        body = {"id": repo_id, "modelId": repo_id, "sha": commit, "siblings": siblings, "tags": []}
        self.answer(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _resolve(self, kind: str) -> None:
        repo_id, _, rest = unquote(urlsplit(self.path).path)[1:].partition("/resolve/")
        revision, _, name = rest.partition("/")
        fault = self.note(kind, name)
        repository = self.hub.repositories.get(repo_id)
        if fault.page is not None:
            self.answer(200, fault.page, {"Content-Type": "text/html"})
        elif fault.status is not None:
            self.fail(fault.status, headers=fault.headers)
        elif self._is_renamed(repo_id):
            return
        elif repository is None:
            self.fail(401, "RepoNotFound")
        elif repository.gated and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.fail(403 if self.headers.get("Authorization") else 401, "GatedRepo")
        else:
            commit = repository.branches.get(revision, revision)
            content = repository.commits.get(commit, {}).get(name)
            if content is None:
                self.fail(404, "EntryNotFound", {"X-Repo-Commit": commit})
            else:
                self._send_file(name, commit, content, fault)

    def _is_renamed(self, repo_id: str) -> bool:
        """Send a request for a former name on to the present one, as the hub does."""
        name = self.hub.renamed.get(repo_id)
        if name is not None:
            self.answer(307, headers={"Location": self.path.replace(repo_id, name)})
        return name is not None

    def _send_file(self, name: str, commit: str, content: bytes, fault: Fault) -> None:
        common = {"X-Repo-Commit": commit, **fault.headers}
        if not name.endswith(LFS_SUFFIXES):
            blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
            self.send_content(content, {**common, "ETag": f'"{blob}"'}, fault)
            return
        digest = hashlib.sha256(content).hexdigest()
        linked = {
            "X-Linked-Etag": f'"{digest}"',
            "X-Linked-Size": str(fault.announce_size or len(content)),
            "ETag": f'"{digest[:32]}"',
            "Location": f"{self.hub.storage}/{digest}/{name}?signature=secret",
        }
        self.answer(302, headers={**common, **linked})


class _StorageHandler(_Handler):
    def do_GET(self) -> None:
        digest, _, name = urlsplit(self.path).path[1:].partition("/")
        fault = self.note("storage", name)
        if fault.status is not None:
            self.fail(fault.status, headers=fault.headers)
            return
        contents = (
            content
            for repository in self.hub.repositories.values()
            for files in repository.commits.values()
            for content in files.values()
        )
        content = next(one for one in contents if hashlib.sha256(one).hexdigest() == digest)
        self.send_content(content, {"ETag": f'"{digest[:32]}"'}, fault)


def _content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
