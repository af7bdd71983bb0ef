"""Middleware: look at or change what a model is asked and what it answers."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from localrank.compose.wrapping.wrapper import Transparent, fingerprint_of, name_of, refuse
from localrank.contract.errors import InvalidResponseError
from localrank.contract.model import AnyReranker, DoRerankOptions, DoRerankResult
from localrank.providers.calls import call_model

__all__ = ["TransformOptions", "TransformResult", "Wrapped", "wrapped"]

T = TypeVar("T")

TransformOptions = Callable[[DoRerankOptions], DoRerankOptions | Awaitable[DoRerankOptions]]
"""Returns the options that the model gets; the documents keep their number and order."""

TransformResult = Callable[[DoRerankResult, DoRerankOptions], DoRerankResult | Awaitable[DoRerankResult]]
"""Takes the checked answer and the caller's options, and returns the answer that is passed on."""


class Wrapped(Transparent):
    """A model between two functions; made by `wrapped`. It has the inner model's names."""

    def __init__(
        self,
        model: AnyReranker | str,
        transform_options: TransformOptions | None,
        transform_result: TransformResult | None,
    ) -> None:
        super().__init__("wrapped", model)
        self.provider, self.model_id = self.model.provider, self.model.model_id
        self._transform_options, self._transform_result = transform_options, transform_result

    @property
    def fingerprint(self) -> str:
        """The inner model's with the functions' names, since they may change scores."""
        names = [_full_name(step) for step in (self._transform_options, self._transform_result) if step]
        return f"wrapped({fingerprint_of(self.model)},{','.join(names)})"

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        """Transform, ask, transform."""
        asked = options
        if self._transform_options is not None:
            asked = await _maybe_awaited(self._transform_options(options))
            self._check(asked, options)
        answer = await call_model(self.model, asked)
        if self._transform_result is None:
            return answer
        return await _maybe_awaited(self._transform_result(answer, options))

    def _check(self, asked: object, options: DoRerankOptions) -> None:
        if isinstance(asked, DoRerankOptions) and len(asked.documents) == len(options.documents):
            return
        given = (
            f"{len(asked.documents)} documents"
            if isinstance(asked, DoRerankOptions)
            else type(asked).__name__
        )
        raise InvalidResponseError(
            f"transform_options around {name_of(self.model)} made {given} of {len(options.documents)} documents.",
            hint="Return DoRerankOptions with the same documents in number and order; an answer names them by position.",
        )


def wrapped(
    model: AnyReranker | str,
    *,
    transform_options: TransformOptions | None = None,
    transform_result: TransformResult | None = None,
) -> Wrapped:
    """Return `model` with functions before and after it, for logging, redaction or rewriting.

    What they raise fails the call. A cache around it knows them by module and name: give functions that change scores
    names of their own, not `lambda`.

    Args:
        model: The model.
        transform_options: Called with the options; sync or async.
        transform_result: Called with the answer and the caller's options; sync or async.

    Raises:
        InvalidRequestError: A transform that cannot be called, or none at all.
    """
    for name, transform in (("transform_options", transform_options), ("transform_result", transform_result)):
        if transform is not None and not callable(transform):
            raise refuse(f"{name} is of type {type(transform).__name__}.", "Pass a function.")
    if transform_options is None and transform_result is None:
        raise refuse("wrapped has no function.", "Pass transform_options or transform_result.")
    return Wrapped(model, transform_options, transform_result)


async def _maybe_awaited(value: T | Awaitable[T]) -> T:
    return await value if inspect.isawaitable(value) else value


def _full_name(step: Any) -> str:
    return f"{getattr(step, '__module__', '')}.{getattr(step, '__qualname__', type(step).__qualname__)}"
