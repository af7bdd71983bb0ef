"""The first stage: which documents of each query are reranked, in which order they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from localrank.contract.errors import InvalidRequestError
from localrank.evaluation.bm25 import bm25_run
from localrank.evaluation.collection import Collection
from localrank.evaluation.reading import Run, read_run
from localrank.providers.arguments import check_count

__all__ = ["FirstStage", "first_stage_of"]


@dataclass(frozen=True, slots=True, repr=False)
class FirstStage:
    """Candidates of each query.

    Attributes:
        name: `bm25`, `corpus`, `judged`, or the name of the run.
        run: Query id → (document id, score), best first; a query without candidates has an empty list.
    """

    name: str
    run: Run

    @property
    def is_order(self) -> bool:
        """Whether the documents stand as they come, with scores that only say their place."""
        return self.name in {"corpus", "judged"}

    def renamed(self, name: str) -> FirstStage:
        """Return the same candidates under another name."""
        return FirstStage(name, self.run)

    def __repr__(self) -> str:
        return f"<FirstStage {self.name!r} of {len(self.run)} queries>"


def first_stage_of(
    collection: Collection, first_stage: str | Path | Run | None = None, *, candidates: int | None = 50
) -> FirstStage:
    """Return each query's candidates.

    Args:
        collection: Queries and documents.
        first_stage: `"bm25"`; `"corpus"`, the documents (or the query's own, where the data have them) as they come;
            `"judged"`, each query's judged documents in the order of the corpus; the path of a TREC run; or a run in memory.
            None takes `corpus` where queries have documents of their own, else `bm25`.
        candidates: How many a query keeps; None keeps all.

    Raises:
        InvalidRequestError: A wrong argument, a run that cannot be read or that names a document that is not there.
        MissingDependencyError: BM25 without bm25s.
    """
    wanted = check_count("candidates", candidates)
    count = len(collection.documents) if wanted is None else wanted
    chosen = first_stage if first_stage is not None else "corpus" if collection.pools else "bm25"
    if isinstance(chosen, Mapping):
        return FirstStage("run", _checked(collection, chosen, "The run", count))
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
    path = Path(chosen)
    if not path.is_file():
        raise InvalidRequestError(
            f"The first stage {str(chosen)!r} is no file.",
            hint="Pass bm25, corpus, judged or the path of a TREC run.",
        )
    return FirstStage(path.stem, _checked(collection, read_run(path), str(path), count))


def _as_they_come(name: str, documents: Mapping[str, Sequence[str]], count: int) -> FirstStage:
    run = {
        query: [(document, -float(rank)) for rank, document in enumerate(own[:count], 1)]
        for query, own in documents.items()
    }
    return FirstStage(name, run)


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
                raise InvalidRequestError(
                    f"{source} ranks document {document!r} for query {query!r}, which {collection.name!r} does not have.",
                    hint="Is the run of another collection?",
                )
    if not any(kept.values()):
        raise InvalidRequestError(
            f"{source} ranks nothing for the {len(kept)} queries of {collection.name!r}.",
            hint="Is the run of another collection?",
        )
    return kept
