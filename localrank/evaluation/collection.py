"""What is evaluated on: queries, documents, graded judgements, and each query's own documents where the data name them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from localrank.contract.errors import InvalidDataError
from localrank.providers.annotations import check_types
from localrank.providers.arguments import check_count, check_integer

__all__ = ["Collection", "Judgements", "sampled"]

Judgements = Mapping[str, Mapping[str, int]]
"""Query id → document id → grade; 0 and less are not relevant."""


@dataclass(frozen=True, slots=True, repr=False)
class Collection:
    """Queries and documents with judgements.

    Attributes:
        name: For reports.
        queries: Query id → text.
        documents: Document id → text, in the order of the data.
        judgements: Query id → document id → grade. Only queries in here count.
        pools: Query id → ids of its own documents, in the order of the data; empty where every query is asked of all
            documents.
        remarks: What was odd about the data and did not stop the reading, for a person.
        first_stages: The names of candidate lists that came with the data, and their files.
    """

    name: str
    queries: Mapping[str, str]
    documents: Mapping[str, str]
    judgements: Judgements
    pools: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    remarks: tuple[str, ...] = ()
    first_stages: Mapping[str, Sequence[Path]] = field(default_factory=dict[str, Sequence[Path]])

    def __post_init__(self) -> None:
        if not self.documents:
            raise InvalidDataError(f"{self.name!r} has no documents.", hint="Is their file empty?")
        if not self.judged_queries:
            raise InvalidDataError(
                f"No query of {self.name!r} is judged: {len(self.queries)} queries and judgements of "
                f"{len(self.judgements)} have no id in common.",
                hint="Query ids must be the same, as text, in the queries and in the judgements.",
            )

    @property
    def judged_queries(self) -> list[str]:
        """Ids of the queries that have a text and a judgement, in the order of the data."""
        return [query for query in self.queries if self.judgements.get(query)]

    def __repr__(self) -> str:
        return f"<Collection {self.name!r}: {len(self.judged_queries)} judged queries, {len(self.documents)} documents>"


def sampled(collection: Collection, count: int | None, *, seed: int = 0) -> Collection:
    """Return the collection with `count` of its judged queries, drawn with `seed`; all of them for None.

    Queries without a judgement, and judgements of queries without a text, are left out in any case.

    Raises:
        InvalidRequestError: `count` is below 1.
    """
    check_types(locals(), sampled, Collection=Collection)
    wanted = check_count("The number of queries", count)
    judged = collection.judged_queries
    if wanted is not None and wanted < len(judged):
        chosen = set(random.Random(check_integer("seed", seed)).sample(sorted(judged), wanted))  # noqa: S311 - no secret
        judged = [query for query in judged if query in chosen]
    return replace(
        collection,
        queries={query: collection.queries[query] for query in judged},
        judgements={query: collection.judgements[query] for query in judged},
    )
