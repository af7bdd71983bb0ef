"""`min_score`: which documents of a ranking are left out, and what there is to say of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import AnyReranker, ScoredIndex, score_kind
from localrank.contract.types import RerankWarning
from localrank.providers.unscored import is_unscored, scored_part

__all__ = ["at_least", "refuse_no_threshold"]


def refuse_no_threshold(model: AnyReranker) -> None:
    """Refuse a model whose scores have no meaning as a threshold.

    Raises:
        InvalidRequestError: They are ordinal.
    """
    if score_kind(model) == "ordinal":
        raise InvalidRequestError(
            f"min_score is given, and the scores of {model.provider}:{model.model_id} are ordinal.",
            hint="Such a score only says the place in the list, so none is low or high: take top_k, or a model that scores "
            "each document. In a Fallback, Identity() makes all scores ordinal.",
        )


def at_least(
    least: float, results: Sequence[ScoredIndex], model: AnyReranker
) -> tuple[list[ScoredIndex], list[RerankWarning]]:
    """Return those of a whole checked ranking that were scored `least` or more, in their order, and the remarks.

    A document that was not scored is left out: nothing says that it reaches `least`.
    """
    scored = [item for item in scored_part(results) if not is_unscored(item)]
    kept = [item for item in scored if item.score >= least]
    unscored = len(results) - len(scored)
    return kept, list(_remarks(least, scored, unscored, model, none_kept=not kept))


def _remarks(
    least: float, scored: Sequence[ScoredIndex], unscored: int, model: AnyReranker, *, none_kept: bool
) -> Iterator[RerankWarning]:
    kind = score_kind(model)
    if kind != "probability":
        scale = "logits, of any size" if kind == "logit" else "of a scale that it does not state"
        yield _remark(
            "uncalibrated_scores",
            f"min_score is {least:g}, and the scores of {model.provider}:{model.model_id} are {scale}: choose the number on "
            "your own data, or fit the scores with Calibrated.",
        )
    if unscored:
        yield _remark(
            "min_score_unscored", f"min_score left out {unscored} documents that were not scored at all."
        )
    if scored and none_kept:
        best = max(item.score for item in scored)
        yield _remark(
            "none_above_min_score", f"No document scores {least:g} or more; the best has {best:.3g}."
        )


def _remark(kind: str, message: str) -> RerankWarning:
    return RerankWarning(kind, message, feature="min_score")
