"""`Dialect`: what a row of the table says of one family of services."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from localrank.contract.types import ScoreKind
from localrank_cohere.dialects.options import Option

__all__ = ["Dialect"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def _as_it_is(value: Any) -> Any:
    return value


def _once(query: str, _: int) -> Any:
    return query


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one family of services is asked and how it answers.

    A field of a request or an answer is named by its path: `input.documents` is `documents` in the object `input`.

    Attributes:
        name: The dialect's name.
        provider: The provider's name, under which options are given.
        source: Where the shapes are documented.
        path: Of the endpoint; `{model}` stands for the model's name in it.
        also_short: Some servers of the dialect have the endpoint at the last word of `path` only.
        model: Field of the model's name in the request; None where it stands in the address only.
        path_model: Writes the model's name as it stands in `path`.
        query: Field of the query in the request.
        documents: Field of the documents in the request.
        as_query: Writes the query as the service wants it, given the number of documents.
        as_document: Writes a document, a text or an object, as the service wants it.
        numbered: Field of a document for its place, as a text, by which the answer names it; None where the service counts.
        count: Field of the number of results wanted; None where the service always ranks all.
        rows: Field of the results in the answer; None where the answer is the bare list.
        index: Field of a result's place among the documents; None where the results are bare scores, one a document in order.
        score: Field of a result's score.
        page: Field with the name of the next page, in an answer that is not whole and in the request for the rest.
        home: The vendor's own address; None for servers that people run themselves.
        listens_at: Where such a server listens unless told otherwise; None where that is not agreed.
        hosts: Hosts that belong to the vendor, their subdomains included: only these get a key from the environment.
        key_variables: Environment variables that may hold the key, in order.
        key_header: The header that carries the key; `Authorization` takes it as a bearer token.
        headers: Further headers that the service wants.
        fixed: Fields that are always sent, unless an option says otherwise.
        takes_objects: Whole objects are sent as they are; else as YAML.
        as_picture: Writes a document that holds an image, given its text and the image's address; None where none is read.
        seeing: Parts of the names of the models that read images; () where the service knows.
        object_fields: Field that names the keys of an object to be read; None where the service has none.
        instruction: Field of the instruction; None where the service has none.
        options: What the caller may set.
        token_header: Header of the answer with the number of tokens read.
        max_documents: What one call takes, or the vendor advises.
        needs_model: Whether the service refuses a request without a model.
        score_kind: What a score is.
    """

    name: str
    provider: str
    source: str
    path: str
    also_short: bool = False
    model: str | None = "model"
    path_model: Callable[[str], str] = _as_it_is
    query: str = "query"
    documents: str = "documents"
    as_query: Callable[[str, int], Any] = _once
    as_document: Callable[[Any], Any] = _as_it_is
    numbered: str | None = None
    count: str | None = "top_n"
    rows: str | None = "results"
    index: str | None = "index"
    score: str = "relevance_score"
    page: str | None = None
    home: str | None = None
    listens_at: str | None = None
    hosts: tuple[str, ...] = ()
    key_variables: tuple[str, ...] = ()
    key_header: str = "Authorization"
    headers: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    fixed: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    takes_objects: bool = False
    as_picture: Callable[[str, str], Any] | None = None
    seeing: tuple[str, ...] = ()
    object_fields: str | None = None
    instruction: str | None = None
    options: tuple[Option, ...] = ()
    token_header: str | None = None
    max_documents: int | None = None
    needs_model: bool = True
    score_kind: ScoreKind = "unknown"

    def sees(self, model: str | None) -> bool:
        """Return whether images are sent to `model`."""
        return self.as_picture is not None and (
            not self.seeing or any(part in (model or "") for part in self.seeing)
        )
