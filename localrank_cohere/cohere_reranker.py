"""`CohereReranker`: a remote model behind Cohere's API, or behind any API that speaks one of its dialects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from localrank.contract.errors import InvalidRequestError
from localrank.providers.annotations import check_types
from localrank_cohere.call.remote_reranker import RemoteReranker
from localrank_cohere.call.settings import Settings, checked_fields, checked_model, positive
from localrank_cohere.dialects.endpoints import endpoint
from localrank_cohere.dialects.keys import checked_key
from localrank_cohere.dialects.table import dialect_named
from localrank_cohere.http.headers import checked_headers
from localrank_cohere.http.transport import Connections

if TYPE_CHECKING:
    import httpx2

__all__ = ["CohereReranker"]

DEFAULT_TIMEOUT_S = 60.0

_CLIENT = "x-client-name"

_LISTWISE = ("jina-reranker-v3", "listwise", "listconranker")
"""What stands in the names of models whose score of a document depends on its neighbours: `jina-reranker-v3` and `-v3.5`
(https://jina.ai/models/jina-reranker-v3.5), `mxbai-rerank-v3-listwise` (https://www.mixedbread.com/blog/listwise-rerank),
`ByteDance/ListConRanker`."""


class CohereReranker(RemoteReranker):
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
        accepts_objects: Whether whole objects are sent, or images.
        needs_text: Whether a document without a text is refused.
        reads_images: Whether a mapping's `image` is sent: an address or bytes.
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
        check_types(locals(), CohereReranker.__init__)
        spoken = dialect_named(dialect)
        named = checked_model(model, required=spoken.needs_model)
        client = {} if client_name is None else {_CLIENT: client_name}
        if client and any(str(name).lower() == _CLIENT for name in headers or ()):
            raise InvalidRequestError(
                "client_name is given, and headers has X-Client-Name too.", hint="Pass one of them."
            )
        limit = spoken.max_documents if max_documents_per_call is None else max_documents_per_call
        settings = Settings(
            dialect=spoken,
            model=named,
            endpoint=endpoint(spoken, base_url, named),
            key=None if api_key is None else checked_key(api_key, "api_key"),
            headers=checked_headers({**client, **(headers or {})}),
            fields=checked_fields(fields),
            max_documents=positive("max_documents_per_call", limit, whole=True),
            comparable=not any(name in model.lower() for name in _LISTWISE),
        )
        super().__init__(settings, Connections(positive("timeout", timeout, whole=False), http_client))
        self.reads_images = spoken.sees(named)
        self.needs_text = fields is None
        self.accepts_objects = self.reads_images or fields is not None
