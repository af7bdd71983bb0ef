"""Daft: a class whose instances hold the model, one a worker; a column of queries and one of candidates in, ranks out."""

from __future__ import annotations

import daft
import pyarrow as pa
from daft import DataType, Series, col

from localrank.batches import rerank_batches
from localrank.providers.registry import resolve

ROWS = {
    "query": ["river boats", "old mills"],
    "text": [["A mill of 1790.", "Boats sail down the river."]] * 2,
}
RANKED = DataType.struct(
    {"rank": DataType.list(DataType.int32()), "score": DataType.list(DataType.float64())}
)


@daft.cls
class Rerank:
    """Rank whole columns; Daft makes one of these for each worker."""

    def __init__(self, model: str) -> None:
        self.model = resolve(model)

    @daft.method.batch(return_dtype=RANKED, unnest=True)
    def ranked(self, queries: Series, texts: Series) -> list[dict[str, list[float]]]:
        table = pa.table({"query": queries.to_arrow(), "text": texts.to_arrow()})
        ranked = pa.Table.from_batches(list(rerank_batches([table], self.model)))
        return ranked.select(["rank", "score"]).to_pylist()


if __name__ == "__main__":
    rerank = Rerank("onnx:localrank-mini")
    frame = daft.from_pydict(ROWS)
    for row in frame.select("query", "text", rerank.ranked(col("query"), col("text"))).to_pylist():
        print(row["query"], row["rank"])
