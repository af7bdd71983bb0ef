"""What every wrapper has: its inner models, a name made of theirs, and the optional members derived from them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import (
    AnyReranker,
    accepts_objects,
    needs_text,
    reads_images,
    score_kind,
    scores_comparable,
)
from localrank.contract.types import ScoreKind
from localrank.providers.arguments import real_number
from localrank.providers.registry import resolve

__all__ = [
    "MOST_NESTED",
    "TokenSpans",
    "Transparent",
    "Wrapper",
    "checked_numbers",
    "fingerprint_of",
    "innermost",
    "is_ordinal",
    "name_of",
    "refuse",
    "refuse_incomparable",
    "too_deep",
]

MOST_NESTED = 64
"""Wrappers inside one another: each takes up to ten frames of a call, and Python gives a thousand to it and to its caller."""

TokenSpans = Callable[[str], Sequence[tuple[int, int]]]
"""Returns the character spans of a text's tokens."""


def name_of(model: AnyReranker) -> str:
    """Return `provider:model-id`."""
    return f"{model.provider}:{model.model_id}"


def fingerprint_of(model: AnyReranker) -> str:
    """Return what tells the model's scores from those of any other model: its fingerprint, or its name."""
    return str(getattr(model, "fingerprint", None) or name_of(model))


def innermost(model: AnyReranker) -> AnyReranker:
    """Return the model inside all wrappers that hold just one."""
    while isinstance(model, Wrapper) and len(model.models) == 1:
        model = model.models[0]
    return model


def is_ordinal(model: AnyReranker) -> bool:
    """Return whether only the order of the model's scores means anything."""
    return score_kind(model) == "ordinal"


def _joint_kind(models: Iterable[AnyReranker]) -> ScoreKind:
    """Return what a score is that may come from any of `models`."""
    kinds = {score_kind(model) for model in models}
    if "ordinal" in kinds:
        return "ordinal"
    return kinds.pop() if len(kinds) == 1 else "unknown"


def refuse(message: str, hint: str) -> InvalidRequestError:
    """Return the error for arguments that make no wrapper."""
    return InvalidRequestError(message, hint=hint)


def too_deep() -> InvalidRequestError:
    """Return the error for more wrappers inside one another than a call gets through."""
    return refuse(
        f"There are more than {MOST_NESTED} wrappers inside one another.",
        "Take some out; Cascade, Fallback and Fused hold any number of models side by side.",
    )


def checked_numbers(name: str, values: Sequence[float]) -> tuple[float, ...]:
    """Return the numbers of a list.

    Raises:
        InvalidRequestError: One of them is none.
    """
    numbers: list[float] = []
    for index, value in enumerate(values):
        number = real_number(value)
        if number is None:
            raise refuse(f"{name}[{index}] is of type {type(value).__name__}.", "Pass numbers.")
        numbers.append(number)
    return tuple(numbers)


def refuse_incomparable(wrapper: str, model: AnyReranker, hint: str) -> None:
    """Refuse a model whose scores depend on the other documents of the call.

    Raises:
        InvalidRequestError: `scores_comparable` is False, or the scores are ordinal.
    """
    if is_ordinal(model) or not scores_comparable(model):
        raise refuse(
            f"{wrapper} cannot hold {name_of(model)}: its scores of different calls cannot be compared.",
            hint,
        )


class Wrapper:
    """Base of the wrappers; a reranker of your own needs none.

    Args:
        provider: The wrapper's name.
        models: The inner models; strings are resolved.
        joint: What stands between their names in `model_id`.

    Raises:
        InvalidRequestError: They stand too deep in one another.

    Attributes:
        provider: The wrapper's name.
        model_id: The inner models' names in brackets, so that `provider:model_id` reads like the string form.
        models: The inner models.
    """

    provider: str
    model_id: str

    def __init__(
        self, provider: str, models: Sequence[AnyReranker | str], *, joint: Sequence[str] | str = ","
    ) -> None:
        self.provider = provider
        self.models = tuple(resolve(model) for model in models)
        self._nested: int = 1 + max(
            (one._nested for one in self.models if isinstance(one, Wrapper)), default=0
        )
        if self._nested > MOST_NESTED:
            raise too_deep()
        joints = [joint] * len(models) if isinstance(joint, str) else list(joint)
        names = [name_of(model) for model in self.models]
        self.model_id = f"({names[0]}{''.join(map(''.join, zip(joints, names[1:], strict=False)))})"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {name_of(self)}>"  # type: ignore[arg-type]  # do_rerank is the subclass's

    @property
    def accepts_objects(self) -> bool:
        """Whether any inner model reads the caller's own objects."""
        return any(map(accepts_objects, self.models))

    @property
    def needs_text(self) -> bool:
        """Whether any inner model reads the texts."""
        return any(map(needs_text, self.models))

    @property
    def reads_images(self) -> bool:
        """Whether every inner model reads images: each may be the one that ranks a document without a text."""
        return all(map(reads_images, self.models))

    @property
    def languages(self) -> tuple[str, ...]:
        """What every inner model reads, as ISO 639-1 codes; `multilingual` where each reads many.

        Empty where one does not say, or where they have none in common.
        """
        told = [tuple(getattr(model, "languages", ())) for model in self.models]
        if not all(told):
            return ()
        listed = [codes for codes in told if "multilingual" not in codes]
        if not listed:
            return ("multilingual",)
        return tuple(code for code in listed[0] if all(code in codes for codes in listed))

    @property
    def scores_comparable(self) -> bool:
        """Whether scores of different calls can be compared; False unless the wrapper says otherwise."""
        return False

    @property
    def score_kind(self) -> ScoreKind:
        """What a score is, whichever inner model it comes from."""
        return _joint_kind(self.models)

    @property
    def settings(self) -> tuple[object, ...]:
        """The arguments that change scores, for the fingerprint."""
        return ()

    @property
    def fingerprint(self) -> str:
        """What a cache keys on: the wrapper, its settings and its models' fingerprints."""
        inner = ",".join(map(fingerprint_of, self.models))
        return f"{self.provider}{self.settings!r}({inner})"

    @property
    def token_spans(self) -> TokenSpans:
        """Cut a text into tokens as the first inner model that can does; absent where none can."""
        for model in self.models:
            spans: TokenSpans | None = getattr(model, "token_spans", None)
            if spans is not None:
                return spans
        raise AttributeError("token_spans")

    async def warm_up(self) -> None:
        """Load every inner model that can be loaded ahead."""
        for model in self.models:
            await _awaited(model, "warm_up")

    async def aclose(self) -> None:
        """Release what the inner models hold; all of them, even where one fails."""
        failures: list[Exception] = []
        for model in self.models:
            try:
                await _awaited(model, "aclose")
            except Exception as error:
                failures.append(error)
        if failures:
            raise failures[0]


class Transparent(Wrapper):
    """Base of the wrappers whose scores are the inner model's own."""

    def __init__(self, provider: str, model: AnyReranker | str) -> None:
        super().__init__(provider, [model])

    @property
    def model(self) -> AnyReranker:
        """The inner model."""
        return self.models[0]

    @property
    def scores_comparable(self) -> bool:
        """The inner model's."""
        return scores_comparable(self.model)

    @property
    def fingerprint(self) -> str:
        """The inner model's: its scores pass through unchanged."""
        return fingerprint_of(self.model)

    @property
    def max_documents_per_call(self) -> int | None:
        """The inner model's."""
        limit: int | None = getattr(self.model, "max_documents_per_call", None)
        return limit


async def _awaited(model: AnyReranker, name: str) -> None:
    member: Any = getattr(model, name, None)
    outcome = None if member is None else member()
    if inspect.isawaitable(outcome):
        await outcome
