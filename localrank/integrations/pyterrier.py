"""PyTerrier: our models as a transformer that reranks."""

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
    import pandas
    import pyterrier
except ImportError as error:
    raise missing("The PyTerrier integration", "pyterrier", "pyterrier") from error

__all__ = ["LocalRankTransformer"]


class LocalRankTransformer(pyterrier.Transformer):  # type: ignore[misc, unused-ignore]
    """Rerank the documents of each query with any model of localrank: `bm25 % 50 >> LocalRankTransformer()`.

    Takes a frame with `qid`, `query`, `docno` and the text, and returns the same rows with `score` and `rank` (from 0, as
    PyTerrier counts), best first for each query. A document that a deadline left unscored stands below, by 1 lower than the
    lowest score for each place. A wrapper that fuses retrieval scores gets the scores that came in.

    Args:
        model: `"provider:model-id"`, an alias, or a reranker.
        text: The column that holds the text; `pt.text.get_text` adds it where the index keeps it.
        instruction: What "relevant" means, for models that read one.
        timeout: Seconds after which a call fails.
        deadline: Seconds after which the best ranking so far of a query is returned.
        max_retries: Repetitions after a failure that may mend; None means 2.
        provider_options: Options by provider name, for each call.
    """

    def __init__(
        self,
        model: AnyReranker | str = DEFAULT_MODEL,
        *,
        text: str = "text",
        instruction: str | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
        max_retries: int | None = None,
        provider_options: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.text = text
        self.instruction = instruction
        self.timeout = timeout
        self.deadline = deadline
        self.max_retries = max_retries
        self.provider_options = provider_options

    def transform(self, inp: pandas.DataFrame) -> pandas.DataFrame:
        """Return the rows reranked, one call a query.

        Raises:
            InvalidRequestError: A column is absent.
            RerankError: Whatever `rerank` raises.
        """
        absent = [name for name in ("qid", "query", "docno", self.text) if name not in inp.columns]
        if absent:
            raise InvalidRequestError(
                f"The frame has no column {', '.join(map(repr, absent))}.",
                hint="Put pt.text.get_text before it, or name the column of the text with text=.",
            )
        ranked = [self._ranked(rows) for _, rows in inp.groupby("qid", sort=False)]
        if not ranked:
            return inp.assign(score=pandas.Series(dtype=float), rank=pandas.Series(dtype=int))
        return pandas.concat(ranked, ignore_index=True)

    def _ranked(self, rows: pandas.DataFrame) -> pandas.DataFrame:
        texts = rows[self.text].tolist()
        first = rows["score"].tolist() if "score" in rows.columns else []
        settings = CallSettings.of(self, min_score=None)
        places = list(range(len(texts)))
        query = rows["query"].iloc[0]
        result = Question(self.model, query, places, texts.__getitem__, None, first, settings).answer_sync()
        scores: list[float] = []
        for hit in result:
            scores.append(hit.score if is_scored(hit) else (min(scores) if scores else 0.0) - 1.0)
        ordered = rows.iloc[[hit.index for hit in result]]
        return ordered.assign(score=scores, rank=range(len(scores)))
