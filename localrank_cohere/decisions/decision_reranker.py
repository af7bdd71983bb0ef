"""`DecisionReranker`: a model that answers typed questions with probabilities, asked about each document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import DoRerankOptions
from localrank.providers.annotations import check_types
from localrank_cohere.call.remote_reranker import RemoteReranker
from localrank_cohere.call.settings import Settings, checked_model, positive
from localrank_cohere.decisions.decision_call import Asking, DecisionCall
from localrank_cohere.decisions.forms import Form, FormName, form_named
from localrank_cohere.dialects.decisions import DecisionService, decision_service_named
from localrank_cohere.dialects.endpoints import endpoint
from localrank_cohere.dialects.keys import checked_key
from localrank_cohere.http.headers import checked_headers
from localrank_cohere.http.transport import Connections

if TYPE_CHECKING:
    import httpx2

__all__ = ["DecisionReranker"]

DEFAULT_TIMEOUT_S = 60.0


class DecisionReranker(RemoteReranker):
    """A decision model: TypeSafe's Jev and what speaks its wire (`systemone`), or OpenAI's `decisions`.

    One request holds the query and all documents, and a question about each. An `instruction` takes the place of the question.
    Scores depend on the order of the documents in a request and on which they are, more than those of a cross-encoder:
    `both_orders=True` and `max_documents_per_call=1` are two ways out, each with its price.

    Args:
        model: The model's name at the service (`jev-latest`, `gpt-6-luna`).
        service: Where it is: `typesafe`, `openrouter`, `digitalocean`, `vercel` or `openai`. With `base_url` only the wire
            counts: `openai` speaks `decisions`, the others `systemone`.
        form: `yes_no` asks of each document whether it answers the query, and a score is the probability of yes. `rubric`
            asks for one of four levels, and a score is the expected level between 0 and 1. `choice` asks which document is the
            best, and a score is a share of one choice: it says nothing of a document by itself, so longer lists are refused.
        both_orders: Send each request a second time with its documents in reverse; a score is the mean. Twice the cost.
        api_key: The key. Without it, the service's variable (`TYPESAFE_API_KEY`, `OPENAI_API_KEY` …) is read at each call, and
            only for the service's own host; another host gets a key only when it is given here.
        base_url: Another address: the server's root, a prefix (`…/v1`), or the whole endpoint.
        timeout: Seconds that one request may take; None for no limit.
        max_documents_per_call: Documents in one request; 1 asks about each by itself. None means what the service takes.
        max_tokens_per_call: Tokens of the documents, the query and one question, in place of the service's limit; they are
            estimated from the text. A longer list goes out in several requests; a document too long by itself is cut.
        http_client: An `httpx2.AsyncClient` of your own, for proxies or certificates; it is not closed here.
        headers: Further headers of every request.

    Attributes:
        model_id: The model's name.
        provider: The name under which `provider_options` are given.
        max_documents_per_call: Documents in one request; None for no limit by count.
        scores_comparable: False for a choice.
        score_kind: `probability`; `ordinal` for a choice.
        is_remote: True: every call is a request to the service.

    Raises:
        InvalidRequestError: An argument that cannot work.
    """

    def __init__(
        self,
        model: str,
        *,
        service: str = "typesafe",
        form: FormName = "yes_no",
        both_orders: bool = False,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float | None = DEFAULT_TIMEOUT_S,
        max_documents_per_call: int | None = None,
        max_tokens_per_call: int | None = None,
        http_client: httpx2.AsyncClient | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        check_types(locals(), DecisionReranker.__init__)
        asked, there = form_named(form), decision_service_named(service)
        settings = Settings(
            dialect=there,
            model=checked_model(model, required=True),
            endpoint=endpoint(there, base_url),
            key=None if api_key is None else checked_key(api_key, "api_key"),
            headers=checked_headers(headers),
            fields=None,
            max_documents=_most_documents(there, asked, max_documents_per_call),
            comparable=not asked.is_choice,
        )
        if both_orders and max_documents_per_call == 1:
            raise InvalidRequestError(
                "both_orders is True, and a request holds one document, which has one order.",
                hint="Leave one of both_orders and max_documents_per_call out.",
            )
        connections = Connections(positive("timeout", timeout, whole=False), http_client)
        super().__init__(settings, connections, asked.score_kind)
        tokens = positive("max_tokens_per_call", max_tokens_per_call, whole=True)
        self._asking = Asking(there, asked, bool(both_orders), tokens)

    @property
    def fingerprint(self) -> str:
        """What a cache keys on: all that a score depends on but its neighbours, without the key."""
        asking = self._asking
        request = f"{self.max_documents_per_call}#{asking.max_tokens}"
        return f"{super().fingerprint}#{asking.form.name}#{asking.both_orders}#{request}"

    def _call(self, options: DoRerankOptions) -> DecisionCall:
        return DecisionCall(self._settings, self._connections, options, self._asking)

    def __repr__(self) -> str:
        service = self._settings.dialect.name
        return (
            f"DecisionReranker({self.model_id!r}, service={service!r}, form={self._asking.form.name!r}, "
            f"url={self._shown_url!r})"
        )


def _most_documents(service: DecisionService, form: Form, given: int | None) -> int | None:
    limit: int | None = positive("max_documents_per_call", given, whole=True)
    takes = service.max_choices - 1 if form.is_choice else service.max_documents
    if limit is not None and form.is_choice and limit < 2:
        raise InvalidRequestError(
            f"max_documents_per_call is {limit}, and a choice is one among several.",
            hint="Pass 2 or more, or another form.",
        )
    if limit is None or takes is None:
        return limit or takes
    return min(limit, takes)
