"""Whatever takes a path says so where it is given none, in the words of every other bad argument."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from localrank import InvalidRequestError, SQLiteStore
from localrank.batches import BatchJob
from localrank.compose.single.calibration import Calibration
from localrank.evaluation import load_beir, load_evaluation, load_jsonl

TAKES_A_PATH: list[Callable[[object], object]] = [
    lambda path: SQLiteStore(path),  # type: ignore[arg-type]
    lambda path: Calibration.load(path),  # type: ignore[arg-type]
    lambda path: load_beir(path),  # type: ignore[arg-type]
    lambda path: load_jsonl(path),  # type: ignore[arg-type]
    lambda path: load_evaluation(path),  # type: ignore[arg-type]
    lambda path: BatchJob(path, "out"),  # type: ignore[arg-type]
    lambda path: BatchJob("in.jsonl", path),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("path", [3, None, b"a", "", "a\0b"])
@pytest.mark.parametrize("take", TAKES_A_PATH)
def test_what_is_no_path_is_refused(take: Callable[[object], object], path: object) -> None:
    with pytest.raises(InvalidRequestError, match=r"(path|input|output) is "):
        take(path)
