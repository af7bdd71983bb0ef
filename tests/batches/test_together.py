"""Whether the rows of a query stand together is told whatever there is room for, or not at all."""

from __future__ import annotations

from contextlib import closing

import pytest

from localrank import InvalidRequestError
from localrank.batches.together import Together


def test_keys_that_find_no_room_are_one_error() -> None:
    with closing(Together("in.jsonl")) as together:
        together._before.execute("PRAGMA max_page_count = 8")
        with pytest.raises(
            InvalidRequestError, match=r"for temporary files cannot be written: .* full\. Set TMPDIR"
        ):
            together.see(range(10_000))
