"""The first stage: which documents of each query are reranked, in which order they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from localrank.contract.errors import InvalidDataError
from localrank.evaluation.bm25 import bm25_run
from localrank.evaluation.collection import Collection
from localrank.evaluation.run_reading import Run, read_run
from localrank.providers.annotations import check_types
from localrank.providers.arguments import check_count, check_path
from localrank.providers.data.judgements import candidates as candidate_lists

__all__ = ["FirstStage", "first_stage_of"]


@dataclass(frozen=True, slots=True, repr=False)
class FirstStage:
    """Candidates of each query.

    Attributes:
        name: `bm25`, `corpus`, `judged`, the name of lists that came with the data, or of the run.
        run: Query id → (document id, score), best first; a query without candidates has an empty list.
        is_order: Whether the documents stand as they came, with scores that only say their place.
    """

    name: str
    run: Run
    is_order: bool = False

    def __repr__(self) -> str:
        return f"<FirstStage {self.name!r} of {len(self.run)} queries>"


def first_stage_of(
    collection: Collection, first_stage: str | Path | Run | None = None, *, candidates: int | None = 50
) -> FirstStage:
    """Return each query's candidates.

    Args:
        collection: Queries and documents.
        first_stage: The name of candidate lists that came with the data (`collection.first_stages`); `"bm25"`, computed here
            where no such lists came; `"corpus"`, the documents (or the query's own, where the data have them) as they come;
            `"judged"`, each query's judged documents in the order of the corpus; the path of a TREC run; or a run in memory.
            None takes `corpus` where queries have documents of their own, else `bm25`.
        candidates: How many a query keeps; None keeps all.

    Raises:
        InvalidRequestError: A wrong argument.
        InvalidDataError: A run that cannot be read or that names a document that is not there.
        MissingDependencyError: BM25 without bm25s.
    """
    check_types(locals(), first_stage_of, Collection=Collection)
    wanted = check_count("candidates", candidates)
    count = len(collection.documents) if wanted is None else wanted
    chosen = first_stage if first_stage is not None else "corpus" if collection.pools else "bm25"
    if isinstance(chosen, Mapping):
        return FirstStage("run", _checked(collection, chosen, "The run", count))
    if isinstance(chosen, str) and chosen in collection.first_stages:
        return FirstStage(chosen, _brought(collection, chosen, count), is_order=True)
    if chosen == "bm25":
        run = bm25_run(collection.documents, collection.queries, count, pools=collection.pools)
        return FirstStage("bm25", run)
    if chosen == "corpus":
        everything = list(collection.documents)
        return _as_they_come(
            "corpus", {query: collection.pools.get(query, everything) for query in collection.queries}, count
        )
    if chosen == "judged":
        return _as_they_come("judged", _judged(collection), count)
    path = check_path("first_stage", chosen)
    if not path.is_file():
        known = ", ".join(dict.fromkeys(["bm25", "corpus", "judged", *collection.first_stages]))
        raise InvalidDataError(
            f"The first stage {str(chosen)!r} is no file.", hint=f"Pass {known} or the path of a TREC run."
        )
    return FirstStage(path.stem, _checked(collection, read_run(path), str(path), count))


def _as_they_come(name: str, documents: Mapping[str, Sequence[str]], count: int) -> FirstStage:
    run = {
        query: [(document, -float(rank)) for rank, document in enumerate(own[:count], 1)]
        for query, own in documents.items()
    }
    return FirstStage(name, run, is_order=True)


def _brought(collection: Collection, name: str, count: int) -> dict[str, list[tuple[str, float]]]:
    run = {
        query: [(document, -float(rank)) for rank, document in enumerate(own, 1)]
        for path in collection.first_stages[name]
        for query, own in candidate_lists(path)
    }
    return _checked(collection, run, f"{name} of {collection.name}", count)


def _judged(collection: Collection) -> dict[str, list[str]]:
    indexes = {document: index for index, document in enumerate(collection.documents)}
    return {
        query: sorted(
            (document for document in collection.judgements.get(query, {}) if document in indexes),
            key=indexes.__getitem__,
        )
        for query in collection.queries
    }


def _checked(collection: Collection, run: Run, source: str, count: int) -> dict[str, list[tuple[str, float]]]:
    kept = {query: list(run.get(query, []))[:count] for query in collection.queries}
    for query, ranking in kept.items():
        for document, _ in ranking:
            if document not in collection.documents:
                raise InvalidDataError(
                    f"{source} ranks document {document!r} for query {query!r}, which {collection.name!r} does not have.",
                    hint="Is the run of another collection?",
                )
    if not any(kept.values()):
        raise InvalidDataError(
            f"{source} ranks nothing for the {len(kept)} queries of {collection.name!r}.",
            hint="Is the run of another collection?",
        )
    return kept
