"""Ray Data: a dataset of queries and candidates in, the same rows with rank and score out; actors hold the model."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from localrank.batches import Columns, ranked_schema, rerank_batches
from localrank.batches.tables import layout_of
from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import AnyReranker
from localrank.integrations.ray.installed import imported_ray
from localrank.providers.arguments import check_count
from localrank.providers.cores import limit_cores
from localrank.providers.extras import imported
from localrank.providers.registry import resolve

if TYPE_CHECKING:
    from ray.data import ActorPoolStrategy, Dataset

__all__ = ["RerankBatch", "check_sendable", "rerank_dataset"]

_PLACE = "__localrank_place__"
"""The column that holds where a row stood, while it is out of its place."""


@dataclass
class RerankBatch:
    """Rank Arrow tables of whole queries: what an actor of Ray Data makes once, with its model, and calls again and again.

    `rerank_dataset` maps with it; it also fits `map_batches(…, batch_format="pyarrow")` in a pipeline of your own.

    Args:
        model: A reranker or a name.
        columns: The names of columns.
        top_k: How many candidates of a query are kept; None keeps all.
        instruction: What "relevant" means, for models that read it.
        max_parallel: Queries at once; None means 8.
        max_retries: Repetitions of a remote call; None means 2.
        reject_column: Added: why a row could not be ranked, null where it was. None makes such a row an error.
        lists: Whether a row is a query with a list of candidates, which a table of nothing but nulls does not tell.
        threads: Cores that this process computes on; None leaves them as they are.
    """

    model: AnyReranker | str
    columns: Columns = field(default_factory=Columns)
    top_k: int | None = None
    instruction: str | None = None
    max_parallel: int | None = None
    max_retries: int | None = None
    reject_column: str | None = "reject"
    lists: bool | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.threads is not None:
            limit_cores(self.threads)
        self.model = resolve(self.model)

    def __call__(self, batch: Any) -> Any:
        """Return the rows of a `pyarrow.Table` with rank, score and the reason of a reject, in their order.

        Raises:
            InvalidRequestError: Columns that do not fit, rows of one query that stand apart, or without a column for rejects a
                row that cannot be ranked.
            RerankError: Whatever the model raised.
        """
        pa = imported("pyarrow", "A dataset of Ray", "ray")
        table = self._in_place(batch)
        ranked = rerank_batches(
            [table],
            self.model,
            columns=self.columns,
            top_k=self.top_k,
            instruction=self.instruction,
            max_parallel=self.max_parallel,
            max_retries=self.max_retries,
            reject_column=self.reject_column,
        )
        schema = ranked_schema(table.schema, self.columns, reject_column=self.reject_column)
        return pa.Table.from_batches(ranked, schema)

    def _in_place(self, table: Any) -> Any:
        """Return the rows in the order in which they were read, and lists as lists where a block holds none but nulls."""
        pa = imported("pyarrow", "A dataset of Ray", "ray")
        if _PLACE in table.schema.names:
            table = table.sort_by(_PLACE).drop_columns([_PLACE])
        at = table.schema.get_field_index(self.columns.text)
        if not self.lists or at < 0 or not pa.types.is_null(table.schema.field(at).type):
            return table
        lists = pa.field(self.columns.text, pa.list_(pa.string()))
        return table.set_column(at, lists, table.column(at).cast(lists.type))


def rerank_dataset(
    dataset: Dataset,
    model: AnyReranker | str,
    *,
    columns: Columns | None = None,
    top_k: int | None = None,
    instruction: str | None = None,
    max_parallel: int | None = None,
    max_retries: int | None = None,
    reject_column: str | None = "reject",
    batch_size: int = 64,
    compute: ActorPoolStrategy | None = None,
    num_cpus: float | None = None,
    num_gpus: float | None = None,
    ray_remote_args: Mapping[str, Any] | None = None,
) -> Dataset:
    """Return a dataset of the same rows with rank and score: lazy, like every transformation of Ray Data.

    A row is a query where the text's column holds lists of strings: the form for a cluster, since any rows make a batch and
    Ray's checkpoints hold. Where the column holds strings a row is a candidate, and Ray first brings the rows of a query
    together (`groupby`, a shuffle); queries then come out in another order.

    An actor that dies is made again and its task repeated, by Ray. Ray's own checkpoints
    (`DataContext.checkpoint_config`) let a job go on that was lost as a whole.

    Args:
        dataset: With a column for the query and one for the text.
        model: A name, which each actor resolves, or a reranker that can be pickled. A name sends no key: the actors read theirs
            from their own environment.
        columns: The names of columns.
        top_k: How many candidates of a query are kept: other rows are left out, other list items have null. None keeps all.
        instruction: What "relevant" means, for models that read it.
        max_parallel: Queries at once in an actor; None means 8.
        max_retries: Repetitions of a remote call; None means 2.
        reject_column: Added: why a row could not be ranked, null where it was. None makes such a row an error of the job.
        batch_size: Rows that an actor ranks at once, where a row is a query.
        compute: The pool of actors; None lets Ray grow one from a single actor.
        num_cpus: Cores of an actor, which computes on as many threads; None means 1, or none beside a GPU.
        num_gpus: GPUs of an actor, for models that use one, such as `TorchReranker`.
        ray_remote_args: What else an actor is to have, such as `{"memory": 2e9}`.

    Raises:
        MissingDependencyError: Ray or pyarrow is not installed.
        InvalidRequestError: A column missing, of another type, or there already; a reranker that cannot be sent; or a
            checkpoint where a row is a candidate: it would part queries.
        UnknownModelError: A name that stands for no model.
    """
    data = imported_ray("ray.data")
    names = columns or Columns()
    check_count("batch_size", batch_size)
    check_sendable(model)
    schema = _arrow_schema(dataset)
    lists = schema is None or layout_of(schema, names, "The dataset", reject_column) == "queries"
    if num_cpus is None and not num_gpus:
        num_cpus = 1
    settings = {
        "model": model,
        "columns": names,
        "top_k": top_k,
        "instruction": instruction,
        "max_parallel": max_parallel,
        "max_retries": max_retries,
        "reject_column": reject_column,
        "lists": lists,
        "threads": None if num_cpus is None else max(1, int(num_cpus)),
    }
    mapping: dict[str, Any] = {
        "fn_constructor_kwargs": settings,
        "batch_format": "pyarrow",
        "compute": compute or data.ActorPoolStrategy(min_size=1),
        "num_cpus": num_cpus,
        "num_gpus": num_gpus,
        **(ray_remote_args or {}),
    }
    if lists:
        return dataset.map_batches(RerankBatch, batch_size=batch_size, **mapping)
    if dataset.context.checkpoint_config is not None:
        raise InvalidRequestError(
            "A checkpoint remembers rows, and here a row is a candidate: what is left of a query would be ranked alone.",
            hint="Make one row a query with a list of candidates, or turn the checkpoint off.",
        )
    place = imported_ray("ray.data.expressions").monotonically_increasing_id()
    keys = [name for name in (names.group, names.query) if name is not None]
    return dataset.with_column(_PLACE, place).groupby(keys).map_groups(RerankBatch, **mapping)


def check_sendable(model: AnyReranker | str) -> None:
    """Refuse a model that no other process could have; a name is resolved, and nothing is loaded.

    Raises:
        InvalidRequestError: A reranker that cannot be pickled.
        UnknownModelError: A name that stands for no model.
    """
    resolve(model)
    if isinstance(model, str):
        return
    try:
        imported_ray("ray.cloudpickle").dumps(model)
    except (TypeError, AttributeError, pickle.PicklingError, RecursionError) as error:
        raise InvalidRequestError(
            f"The reranker {model.provider}:{model.model_id} cannot be sent to other processes: {error}.",
            hint='Pass its name, as in "provider:model-id", or a reranker that can be pickled.',
        ) from None


def _arrow_schema(dataset: Dataset) -> Any:
    """Return the columns' types, None for a dataset without rows; Ray may read the first block for it."""
    pa = imported("pyarrow", "A dataset of Ray", "ray")
    schema = dataset.schema()
    if schema is None or isinstance(schema.base_schema, pa.Schema):
        return None if schema is None else schema.base_schema
    return dataset.take_batch(1, batch_format="pyarrow").schema
