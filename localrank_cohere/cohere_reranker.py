"""`CohereReranker`: a remote model behind Cohere's API, or behind any API that speaks one of its dialects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import DoRerankOptions, DoRerankResult
from localrank.contract.types import ScoreKind
from localrank_cohere.call.remote_call import RemoteCall
from localrank_cohere.call.settings import Settings
from localrank_cohere.call.stopping import until_aborted
from localrank_cohere.dialects.endpoints import endpoint, without_query
from localrank_cohere.dialects.keys import checked_key
from localrank_cohere.dialects.table import dialect_named
from localrank_cohere.http.headers import checked_headers, is_secret
from localrank_cohere.http.transport import Connections

if TYPE_CHECKING:
    import httpx2

__all__ = ["CohereReranker"]

DEFAULT_TIMEOUT_S = 60.0

_LISTWISE = ("jina-reranker-v3", "listwise", "listconranker")
"""What stands in the names of models whose score of a document depends on its neighbours: `jina-reranker-v3` and `-v3.5`
(https://jina.ai/models/jina-reranker-v3.5), `mxbai-rerank-v3-listwise` (https://www.mixedbread.com/blog/listwise-rerank),
`ByteDance/ListConRanker`."""


class CohereReranker:
    """A reranker at the other end of an HTTP connection.

    Nothing is connected before the first call. Connections are pooled for each event loop; `aclose()` closes those of the
    running one, `async with` does it for you, and what is left is closed when its loop ends.

    Args:
        model: The model's name at the service.
        api_key: The key. Without it, the vendor's variable (`CO_API_KEY`, then `COHERE_API_KEY` …) is read at each call, and
            only for the vendor's own host; another host gets a key only when it is given here.
        base_url: Another address: the server's root, a prefix (`…/v1`), or the whole endpoint with whatever last word.
        dialect: How the service is asked, by its name: `cohere` (v2), `cohere-v1`, `jina`, `vllm`, `tei`, `openrouter` …; the
            guide to remote models has them all.
        timeout: Seconds that one request may take; None for no limit.
        max_documents_per_call: Documents in one request; a longer list is split. None means what the service takes.
        http_client: An `httpx2.AsyncClient` of your own, for proxies or certificates; it is not closed here.
        headers: Further headers of every request.
        client_name: Sent as `X-Client-Name`.
        fields: Keys of a mapping that are sent, in your order, or `"all"`; without it only the text is sent, as to every other
            provider. Cohere v1, Mixedbread, Pinecone and Together get objects, the others YAML.

    Attributes:
        model_id: The model's name.
        provider: The name under which `provider_options` are given.
        max_documents_per_call: Documents in one request; None for no limit.
        scores_comparable: Whether a long list may be split.
        score_kind: What a score is.
        accepts_objects: Whether whole objects are sent.
        is_remote: True: every call is a request to the service.

    Raises:
        InvalidRequestError: An argument that cannot work.
    """

    def __init__(
        self,
        model: str,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        dialect: str = "cohere",
        timeout: float | None = DEFAULT_TIMEOUT_S,
        max_documents_per_call: int | None = None,
        http_client: httpx2.AsyncClient | None = None,
        headers: Mapping[str, str] | None = None,
        client_name: str | None = None,
        fields: Sequence[str] | Literal["all"] | None = None,
    ) -> None:
        spoken = dialect_named(dialect)
        named = _model(model, required=spoken.needs_model)
        client = {} if client_name is None else {"x-client-name": client_name}
        limit = spoken.max_documents if max_documents_per_call is None else max_documents_per_call
        self._settings = Settings(
            dialect=spoken,
            model=named,
            endpoint=endpoint(spoken, base_url, named),
            key=None if api_key is None else checked_key(api_key, "api_key"),
            headers=checked_headers({**client, **(headers or {})}),
            fields=_fields(fields),
            max_documents=_positive("max_documents_per_call", limit, whole=True),
            comparable=not any(name in model.lower() for name in _LISTWISE),
        )
        self._connections = Connections(_positive("timeout", timeout, whole=False), http_client)
        self.model_id = model or spoken.provider
        self.provider = spoken.provider
        self.max_documents_per_call = self._settings.max_documents
        self.scores_comparable = self._settings.comparable
        self.score_kind: ScoreKind = spoken.score_kind
        self.accepts_objects = fields is not None
        self.is_remote = True

    @property
    def fingerprint(self) -> str:
        """What a cache keys on: all that a score depends on, without the key."""
        settings = self._settings
        return f"{self.provider}:{self.model_id}@{self._shown_url}#{settings.dialect.name}#{settings.fields}"

    @property
    def _shown_url(self) -> str:
        return without_query(self._settings.endpoint.url)

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
        call = RemoteCall(self._settings, self._connections, options)
        return await until_aborted(call.run, options.abort_event)

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
        if secret is not None or "?" in self._settings.endpoint.url:
            held = f"the header {secret!r}" if secret else "a query in base_url"
            raise TypeError(f"A reranker with {held} is not pickled, since the pickle would hold it.")
        return {**self.__dict__, "_connections": Connections(self._connections.timeout)}

    def __repr__(self) -> str:
        dialect = self._settings.dialect.name
        return f"{type(self).__name__}({self.model_id!r}, dialect={dialect!r}, url={self._shown_url!r})"


def _model(model: Any, *, required: bool) -> str | None:
    if not isinstance(model, str) or (required and not model.strip()):
        raise InvalidRequestError(f"model is {model!r}.", hint="Pass the model's name at the service.")
    return model.strip() or None


def _fields(fields: Any) -> tuple[str, ...] | None:
    if fields is None or fields == "all":
        return None if fields is None else ()
    names = () if isinstance(fields, str) else tuple(fields)
    if not names or not all(isinstance(name, str) and name for name in names):
        raise InvalidRequestError(f"fields is {fields!r}.", hint='Pass a list of keys, or "all".')
    return names


def _positive(argument: str, value: Any, *, whole: bool) -> Any:
    kinds = int if whole else (int, float)
    if value is not None and (isinstance(value, bool) or not isinstance(value, kinds) or not value > 0):
        wanted = "an integer of at least 1" if whole else "a positive number of seconds"
        raise InvalidRequestError(f"{argument} is {value!r}.", hint=f"Pass {wanted}, or None.")
    return value
