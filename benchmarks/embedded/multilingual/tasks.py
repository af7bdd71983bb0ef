"""What a multilingual model is measured by: queries with candidates, from files or made of passages."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import islice
from pathlib import Path

from benchmarks.common.candidates import judged, spread
from benchmarks.embedded.multilingual.lists import (
    PEOPLE,
    Labelled,
    of_headings,
    of_headings_across,
    of_people,
)
from localrank.evaluation import load_beir, read_run

__all__ = ["ENGLISH", "Kind", "Run", "Task", "across", "collection", "first", "made", "within"]

ENGLISH = "en"
_MADE_ACROSS = 2
"""One list across languages for so many within one."""
_MADE_PEOPLE = 4
"""Lists of questions of each file of records for one list of headings of a language."""
_MADE_CANDIDATES = 20

Run = Mapping[str, Sequence[tuple[str, float]]]


class Kind(Enum):
    """What the candidates are."""

    SENTENCES = "sentences of one language"
    ACROSS = "English sentences for questions in another language"
    COLLECTION = "texts of an English collection"
    MADE = "texts whose heading, or first sentence, or answered question, is the query"


@dataclass(frozen=True, slots=True)
class Task:
    """Queries with candidates.

    Attributes:
        name: The language; of two, `de → en`.
        queries: Id → text.
        docs: Id → text.
        qrels: Query → document → 1.
        candidates: Query → documents with the first stage's score, the best first; without a first stage all, at 0.
        kind: What the candidates are.
        has_stage: Whether there is a first stage.
    """

    name: str
    queries: Mapping[str, str]
    docs: Mapping[str, str]
    qrels: Mapping[str, Mapping[str, int]]
    candidates: Run
    kind: Kind = Kind.SENTENCES
    has_stage: bool = True


def within(folder: Path, language: str) -> Task:
    """Return XQuAD-R's questions over the sentences of the same language."""
    content = _read(folder, language)
    return Task(language, content["queries"], content["docs"], content["qrels"], content["candidates"])  # type: ignore[arg-type]  # as the file has them


def across(folder: Path, language: str) -> Task:
    """Return the questions of a language over all English sentences; questions have the same ids in all languages."""
    asked, english = _read(folder, language), within(folder, ENGLISH)
    everything = [(document, 0.0) for document in english.docs]
    queries: Mapping[str, str] = asked["queries"]  # type: ignore[assignment]  # as above
    return Task(
        f"{language} → en",
        queries,
        english.docs,
        {query: english.qrels[query] for query in queries},
        dict.fromkeys(queries, everything),
        Kind.ACROSS,
        has_stage=False,
    )


def collection(data: Path, runs: Path, name: str, count: int | None) -> Task:
    """Return queries of a collection with the best 50 of its run: `count` at most, spread over the run."""
    found = load_beir(data / name)
    run = read_run(next(iter(sorted(runs.glob(f"{name}.*.run")))))
    candidates = spread(judged(run, found), count)
    queries = {query: found.queries[query] for query in candidates}
    qrels = {query: found.judgements[query] for query in candidates}
    return Task(name, queries, found.documents, qrels, candidates, Kind.COLLECTION)


def made(passages: Path, train: Path, count: int) -> list[Task]:
    """Return lists of what is kept out of training: `count` of each language, fewer of two languages, more of people."""
    lists: list[Labelled] = [
        *of_people(train, lists=_MADE_PEOPLE * count, candidates=_MADE_CANDIDATES, apart=True),
        *of_headings(passages, lists=count, candidates=_MADE_CANDIDATES, apart=True),
        *of_headings_across(passages, lists=count // _MADE_ACROSS, candidates=_MADE_CANDIDATES),
    ]
    names = dict.fromkeys(one.language for one in lists)
    return [_of_lists(name, [one for one in lists if one.language == name]) for name in names]


def first(task: Task, count: int | None) -> Task:
    """Return the task with the first `count` queries alone."""
    queries = dict(islice(task.queries.items(), count))
    candidates = {query: task.candidates[query] for query in queries}
    return replace(
        task, queries=queries, candidates=candidates, qrels={query: task.qrels[query] for query in queries}
    )


def _read(folder: Path, language: str) -> dict[str, Mapping[str, object]]:
    content: dict[str, Mapping[str, object]] = json.loads(
        gzip.decompress((folder / f"xquadr_{language}.json.gz").read_bytes())
    )
    return content


def _of_lists(name: str, lists: Iterable[Labelled]) -> Task:
    queries, qrels, candidates = {}, {}, {}
    docs: dict[str, str] = {}
    for number, one in enumerate(lists):
        query = f"q{number}"
        queries[query] = one.query
        qrels[query] = {one.documents[one.right]: 1}
        candidates[query] = [(text, -float(place)) for place, text in enumerate(one.documents)]
        docs |= {text: text for text in one.documents}
    called = name if name == PEOPLE else f"{name}, headings"
    return Task(called, queries, docs, qrels, candidates, Kind.MADE, has_stage="→" not in name)
