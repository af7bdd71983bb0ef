"""`assert_ranks`: a team's own acceptance test of a reranker, in one line."""

from __future__ import annotations

from collections.abc import Sequence

from localrank.calling.sync import rerank_sync
from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import AnyReranker
from localrank.contract.texts import shortened
from localrank.contract.types import RankedDocument, RerankResult

__all__ = ["assert_ranks"]


def assert_ranks(
    model: AnyReranker | str,
    query: str,
    better: str | Sequence[str],
    worse: str | Sequence[str],
    *,
    instruction: str | None = None,
) -> RerankResult[str]:
    """Assert that every text of `better` ranks above every text of `worse`; equal scores do not count as above.

    Args:
        model: A reranker or a name, as for `rerank`.
        query: The text to rank against.
        better: One text or several that answer the query.
        worse: One text or several that answer it less well, or not at all.
        instruction: What "relevant" means here, for models that read one.

    Returns:
        The ranking; its documents are `worse` followed by `better`.

    Raises:
        AssertionError: Some text stands too low; the message shows the whole ranking.
        InvalidRequestError: One side is empty.
    """
    low, high = _texts("worse", worse), _texts("better", better)
    # What is worse comes first, so that it wins a tie.
    result = rerank_sync(model, query, [*low, *high], instruction=instruction)
    best_of_low = min(hit.rank for hit in result if hit.index < len(low))
    wrong = [hit for hit in result if hit.index >= len(low) and hit.rank > best_of_low]
    if wrong:
        raise AssertionError(_message(result, query, wrong, len(low)))
    return result


def _texts(argument: str, given: str | Sequence[str]) -> list[str]:
    texts = [given] if isinstance(given, str) else list(given)
    if not texts:
        raise InvalidRequestError(f"{argument} is empty.", hint="Pass one text or a list of texts.")
    return texts


def _message(result: RerankResult[str], query: str, wrong: list[RankedDocument[str]], low_count: int) -> str:
    lines = [
        f"{result.response.model_id} does not rank as expected for {shortened(query)!r}: "
        f"{len(wrong)} of the better texts {'stands' if len(wrong) == 1 else 'stand'} "
        "below, or level with, a worse one.",
        *(
            f"{hit.rank:>4}  {hit.score:>9.4f}  {'worse ' if hit.index < low_count else 'better'}"
            f"{' ← too low' if hit in wrong else '          '}  {shortened(hit.text)}"
            for hit in result
        ),
    ]
    return "\n".join(lines)
