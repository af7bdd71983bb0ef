"""A reranker of your own in three members: what is new comes first, what is old fades."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from localrank import DoRerankOptions, DoRerankResult, ScoredIndex, rerank_sync


@dataclass(frozen=True, slots=True)
class Note:
    """A text and its day."""

    text: str
    written: date


class FreshestFirst:
    """Halves a note's score with every `half_life_days` of age."""

    provider = "example"
    model_id = "freshest-first"
    accepts_objects = True  # asks for the caller's own documents, since a text has no date

    def __init__(self, today: date, half_life_days: float = 30) -> None:
        self.today = today
        self.half_life_days = half_life_days

    async def do_rerank(self, options: DoRerankOptions) -> DoRerankResult:
        """Score each note by its age."""
        notes: tuple[Note, ...] = options.objects or ()
        ages = [(self.today - note.written).days for note in notes]
        scores = [0.5 ** (age / self.half_life_days) for age in ages]
        return DoRerankResult(results=[ScoredIndex(index, score) for index, score in enumerate(scores)])


NOTES = [
    Note("The release is planned for March.", date(2026, 1, 10)),
    Note("The release was moved to May.", date(2026, 3, 2)),
    Note("We talked about a release.", date(2025, 10, 1)),
]


def main() -> None:
    for hit in rerank_sync(FreshestFirst(date(2026, 3, 12)), "When is the release?", NOTES):
        print(f"{hit.score:.2f} {hit.document.written} {hit.text}")


if __name__ == "__main__":
    main()
