"""What the rerankers of the clouds are made of: one row, one address, credentials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import DoRerankOptions, DoRerankResult
from localrank.contract.types import ScoreKind
from localrank_cohere.call.credentials import Credentials
from localrank_cohere.call.remote_call import RemoteCall
from localrank_cohere.call.remote_reranker import RemoteReranker
from localrank_cohere.call.settings import Settings, checked_fields, checked_model, positive
from localrank_cohere.call.stopping import until_aborted
from localrank_cohere.cohere_reranker import DEFAULT_TIMEOUT_S
from localrank_cohere.dialects.endpoints import Endpoint, plain_address
from localrank_cohere.dialects.keys import Secret
from localrank_cohere.dialects.table import Dialect
from localrank_cohere.http.headers import checked_headers
from localrank_cohere.http.transport import Connections

if TYPE_CHECKING:
    import httpx2

__all__ = ["CloudReranker", "Common", "check_one_given"]


def check_one_given(either: Mapping[str, object]) -> None:
    """Refuse two arguments of a constructor of which one makes the other void.

    Args:
        either: Both by name; None is not given.

    Raises:
        InvalidRequestError: Names both.
    """
    if all(value is not None for value in either.values()):
        raise InvalidRequestError(f"{' and '.join(either)} are both given.", hint="Pass one of them.")


@dataclass(frozen=True, slots=True)
class Common:
    """The arguments that all clouds share; see `CohereReranker`."""

    timeout: float | None = DEFAULT_TIMEOUT_S
    max_documents_per_call: int | None = None
    http_client: httpx2.AsyncClient | None = field(default=None, repr=False)
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    fields: Sequence[str] | Literal["all"] | None = None


class CloudReranker(RemoteReranker):
    """A reranker of a cloud.

    Args:
        dialect: How the service is asked.
        model: The model's name as it is sent.
        url: Where to.
        common: What all have.
        credentials: What signs a request.
        key: A key that stands still, in place of credentials.
        always: Fields of every request by their paths.
        score_kind: What a score is; the row's where None.
    """

    def __init__(
        self,
        dialect: Dialect,
        model: str,
        url: str,
        common: Common,
        *,
        credentials: Credentials | None = None,
        key: Secret | None = None,
        always: Mapping[str, Any] | None = None,
        score_kind: ScoreKind | None = None,
    ) -> None:
        limit = (
            dialect.max_documents if common.max_documents_per_call is None else common.max_documents_per_call
        )
        settings = Settings(
            dialect=dialect,
            model=checked_model(model, required=dialect.needs_model),
            endpoint=Endpoint(plain_address(url)),
            key=key,
            headers=checked_headers(common.headers),
            fields=checked_fields(common.fields),
            max_documents=positive("max_documents_per_call", limit, whole=True),
            comparable=True,
            credentials=credentials,
            always=dict(always or {}),
        )
        connections = Connections(positive("timeout", common.timeout, whole=False), common.http_client)
        super().__init__(settings, connections, score_kind)
        self.accepts_objects = common.fields is not None

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        """Score `options.documents` with one attempt; a longer list than the service takes goes out in several requests.

        Raises:
            InvalidRequestError: A bad option, or a region or project that nothing names, before anything is sent.
            MissingAPIKeyError: There are no credentials.
            MissingDependencyError: `httpx2` is not installed, or what the cloud's credentials need.
            APICallError: The service, or what gives credentials, refused, failed or could not be reached.
            InvalidResponseError: The service answered what is no ranking.
            RerankAbortedError: The token was set; the connection is closed.
        """

        async def run() -> DoRerankResult:
            return await RemoteCall(await self._placed(), self._connections, options).run()

        return await until_aborted(run, options.abort_event)

    async def _placed(self) -> Settings:
        """Return the settings with the region, project or account that the environment names now."""
        return self._settings
