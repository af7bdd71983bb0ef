"""LanceDB: our models as the reranker of a search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import AnyReranker
from localrank.integrations.question import CallSettings, Question
from localrank.providers.extras import missing
from localrank.providers.registry import DEFAULT_MODEL
from localrank.providers.unscored import is_scored

try:
    import pyarrow
    from lancedb.rerankers import Reranker
except ImportError as error:
    raise missing("The LanceDB integration", "lancedb", "lancedb") from error

__all__ = ["LocalRankLanceDBReranker"]

_RELEVANCE = "_relevance_score"


class LocalRankLanceDBReranker(Reranker):
    """Rerank the rows of a LanceDB search with any model of localrank: `table.search(…).rerank(reranker)`.

    Vector, full-text and hybrid searches are taken. Rows come back best first with `_relevance_score`, which is null where a
    deadline came before the row was scored. A wrapper that fuses retrieval scores gets the search's own: the negative
    distance, or the score of the full-text search; a hybrid search has none that compare. A vector search by a vector alone
    has no query text: LanceDB wants it as `rerank(reranker, query_string=…)`.

    Args:
        model: `"provider:model-id"`, an alias, or a reranker.
        column: The column that holds the text.
        return_score: `"all"` keeps the scores of the searches beside ours, `"relevance"` drops them.
        instruction: What "relevant" means, for models that read one.
        timeout: Seconds after which a call fails.
        deadline: Seconds after which the best ranking so far is returned.
        max_retries: Repetitions after a failure that may mend; None means 2.
        provider_options: Options by provider name, for each call.

    Raises:
        InvalidRequestError: `return_score` is another word; at a search, rows without the column.
    """

    def __init__(
        self,
        model: AnyReranker | str = DEFAULT_MODEL,
        *,
        column: str = "text",
        return_score: str = "relevance",
        instruction: str | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
        max_retries: int | None = None,
        provider_options: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        if return_score not in {"relevance", "all"}:
            raise InvalidRequestError(f"return_score is {return_score!r}.", hint='Pass "relevance" or "all".')
        super().__init__(return_score)
        self.model = model
        self.column = column
        self.instruction = instruction
        self.timeout = timeout
        self.deadline = deadline
        self.max_retries = max_retries
        self.provider_options = provider_options

    def rerank_vector(self, query: str, vector_results: pyarrow.Table) -> pyarrow.Table:
        """Return the rows of a vector search, best first."""
        return self._ranked(query, vector_results, _numbers(vector_results, "_distance", sign=-1))

    def rerank_fts(self, query: str, fts_results: pyarrow.Table) -> pyarrow.Table:
        """Return the rows of a full-text search, best first."""
        return self._ranked(query, fts_results, _numbers(fts_results, "_score"))

    def rerank_hybrid(
        self, query: str, vector_results: pyarrow.Table, fts_results: pyarrow.Table
    ) -> pyarrow.Table:
        """Return the rows of both searches, each once, best first."""
        merge = self._merge_and_keep_scores if self.score == "all" else self.merge_results
        return self._ranked(query, merge(vector_results, fts_results), [])

    def _ranked(self, query: str, rows: pyarrow.Table, scores: list[float | None]) -> pyarrow.Table:
        if self.column not in rows.column_names:
            raise InvalidRequestError(
                f"The rows have no column {self.column!r}.",
                hint=f"There are {', '.join(rows.column_names)}: select it too, or name another with column=.",
            )
        texts = rows[self.column].to_pylist()
        places = list(range(len(texts)))
        settings = CallSettings.of(self, min_score=None)
        result = Question(self.model, query, places, texts.__getitem__, None, scores, settings).answer_sync()
        relevance = [hit.score if is_scored(hit) else None for hit in result]
        if self.score == "relevance":
            rows = self._keep_relevance_score(rows)
        order = pyarrow.array([hit.index for hit in result], type=pyarrow.int64())
        return rows.take(order).append_column(_RELEVANCE, pyarrow.array(relevance, type=pyarrow.float32()))


def _numbers(rows: pyarrow.Table, column: str, *, sign: int = 1) -> list[float | None]:
    values = rows[column].to_pylist() if column in rows.column_names else []
    return [None if value is None else sign * value for value in values]
