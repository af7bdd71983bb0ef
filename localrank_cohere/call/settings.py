"""What a reranker was made with, and the checks of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localrank.contract.errors import InvalidRequestError
from localrank_cohere.call.credentials import Credentials
from localrank_cohere.dialects.endpoints import Endpoint
from localrank_cohere.dialects.keys import Secret
from localrank_cohere.dialects.table import Dialect

__all__ = ["Settings", "checked_fields", "checked_model", "positive"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a reranker was made with.

    Attributes:
        dialect: How the service is asked.
        model: The model's name; None where the service has one model only.
        endpoint: Where to.
        key: The key given by the caller.
        headers: Further headers, by lower-case name.
        fields: Keys of an object that are sent; () for all; None sends texts only.
        max_documents: Documents in one request; None for no limit.
        comparable: Scores of different requests can be compared.
        credentials: What signs each request, in place of a key.
        always: Fields of every request by their paths, such as the project that is billed.
    """

    dialect: Dialect
    model: str | None
    endpoint: Endpoint = field(repr=False)
    key: Secret | None
    headers: Mapping[str, str] = field(repr=False)
    fields: tuple[str, ...] | None
    max_documents: int | None
    comparable: bool
    credentials: Credentials | None = field(default=None, repr=False)
    always: Mapping[str, Any] = field(default_factory=dict)


def checked_model(model: Any, *, required: bool) -> str | None:
    """Return the model's name without white space around it; None where it is empty and may be.

    Raises:
        InvalidRequestError: It is no string, or empty where the service needs one.
    """
    if not isinstance(model, str) or (required and not model.strip()):
        raise InvalidRequestError(f"model is {model!r}.", hint="Pass the model's name at the service.")
    return model.strip() or None


def positive(argument: str, value: Any, *, whole: bool) -> Any:
    """Return `value` if it is None or a positive number, an integer where `whole`.

    Raises:
        InvalidRequestError: It is not; the message names `argument`.
    """
    kinds = int if whole else (int, float)
    if value is not None and (isinstance(value, bool) or not isinstance(value, kinds) or not value > 0):
        wanted = "an integer of at least 1" if whole else "a positive number of seconds"
        raise InvalidRequestError(f"{argument} is {value!r}.", hint=f"Pass {wanted}, or None.")
    return value


def checked_fields(fields: Any) -> tuple[str, ...] | None:
    """Return the keys of an object that are sent; () for all, None where only texts are.

    Raises:
        InvalidRequestError: It is neither None, nor `"all"`, nor a list of keys.
    """
    if fields is None or fields == "all":
        return None if fields is None else ()
    names = () if isinstance(fields, str) else tuple(fields)
    if not names or not all(isinstance(name, str) and name for name in names):
        raise InvalidRequestError(f"fields is {fields!r}.", hint='Pass a list of keys, or "all".')
    return names
