"""The warnings that many models give, in one wording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from localrank.contract.model import DoRerankOptions
from localrank.contract.types import RerankWarning

__all__ = [
    "documents_truncated",
    "query_truncated",
    "unread_images",
    "unread_instruction",
    "unread_language",
    "unread_options",
    "unread_settings",
]


def unread_settings(options: DoRerankOptions, provider: str) -> list[RerankWarning]:
    """Return the warnings of a model that takes no options of its own and reads no instruction, where a call has some.

    Args:
        options: What the model is asked.
        provider: Its `provider`: options under other names are none of its business.
    """
    return [*unread_options(options, provider), *unread_instruction(options, provider)]


def unread_options(options: DoRerankOptions, provider: str) -> list[RerankWarning]:
    """Return one warning for each provider option under the name of a provider that takes none."""
    given: Mapping[str, Any] = (options.provider_options or {}).get(provider, {})
    return [
        RerankWarning("unsupported", f"{provider} has no option {name!r}; it was ignored.", feature=name)
        for name in given
    ]


def unread_instruction(options: DoRerankOptions, provider: str) -> list[RerankWarning]:
    """Return the warning for an instruction that a model without one ignores."""
    if options.instruction is None:
        return []
    message = f"{provider} reads no instruction; it was ignored."
    return [RerankWarning("unsupported", message, feature="instruction")]


def unread_images(count: int, provider: str) -> RerankWarning:
    """Return the warning for images beside texts, given to a model that reads texts alone."""
    hold = "1 document holds" if count == 1 else f"{count} documents hold"
    return RerankWarning(
        "unsupported",
        f"{hold} an image, which {provider} does not read, or not with every model in it: only the text was ranked.",
        feature="images",
    )


def query_truncated(limit: str) -> RerankWarning:
    """Return the warning for a query that was cut; `limit` says to what, as in "three quarters of the model's window"."""
    return RerankWarning(
        "query_truncated", f"The query is longer than {limit} and was cut to that.", feature="query"
    )


def documents_truncated(cut: int, total: int) -> RerankWarning:
    """Return the one warning for documents of which only the beginning was read."""
    return RerankWarning(
        "documents_truncated",
        f"{cut} of {total} documents are longer than the model's window; only their beginning was read. They are marked "
        "truncated. Cut them into chunks, or take a model with a longer window.",
        feature="documents",
    )


def unread_language(
    model_id: str, feature: Literal["query", "documents"], name: str, instead: str
) -> RerankWarning:
    """Return the warning for a query, or for documents most of which, are in a language that a model does not read.

    Args:
        model_id: The model.
        feature: What is in that language.
        name: The language or script.
        instead: What to do, a sentence.
    """
    what = "The query seems" if feature == "query" else "Most of the documents seem"
    message = f"{what} to be in {name}, which {model_id} does not read; its order may be worse than the one given. {instead}"
    return RerankWarning("unread_language", message, feature=feature)
