"""What every integration asks of the core: one question, awaited or not, whose warnings go to the log."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Generic, TypeVar

from localrank.calling.keywords import check_keywords
from localrank.calling.logged import logged
from localrank.calling.rerank import rerank
from localrank.calling.sync import run_blocking
from localrank.contract.model import AnyReranker
from localrank.contract.types import RerankResult

__all__ = ["OUTCOME_KEY", "CallSettings", "Question", "known_fields"]

D = TypeVar("D")


OUTCOME_KEY = "rerank_outcome"
"""Under what a framework's document, node or event holds `RerankOutcome.to_dict()`."""


def known_fields(component: Any, given: Any) -> Any:
    """Return what a component of pydantic is made of, all its fields known; pydantic's own error would show a key.

    Raises:
        TypeError: A field is unknown.
    """
    if isinstance(given, Mapping):
        check_keywords(component.__name__, given, component.model_fields)
    return given


@dataclass(frozen=True, slots=True)
class CallSettings:
    """The arguments of `rerank` that an integration keeps for all of its calls."""

    min_score: float | None = None
    instruction: str | None = None
    timeout: float | None = None
    deadline: float | None = None
    max_retries: int | None = None
    provider_options: Mapping[str, Mapping[str, Any]] | None = None

    @classmethod
    def of(cls, component: object, **others: Any) -> CallSettings:
        """Return the settings that a framework's component keeps under the same names, and `others`."""
        names = [setting.name for setting in fields(cls) if setting.name not in others]
        return cls(**others, **{name: getattr(component, name) for name in names})


@dataclass(frozen=True, slots=True)
class Question(Generic[D]):
    """One call.

    Attributes:
        model: The reranker, or its name.
        query: The text to rank against.
        documents: The framework's own objects.
        text: Gives the text of one; None where they are mappings with a `text`, an `image` or both.
        top_k: How many are wanted; None means all.
        retrieval_scores: The retriever's scores; passed on where every document has a finite one.
        settings: The rest.
    """

    model: AnyReranker | str
    query: str
    documents: Sequence[D]
    text: Callable[[D], str] | None
    top_k: int | None = None
    retrieval_scores: Sequence[float | None] = ()
    settings: CallSettings = field(default_factory=CallSettings)

    async def answer(self) -> RerankResult[D]:
        """Await the ranking; a cancelled task stops the computation."""
        return logged(
            await rerank(
                self.model,
                self.query,
                self.documents,
                self.top_k,
                min_score=self.settings.min_score,
                text=self.text,
                first_stage_scores=self._first_stage(),
                instruction=self.settings.instruction,
                timeout=self.settings.timeout,
                deadline=self.settings.deadline,
                max_retries=self.settings.max_retries,
                provider_options=self.settings.provider_options,
            )
        )

    def answer_sync(self) -> RerankResult[D]:
        """Wait for the ranking."""
        return run_blocking(self.answer)

    def _first_stage(self) -> list[float] | None:
        known = [score for score in self.retrieval_scores if score is not None and math.isfinite(score)]
        return known if known and len(known) == len(self.documents) else None
