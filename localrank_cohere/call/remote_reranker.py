"""`RemoteReranker`: what every reranker behind an HTTP connection is, whatever is asked of the service."""

from __future__ import annotations

from typing import Any, Self

from localrank.contract.model import DoRerankOptions, DoRerankResult
from localrank.contract.types import ScoreKind
from localrank_cohere.call.remote_call import RemoteCall
from localrank_cohere.call.settings import Settings
from localrank_cohere.call.stopping import until_aborted
from localrank_cohere.dialects.endpoints import without_query
from localrank_cohere.http.headers import is_secret
from localrank_cohere.http.transport import Connections

__all__ = ["RemoteReranker"]


class RemoteReranker:
    """A reranker at the other end of an HTTP connection.

    Nothing is connected before the first call. Connections are pooled for each event loop; `aclose()` closes those of the
    running one, `async with` does it for you, and what is left is closed when its loop ends.

    Args:
        settings: What it was made with.
        connections: The way to its server.
        score_kind: What a score is; what the service says where None.
    """

    def __init__(
        self, settings: Settings, connections: Connections, score_kind: ScoreKind | None = None
    ) -> None:
        self._settings = settings
        self._connections = connections
        self.model_id = settings.model or settings.dialect.provider
        self.provider = settings.dialect.provider
        self.max_documents_per_call = settings.max_documents
        self.scores_comparable = settings.comparable
        self.score_kind: ScoreKind = score_kind or settings.dialect.score_kind
        self.is_remote = True

    @property
    def fingerprint(self) -> str:
        """What a cache keys on: all that a score depends on, without the key."""
        settings = self._settings
        return f"{self.provider}:{self.model_id}@{self._shown_url}#{settings.dialect.name}#{settings.fields}"

    @property
    def _shown_url(self) -> str:
        return without_query(self._settings.endpoint.url)

    @property
    def _may_hold_key(self) -> bool:
        """Whether the caller's address has a query."""
        return "?" in self._settings.endpoint.url

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        """Score `options.documents` with one attempt; a longer list than the service takes goes out in several requests.

        Raises:
            InvalidRequestError: A bad option, before anything is sent.
            MissingAPIKeyError: The vendor's host, and no key.
            MissingDependencyError: `httpx2` is not installed.
            APICallError: The service refused, failed or could not be reached.
            InvalidResponseError: The service answered what is no ranking.
            RerankAbortedError: The token was set; the connection is closed.
        """
        return await until_aborted(self._call(options).run, options.abort_event)

    def _call(self, options: DoRerankOptions) -> RemoteCall:
        return RemoteCall(self._settings, self._connections, options)

    async def aclose(self) -> None:
        """Close the connections of the running event loop; a later call opens new ones."""
        await self._connections.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __getstate__(self) -> dict[str, Any]:
        if self._connections.given is not None:
            raise TypeError("A reranker with http_client= is not pickled: the client holds open connections.")
        secret = next(filter(is_secret, self._settings.headers), None)
        if secret is not None or self._may_hold_key:
            held = f"the header {secret!r}" if secret else "a query in base_url"
            raise TypeError(f"A reranker with {held} is not pickled, since the pickle would hold it.")
        return {**self.__dict__, "_connections": Connections(self._connections.timeout)}

    def __repr__(self) -> str:
        dialect = self._settings.dialect.name
        return f"{type(self).__name__}({self.model_id!r}, dialect={dialect!r}, url={self._shown_url!r})"
