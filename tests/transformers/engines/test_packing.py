"""Documents end to end: what a graph is fed with, and whose vectors are whose."""

from __future__ import annotations

import numpy as np

from localrank_transformers.call.contract import Row
from localrank_transformers.call.planner import PACKED_DOCUMENTS
from localrank_transformers.engines.packing import packed_feed, parts


def row(*ids: int) -> Row:
    return Row(np.array(ids), np.array([0] + [1] * (len(ids) - 1)))


def test_one_document_is_fed_as_it_is() -> None:
    feed = packed_feed([row(7, 8, 9)], with_types=True)
    assert {name: values.tolist() for name, values in feed.items()} == {
        "input_ids": [7, 8, 9],
        "position_ids": [0, 1, 2],
        "token_type_ids": [0, 1, 1],
        "lengths": [3],
    }


def test_several_are_made_up_to_a_fixed_number_with_single_tokens() -> None:
    feed = packed_feed([row(7, 8), row(9, 5, 4)], with_types=True)
    assert feed["lengths"].tolist() == [2, 3, 1, 1]
    assert len(feed["lengths"]) == PACKED_DOCUMENTS
    assert feed["input_ids"].tolist() == [7, 8, 9, 5, 4, 0, 0]
    assert feed["position_ids"].tolist() == [0, 1, 0, 1, 2, 0, 0]
    assert feed["token_type_ids"].tolist() == [0, 1, 0, 1, 1, 0, 0]


def test_segments_are_fed_only_to_a_graph_that_reads_them() -> None:
    assert "token_type_ids" not in packed_feed([row(7)], with_types=False)


def test_a_row_without_tokens_is_fed_one_and_gets_no_vector() -> None:
    none = Row(np.array([], dtype=np.int64), np.array([], dtype=np.int64))
    assert packed_feed([none], with_types=True)["input_ids"].tolist() == [0]
    feed = packed_feed([none, row(7, 8)], with_types=True)
    assert feed["lengths"].tolist() == [1, 2, 1, 1]
    assert feed["input_ids"].tolist() == [0, 7, 8, 0, 0]
    first, second = parts(np.arange(10, dtype=np.float32).reshape(5, 2), [none, row(7, 8)])
    assert first.shape == (0, 2)
    np.testing.assert_array_equal(second, [[2, 3], [4, 5]])


def test_each_row_gets_its_own_vectors_and_the_filling_nothing() -> None:
    rows = [row(7, 8), row(9, 5, 4)]
    output = np.arange(14, dtype=np.float32).reshape(7, 2)
    first, second = parts(output, rows)
    np.testing.assert_array_equal(first, output[:2])
    np.testing.assert_array_equal(second, output[2:5])
