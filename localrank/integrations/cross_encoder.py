"""A `CrossEncoder` of sentence-transformers as a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import DoRerankOptions, ScoredIndex
from localrank.contract.types import ScoreKind
from localrank.integrations.callables import one_score_each
from localrank.integrations.foreign import ForeignReranker, Scoring, type_name

__all__ = ["from_cross_encoder"]

_KINDS: dict[str, ScoreKind] = {"Sigmoid": "probability", "Identity": "logit"}
"""What the class of `activation_fn` makes of a logit."""


def from_cross_encoder(
    cross_encoder: Any,
    *,
    model_id: str | None = None,
    score_kind: ScoreKind | None = None,
    batch_size: int = 32,
) -> ForeignReranker:
    """Return a model that scores with `cross_encoder.predict`, on the device and with the activation it has.

    Args:
        cross_encoder: A `sentence_transformers.CrossEncoder` with one label, or any object whose `predict` takes pairs and
            returns one number each.
        model_id: Its name; None means the one it was loaded by, where it says so.
        score_kind: None means by its `activation_fn`.
        batch_size: Pairs of one call; between two calls an abort or a deadline takes effect.

    Raises:
        InvalidRequestError: No `predict`, or several labels.
    """
    if not callable(getattr(cross_encoder, "predict", None)):
        raise InvalidRequestError(
            f"cross_encoder of type {type_name(cross_encoder)} has no predict.", hint="Pass a CrossEncoder."
        )
    labels = getattr(cross_encoder, "num_labels", 1)
    if labels != 1:
        raise InvalidRequestError(
            f"cross_encoder has {labels} labels, so a pair has {labels} scores.",
            hint="Pass a model with one label, or from_callable with a function that picks the score.",
        )
    kind = score_kind or _KINDS.get(type_name(getattr(cross_encoder, "activation_fn", None)), "unknown")
    name = model_id or _loaded_by(cross_encoder) or type_name(cross_encoder)
    ask = _Predict(cross_encoder, batch_size)
    return ForeignReranker("sentence-transformers", name, ask, Scoring(kind, batch_size=batch_size))


def _loaded_by(cross_encoder: Any) -> str | None:
    config = getattr(cross_encoder, "config", None)
    name = getattr(config, "_name_or_path", None)
    return name if isinstance(name, str) and name.strip() else None


@dataclass(frozen=True, slots=True)
class _Predict:
    cross_encoder: Any
    batch_size: int

    def __call__(self, options: DoRerankOptions) -> list[ScoredIndex]:
        pairs = [(options.query, text) for text in options.documents]
        scores = self.cross_encoder.predict(pairs, batch_size=self.batch_size, show_progress_bar=False)
        return one_score_each(scores, options)
