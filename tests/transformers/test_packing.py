"""Documents end to end: what a graph is fed with, and whose vectors are whose."""

from __future__ import annotations

import numpy as np

from localrank_transformers.packing import PACKED_DOCUMENTS, packed_feed, parts
from localrank_transformers.tokenization import Row


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
    assert feed["input_ids"].tolist() == [7, 8, 9, 5, 4, 7, 7]
    assert feed["position_ids"].tolist() == [0, 1, 0, 1, 2, 0, 0]
    assert feed["token_type_ids"].tolist() == [0, 1, 0, 1, 1, 0, 0]


def test_segments_are_fed_only_to_a_graph_that_reads_them() -> None:
    assert "token_type_ids" not in packed_feed([row(7)], with_types=False)


def test_each_row_gets_its_own_vectors_and_the_filling_nothing() -> None:
    rows = [row(7, 8), row(9, 5, 4)]
    output = np.arange(14, dtype=np.float32).reshape(7, 2)
    first, second = parts(output, rows)
    np.testing.assert_array_equal(first, output[:2])
    np.testing.assert_array_equal(second, output[2:5])
