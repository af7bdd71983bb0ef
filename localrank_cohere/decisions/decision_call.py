"""The path of one call to a decision model: documents cut and divided to fit, asked in one order or two, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from localrank.contract.errors import APICallError, InvalidRequestError
from localrank.contract.model import DoRerankOptions, DoRerankResult, ScoredIndex
from localrank.contract.types import RerankUsage, RerankWarning
from localrank.providers.remarks import documents_truncated
from localrank.providers.splitting import Part, rerank_parts, split, split_at
from localrank_cohere.call.remote_call import MAX_PARALLEL_REQUESTS, RemoteCall, summed
from localrank_cohere.call.settings import Settings
from localrank_cohere.decisions.answers import read_answers
from localrank_cohere.decisions.forms import Form
from localrank_cohere.decisions.requests import decision_body
from localrank_cohere.decisions.sizes import Room, estimated_tokens
from localrank_cohere.dialects.decisions import DecisionService
from localrank_cohere.dialects.table import Dialect
from localrank_cohere.http.transport import Connections
from localrank_cohere.wire.answers import Reading
from localrank_cohere.wire.failures import request_id

__all__ = ["Asking", "DecisionCall"]

_TOO_LONG_STATUSES = frozenset({400, 413, 422})
_TOO_LONG = ("max_tokens_exceeded", "context_length_exceeded", "request_too_large", "too many tokens")
"""Words of a refusal for length: TypeSafe's and OpenAI's codes, and what servers of others say."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How a reranker asks.

    Attributes:
        service: Who is asked.
        form: What is asked.
        both_orders: Each request is sent again with its documents in reverse, and scores are means.
        max_tokens: Tokens of state and one question, in place of the service's limit.
    """

    service: DecisionService
    form: Form
    both_orders: bool
    max_tokens: int | None


class DecisionCall(RemoteCall):
    """One call: everything that can be refused is refused before a byte is sent."""

    def __init__(
        self, settings: Settings, connections: Connections, options: DoRerankOptions, asking: Asking
    ) -> None:
        def read(_: Dialect, text: str, *, count: int, source: str) -> Reading:
            return read_answers(asking.form, asking.service, text, count=count, source=source)

        super().__init__(settings, connections, options, read)
        self._asking = asking
        self._cut: frozenset[int] = frozenset()

    def _read_instruction(self) -> None:
        """Do nothing: the instruction is the question."""

    async def _answers(self, options: DoRerankOptions, count: int) -> list[DoRerankResult]:
        most_documents = self._settings.max_documents
        if self._asking.form.is_choice and most_documents is not None and count > most_documents:
            raise self._too_many(count)
        parts = self._parts(options)
        most = MAX_PARALLEL_REQUESTS // (2 if self._asking.both_orders else 1)
        return await rerank_parts(self._request, options, parts, max_parallel=most)

    def _parts(self, options: DoRerankOptions) -> list[Part]:
        """Return the requests to make, with texts that fit into one."""
        room = Room.of(
            self._asking.service,
            self._asking.form,
            options.query,
            options.instruction,
            max_documents=self._settings.max_documents,
            max_tokens=self._asking.max_tokens,
        )
        whole = options.documents
        together = self._asking.form.is_choice
        texts = tuple(room.cut_together(whole) if together else map(room.cut, whole))
        if not all(texts):
            tokens = estimated_tokens(options.query) + estimated_tokens(options.instruction or "")
            raise InvalidRequestError(
                f"Query and instruction have about {tokens:,} tokens, which leaves no room for a document in one request.",
                hint="Shorten them, or set max_tokens_per_call to what the server takes.",
            )
        cut = (index for index, text in enumerate(texts) if len(text) < len(whole[index]))
        places = self._sendable.places
        self._cut = frozenset(cut if places is None else (places[index] for index in cut))
        borders = [0, len(texts)] if together else room.borders(texts)
        return split_at(replace(options, documents=texts), borders)

    def _too_many(self, count: int) -> InvalidRequestError:
        return InvalidRequestError(
            f"{count} documents are more than one request takes, and a choice compares the documents of a request with each "
            "other.",
            hint="Send fewer or shorter ones, or take form='yes_no': the shares of several choices could not be merged.",
        )

    async def _request(self, options: DoRerankOptions) -> DoRerankResult:
        """Ask about `options.documents`, in both orders where that is wanted."""
        if not self._asking.both_orders or len(options.documents) < 2:
            return await self._fitting(options)
        backward = replace(options, documents=options.documents[::-1])
        answers = await rerank_parts(
            self._fitting, options, [Part(0, options), Part(0, backward)], max_parallel=2
        )
        last = len(options.documents) - 1
        turned = [replace(item, index=last - item.index) for item in answers[1].results]
        return _averaged(answers[0], replace(answers[1], results=turned))

    async def _fitting(self, options: DoRerankOptions) -> DoRerankResult:
        """Send one request; one that is refused for its length is sent again in two halves, since tokens are estimated."""
        count = len(options.documents)
        try:
            return await super()._request(options)
        except APICallError as error:
            if not _is_too_long(error) or count < 2:
                raise
            if self._asking.form.is_choice:
                raise self._too_many(count) from error
        halves = split(options, -(-count // 2))
        answers = await rerank_parts(self._fitting, options, halves, max_parallel=1)
        results = [item for answer in answers for item in answer.results]
        together = _merged(answers)
        usage = together.usage or RerankUsage()
        return replace(together, results=results, usage=replace(usage, api_calls=usage.api_calls + 1))

    def _content(self, options: DoRerankOptions, further: Mapping[str, Any]) -> bytes:
        return decision_body(
            self._asking.service,
            self._asking.form,
            model=self._settings.model or "",
            query=options.query,
            documents=options.documents,
            instruction=options.instruction,
            fields={**self._fields, **further},
        )

    def _together(self, answers: Sequence[DoRerankResult]) -> DoRerankResult:
        """Add what only decision models have: refusals, and texts that were cut."""
        whole = super()._together(answers)
        results = [
            replace(item, truncated=True) if item.index in self._cut and item.tier == 0 else item
            for item in whole.results
        ]
        warnings = list(whole.warnings)
        cut = sum(item.truncated for item in results)
        refused = sum(_is_refused(item) for item in results)
        if cut:
            warnings.append(documents_truncated(cut, len(self._options.documents)))
        if refused:
            warnings.append(_refused_warning(refused, len(results)))
        usage = replace(whole.usage or RerankUsage(), truncated_documents=cut)
        response = whole.response
        if response is not None and response.id is None:
            response = replace(response, id=request_id(response.headers or {}))
        return replace(whole, results=results, warnings=warnings, usage=usage, response=response)


def _is_too_long(error: APICallError) -> bool:
    words = f"{error.message} {error.body or ''}".lower()
    return error.status in _TOO_LONG_STATUSES and any(word in words for word in _TOO_LONG)


def _is_refused(item: ScoredIndex) -> bool:
    return (item.metadata or {}).get("refused") is True


def _averaged(first: DoRerankResult, second: DoRerankResult) -> DoRerankResult:
    """Return the mean of two orders; where only one judged a document, that one's score."""
    others = {item.index: item for item in second.results}
    results = [_mean(item, others[item.index]) for item in first.results]
    both = _merged([first, second])
    if (first.response is None) == (second.response is None):
        return replace(both, results=results)
    message = f"The deadline passed before both orders were answered; the scores of {len(results)} documents are of one order."
    return replace(
        both,
        results=results,
        warnings=[*both.warnings, RerankWarning("deadline_exceeded", message, "deadline")],
    )


def _mean(one: ScoredIndex, other: ScoredIndex) -> ScoredIndex:
    if one.tier != other.tier:
        return min(one, other, key=lambda item: item.tier)
    return replace(one, score=(one.score + other.score) / 2)


def _merged(answers: Sequence[DoRerankResult]) -> DoRerankResult:
    """Return what several requests say together, without their results."""
    rests = [answer.provider_metadata for answer in answers if answer.provider_metadata]
    return DoRerankResult(
        (),
        usage=summed(answers),
        warnings=[warning for answer in answers for warning in answer.warnings],
        provider_metadata={"answers": rests} if rests else None,
        response=next((answer.response for answer in answers if answer.response), None),
    )


def _refused_warning(refused: int, total: int) -> RerankWarning:
    return RerankWarning(
        "unscored_documents",
        f"The model refused to judge {refused} of {total} documents; they follow unscored in your order, marked "
        "metadata['refused'] = True.",
        feature="documents",
    )
