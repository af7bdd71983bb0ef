"""The path of one remote call: check, hold back blanks, send in as many requests as it takes, put together."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import anyio

from localrank.contract.errors import InvalidRequestError, RerankError
from localrank.contract.model import DoRerankOptions, DoRerankResult
from localrank.contract.types import RerankUsage, RerankWarning
from localrank.providers.remarks import unread_instruction
from localrank.providers.splitting import rerank_in_parts
from localrank.providers.unscored import unscored, unscored_warning
from localrank_cohere.call.exchange import Exchange, Read
from localrank_cohere.call.pages import all_pages
from localrank_cohere.call.settings import Settings
from localrank_cohere.dialects.options import check_options
from localrank_cohere.dialects.prices import with_cost
from localrank_cohere.http.headers import request_headers
from localrank_cohere.http.transport import Connections
from localrank_cohere.wire.answers import read
from localrank_cohere.wire.documents import sendable
from localrank_cohere.wire.requests import request_body

__all__ = ["MAX_PARALLEL_REQUESTS", "RemoteCall", "summed"]

MAX_PARALLEL_REQUESTS = 4
"""Requests of one call that run at once when its documents are split."""

N = TypeVar("N", int, float)

_BEFORE_SPANS = re.compile(r"rerank-(v[0-4]\b|english|multilingual)")


class RemoteCall:
    """One call: everything that can be refused is refused before a byte is sent."""

    def __init__(
        self, settings: Settings, connections: Connections, options: DoRerankOptions, reader: Read = read
    ) -> None:
        dialect = settings.dialect
        given = (options.provider_options or {}).get(dialect.provider, {})
        self._settings = settings
        self._options = options
        self._fields, self._warnings = check_options(dialect.options, given, dialect.provider)
        self._check_spans()
        self._read_instruction()
        self._sendable = sendable(dialect, options, settings.fields, sees=dialect.sees(settings.model))
        if dialect.object_fields and self._sendable.object_fields:
            self._fields.setdefault(dialect.object_fields, list(self._sendable.object_fields))
        headers = request_headers(
            settings.endpoint.url,
            dialect,
            settings.key,
            settings.headers,
            options.headers,
            is_signed=settings.credentials is not None,
        )
        self._exchange = Exchange(settings, connections, headers, reader)
        self._ends = math.inf

    async def run(self) -> DoRerankResult:
        """Send what can be sent and return the ranking; what a deadline cut off follows unscored."""
        options, sent = self._options, self._sendable
        if options.deadline is not None:
            self._ends = anyio.current_time() + options.deadline
        count = len(sent.documents)
        top_k = None if options.top_k is None else min(options.top_k, count)
        narrowed = replace(options, documents=sent.documents, objects=None, top_k=top_k)
        answers = await self._answers(narrowed, count) if count else []
        return self._together(answers)

    async def _answers(self, options: DoRerankOptions, count: int) -> list[DoRerankResult]:
        most = self._settings.max_documents
        if most is None or count <= most:
            answer = await self._request(options)
            options.report_progress(count, count)
            return [answer]
        if not self._settings.comparable:
            raise InvalidRequestError(
                f"{count} documents are more than the {most} that one request takes, and "
                f"{self._settings.model} compares the documents of a request with each other.",
                hint="Send fewer, since scores of several requests could not be merged; or set max_documents_per_call higher, "
                "if the service takes more.",
            )
        return await rerank_in_parts(
            self._request,
            replace(options, first_stage_scores=None),
            max_documents=most,
            max_parallel=MAX_PARALLEL_REQUESTS,
        )

    async def _request(self, options: DoRerankOptions) -> DoRerankResult:
        """Send one request; at the deadline its documents stay unscored."""
        nothing = DoRerankResult(unscored(range(len(options.documents))), usage=RerankUsage())
        if anyio.current_time() >= self._ends:
            return nothing
        with anyio.CancelScope(deadline=self._ends):
            page = self._settings.dialect.page
            if page is None:
                return await self._asked(options, {})
            return await all_pages(page, partial(self._asked, options), len(options.documents))
        return replace(nothing, usage=RerankUsage(api_calls=1))

    async def _asked(self, options: DoRerankOptions, further: Mapping[str, Any]) -> DoRerankResult:
        outcome = await self._exchange.ask(self._content(options, further), len(options.documents))
        if isinstance(outcome, RerankError):
            raise outcome
        return outcome

    def _content(self, options: DoRerankOptions, further: Mapping[str, Any]) -> bytes:
        settings = self._settings
        return request_body(
            settings.dialect,
            model=settings.model,
            query=options.query,
            documents=options.documents,
            top_k=options.top_k,
            fields={**settings.always, **self._fields, **further},
        )

    def _together(self, answers: Sequence[DoRerankResult]) -> DoRerankResult:
        """Make one answer of several, with indexes of the caller's list."""
        sent, provider = self._sendable, self._settings.dialect.provider
        results = [item for answer in answers for item in answer.results]
        scored = sum(item.tier == 0 for answer in answers for item in answer.results)
        cut_off = any(answer.response is None for answer in answers)
        if sent.places is not None:
            results = [replace(item, index=sent.places[item.index]) for item in results]
        warnings = [*self._warnings, *(warning for answer in answers for warning in answer.warnings)]
        if sent.blanks:
            warnings.append(_blank_warning(len(sent.blanks)))
        if cut_off:
            warnings.append(unscored_warning(scored, len(self._options.documents)))
        rests = [answer.provider_metadata for answer in answers if answer.provider_metadata]
        metadata = rests[0] if len(answers) == 1 and rests else {"answers": rests} if rests else None
        servers = dict.fromkeys(answer.served_by for answer in answers if answer.served_by)
        return DoRerankResult(
            [*results, *unscored(sent.blanks)],
            usage=with_cost(summed(answers), provider, self._settings.model or ""),
            warnings=list(dict.fromkeys(warnings)),
            provider_metadata=None if metadata is None else {provider: metadata},
            response=next((answer.response for answer in answers if answer.response), None),
            served_by="+".join(servers) or None,
        )

    def _check_spans(self) -> None:
        model = self._settings.model or ""
        if "relevant_spans" in self._fields and _BEFORE_SPANS.match(model):
            raise InvalidRequestError(
                f"The model {model} gives no spans.", hint="Take a v5 model, or leave relevant_spans out."
            )

    def _read_instruction(self) -> None:
        instruction, name = self._options.instruction, self._settings.dialect.instruction
        if instruction is None:
            return
        if name is not None:
            self._fields[name] = instruction
            return
        self._warnings += unread_instruction(self._options, self._settings.dialect.provider)


def summed(answers: Sequence[DoRerankResult]) -> RerankUsage:
    """Return what several requests used together; a count is None where one answer does not say it."""
    usages = [answer.usage for answer in answers if answer.usage is not None]
    return RerankUsage(
        input_tokens=_sum(usage.input_tokens for usage in usages),
        search_units=_sum(usage.search_units for usage in usages),
        api_calls=sum(usage.api_calls for usage in usages),
        estimated_cost=_sum(usage.estimated_cost for usage in usages),
    )


def _sum(counts: Iterable[N | None]) -> N | None:
    """Return the sum, or None where one answer does not say: half a count would pass for the whole."""
    all_of_them = list(counts)
    said = [count for count in all_of_them if count is not None]
    return sum(said) if said and len(said) == len(all_of_them) else None


def _blank_warning(count: int) -> RerankWarning:
    return RerankWarning(
        "blank_documents",
        f"{count} documents without text were not sent, since they make a service refuse the whole request; they stand "
        "last, marked metadata['scored'] = False.",
        feature="documents",
    )
