"""The models of an evaluation by the names that they have in reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import AnyReranker
from localrank.providers.registry import resolve

__all__ = ["Models", "named_models"]

Models = str | AnyReranker | Sequence[str | AnyReranker] | Mapping[str, str | AnyReranker]
"""One model, several, or several by the names they shall have in reports."""


def named_models(models: Models) -> dict[str, AnyReranker]:
    """Return the models by the names they have in reports.

    Raises:
        InvalidRequestError: There is none, or two have one name.
        UnknownModelError: A name that means no model.
    """
    if isinstance(models, Mapping):
        given = list(models.items())
    else:
        several = models if isinstance(models, Sequence) and not isinstance(models, str) else [models]
        given = [(one if isinstance(one, str) else "", one) for one in several]
    named: dict[str, AnyReranker] = {}
    for name, model in given:
        reranker = resolve(model)
        label = name or f"{reranker.provider}:{reranker.model_id}"
        if label in named:
            raise InvalidRequestError(
                f"Two models are called {label!r}.", hint="Pass a mapping of names to models."
            )
        named[label] = reranker
    if not named:
        raise InvalidRequestError("There is no model to evaluate.", hint="Pass one, such as 'mini'.")
    return named
