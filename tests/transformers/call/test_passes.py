"""One pass over documents: each different text once, planned by what it costs, counted by what is read, ended in any case."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from localrank.contract.errors import InferenceError
from localrank.contract.model import DoRerankOptions
from localrank.contract.types import RerankWarning
from localrank_transformers.call.contract import DocumentTokens, Row, Scorer
from localrank_transformers.call.deadline import Watch
from localrank_transformers.call.passes import ScoringPass, Tally, distinct_slices


def test_equal_texts_stand_once_with_all_their_places() -> None:
    assert list(distinct_slices(["a", "b", "a"], range(3), 10, Tally())) == [{"a": [0, 2], "b": [1]}]


def test_a_slice_holds_no_more_than_its_size() -> None:
    assert list(distinct_slices(["a", "b", "c"], range(3), 2, Tally())) == [{"a": [0], "b": [1]}, {"c": [2]}]


def test_only_the_asked_places_are_taken() -> None:
    assert list(distinct_slices(["a", "b", "c"], [2, 0], 10, Tally())) == [{"c": [2], "a": [0]}]


def test_no_place_gives_no_slice() -> None:
    assert list(distinct_slices(["a"], [], 10, Tally())) == []


class Letters:
    """A family and a query whose tokens are letters; a logit is the number of a document's letters."""

    activation = "none"
    groups = True
    reads_instruction = False
    query_limit = "nothing"
    truncated = False
    query_tokens = 5
    shared_tokens = 3

    def open(self, query: str, instruction: str | None) -> Letters:
        raise NotImplementedError

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        raise NotImplementedError

    def rows(self, documents: Sequence[DocumentTokens]) -> list[Row]:
        raise NotImplementedError

    def documents(self, documents: Sequence[str]) -> list[DocumentTokens]:
        return [DocumentTokens(array("i", map(ord, text[:4])), truncated=len(text) > 4) for text in documents]

    def lengths(self, documents: Sequence[DocumentTokens]) -> list[int]:
        return [self.shared_tokens + len(document.ids) for document in documents]

    def scorer(self, request: Any) -> Scorer:
        assert request == "the engine"
        return lambda documents: [float(len(document.ids)) for document in documents]


class Recording:
    """A device, and a runner that runs each document alone and notes what it was given."""

    request = "the engine"
    deadline_slice = 2

    def __init__(self, *, stops_after: int | None = None, failure: Exception | None = None) -> None:
        self.work: list[list[int]] = []
        self.is_ended = False
        self._stops_after = stops_after
        self._failure = failure

    def begin(self, engine: Any, family: Any, documents: int) -> Recording:
        assert (engine, documents) == ("the engine", 4)
        return self

    def release(self) -> None:
        raise NotImplementedError

    def run(
        self,
        work: Sequence[int],
        execute: Callable[[Sequence[int]], None],
        should_stop: Callable[[], bool],
    ) -> bool:
        if self._failure is not None:
            raise self._failure
        self.work.append(list(work))
        for position in range(len(work))[: self._stops_after]:
            execute([position])
        return self._stops_after is None

    def stop(self) -> None:
        raise NotImplementedError

    def end(self) -> list[RerankWarning]:
        self.is_ended = True
        return [RerankWarning("out_of_memory", "half")]


def scored(device: Recording, *, deadline: float | None = None, watch: Watch | None = None) -> Tally:
    options = DoRerankOptions("q", ("ab", "", "abcdefg", "ab"), deadline=deadline)
    watch = watch or Watch(None, deadline)
    return ScoringPass(device, Letters(), Letters(), options, watch).run("the engine", range(4))


def test_work_is_what_is_not_shared_and_never_nothing() -> None:
    device = Recording()
    scored(device)
    assert device.work == [[2, 1, 4]]


def test_each_text_counts_once_with_what_is_shared_and_the_query_once() -> None:
    tally = scored(Recording())
    assert tally.logits == {0: 2.0, 1: 0.0, 2: 4.0, 3: 2.0}
    assert tally.tokens == 5 + (3 + 2) + (3 + 0) + (3 + 4)
    assert tally.truncated == {2}


def test_with_a_deadline_slices_are_the_runners() -> None:
    device = Recording()
    scored(device, deadline=60.0)
    assert device.work == [[2, 1], [4]]


def test_a_runner_that_was_stopped_is_given_no_further_slice() -> None:
    device = Recording(stops_after=1)
    assert scored(device, deadline=60.0).logits == {0: 2.0}
    assert device.work == [[2, 1]]


def test_what_the_runner_has_to_say_is_in_the_tally() -> None:
    assert [warning.message for warning in scored(Recording()).warnings] == ["half"]


def test_a_pass_that_fails_is_ended_and_no_longer_stopped() -> None:
    device, watch = Recording(failure=InferenceError("no")), Watch(None, None)
    with pytest.raises(InferenceError, match="no"):
        scored(device, watch=watch)
    assert device.is_ended
    watch.stop()


def test_a_text_of_an_earlier_slice_gets_its_logit_without_another_run() -> None:
    tally = Tally()
    slices = distinct_slices(["a", "b", "a", "c"], range(4), 2, tally)
    assert next(slices) == {"a": [0], "b": [1]}
    tally.note([DocumentTokens(array("i", [1]), truncated=True)], [[0]], [0.5])
    tally.note([DocumentTokens(array("i", [1]), truncated=False)], [[1]], [0.25])
    assert list(slices) == [{"c": [3]}]
    assert tally.logits == {0: 0.5, 1: 0.25, 2: 0.5}
    assert tally.truncated == {0, 2}


def test_only_as_much_is_read_as_the_next_slice_takes() -> None:
    read: list[int] = []
    indexes = (read.append(index) or index for index in range(1000))
    next(distinct_slices([str(number) for number in range(1000)], indexes, 10, Tally()))
    assert len(read) == 10
